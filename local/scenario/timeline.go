package scenario

import (
	"context"
	"fmt"

	"github.com/chuandao/qianfan/shared/store"
)

// timelines are the lives of all orders, a line for each thing that happened.
func (p *play) timelines(ctx context.Context) []string {
	var out []string
	for _, label := range p.labels {
		o := p.orders[label]
		v, found, err := p.view(ctx, o)
		switch {
		case err != nil:
			out = append(out, fmt.Sprintf("%s: %v", label, err))
		case !found:
			out = append(out, fmt.Sprintf("%s (%s %s): not stored", label, o.platform, o.no))
		default:
			out = append(out, timeline(label, v)...)
		}
	}
	return out
}

func timeline(label string, v store.OrderView) []string {
	out := []string{fmt.Sprintf("%s (%s %s, %d): %s, strategy %s, attention %q", label, v.Order.Platform, v.Order.No, v.Order.ID, v.Order.State, v.Order.Strategy, v.Order.Attention)}
	carriers := map[int]string{}
	for _, a := range v.Attempts {
		carriers[a.N] = a.Carrier
		out = append(out, fmt.Sprintf("  attempt %d %s %s %s price %d booked %d penalty %d placed %s call %q doubt %q", a.N, a.Carrier, a.State, a.Cause, int64(a.PriceFen), int64(a.BookedFen), int64(a.PenaltyFen), stamp(a.PlacedAt), a.Call, a.Doubt))
	}
	for _, r := range v.Rounds {
		out = append(out, fmt.Sprintf("  round %d: %s %s", r.Round, r.Result, r.Reason))
	}
	for _, q := range v.Quotes {
		out = append(out, fmt.Sprintf("  quote %d %s %d %s", q.Round, q.Carrier, int64(q.PriceFen), q.Refused))
	}
	for _, c := range v.Commands {
		out = append(out, fmt.Sprintf("  command %s %s by %s: %d %s", c.Key, c.Kind, c.By, c.Applied, c.Decision))
	}
	for _, h := range v.History {
		who := "order"
		if h.N > 0 {
			who = fmt.Sprintf("%s/%d", carriers[h.N], h.N)
		}
		out = append(out, fmt.Sprintf("  %s v%-3d %-12s %-16s %s → %s  %s  %s", stamp(h.At), h.Version, who, h.Kind, h.From, h.To, h.Decision, h.Detail))
	}
	for _, e := range v.Entries {
		out = append(out, fmt.Sprintf("  %s %-6s %-40s %6d %s", stamp(e.At), e.Direction, e.Account, int64(e.AmountFen), e.Reason))
	}
	return out
}
