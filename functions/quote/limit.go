package quote

import (
	"context"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/quota"
)

// limit takes the calls of a batch out of what the carriers allow our accounts. A line that
// is left over has its reason, and the order goes to who is left.
func (s *Stage) limit(ctx context.Context, open []job, wanted []question) []question {
	wants, rules := map[quota.Key]quota.Want{}, s.accounts(ctx)
	for _, q := range wanted {
		k := quota.Key{Carrier: q.line.Carrier, Account: q.line.Account}
		wants[k] = quota.Want{Calls: wants[k].Calls + 1, PerSecond: carrier.PerSecond(rules, k.Carrier, k.Account)}
	}
	granted := s.Quota.Take(ctx, wants)
	var left []question
	for _, q := range wanted {
		k := quota.Key{Carrier: q.line.Carrier, Account: q.line.Account}
		if granted[k] > 0 {
			granted[k]--
			left = append(left, q)
			continue
		}
		q.line.Refused = "rate limit of our account reached"
		open[q.job].quotes = append(open[q.job].quotes, q.line)
	}
	return left
}
