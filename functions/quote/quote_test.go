package quote

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// priced is a carrier that only quotes.
type priced struct {
	carrier.Adapter
	quote carrier.Quote
	err   error
	hangs bool
}

func (p priced) Facts() carrier.Facts {
	return carrier.Facts{Account: "main", QuoteTTL: time.Minute}
}

func (p priced) Quote(ctx context.Context, _ carrier.QuoteRequest) (carrier.Quote, error) {
	if p.hangs {
		<-ctx.Done()
		return carrier.Quote{}, ctx.Err()
	}
	return p.quote, p.err
}

// Whatever a carrier answers, its line of the round can be stored and spoils no other.
func TestEveryAnswerBecomesOneLine(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	good := carrier.Quote{Token: "t", CarrierNo: "c", Price: 900}
	long := good
	long.Token = strings.Repeat("x", store.MaxToken+1)
	longNo := good
	longNo.CarrierNo = strings.Repeat("x", store.MaxCarrierNo+1)
	for name, row := range map[string]struct {
		carrier priced
		refused string
	}{
		"a price":           {priced{quote: good}, ""},
		"nothing":           {priced{}, "a price of"},
		"a refusal":         {priced{err: &carrier.Error{Carrier: "x", Kind: carrier.KindRefused, Message: "too far"}}, "too far"},
		"silence":           {priced{hangs: true}, "no answer before the deadline"},
		"an endless token":  {priced{quote: long}, "longer than any known"},
		"an endless number": {priced{quote: longNo}, "longer than any known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Stage{Clock: clock.NewManual(began)}
			ctx := t.Context()
			if row.carrier.hangs {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Millisecond)
				defer cancel()
			}
			q, err := s.price(ctx, store.QuoteJob{}, question{adapter: row.carrier, line: order.Quote{Round: 2, N: 9, Carrier: "x", Account: "main"}})
			if row.carrier.hangs {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			} else {
				require.Equal(t, row.carrier.err, err)
			}
			require.Equal(t, []any{2, 9, "x", "main"}, []any{q.Round, q.N, q.Carrier, q.Account})
			if row.refused == "" {
				require.Equal(t, order.Quote{Round: 2, N: 9, Carrier: "x", Account: "main", Token: "t", CarrierNo: "c", Price: 900, ExpiresAt: began.Add(time.Minute)}, q)
				return
			}
			require.Contains(t, q.Refused, row.refused)
			require.Empty(t, q.Token)
			require.Empty(t, q.CarrierNo)
			require.Zero(t, q.Price)
		})
	}
}
