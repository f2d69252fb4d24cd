package dispatch

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// slowFee is a carrier whose pre-query before a cancel takes its time.
type slowFee struct {
	carrier.Adapter
	clock *clock.Manual
	takes time.Duration
	left  []time.Duration // system time that each cancel was given
}

func (c *slowFee) Facts() carrier.Facts { return carrier.Facts{} }

func (c *slowFee) CancelFee(context.Context, carrier.Ref) (money.Fen, error) {
	c.clock.Advance(c.takes)
	return 200, nil
}

func (c *slowFee) Cancel(ctx context.Context, _ carrier.CancelRequest) (carrier.CancelResult, error) {
	deadline, _ := ctx.Deadline()
	c.left = append(c.left, deadline.Sub(clock.System.Now()))
	return carrier.CancelResult{}, nil
}

// A cancel that leaves after its lease could hit an attempt that was spared meanwhile.
func TestACancelLeavesWithinItsLease(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		takes, most time.Duration // most = 0: it must not leave at all
	}{{0, callTimeout}, {3500 * time.Millisecond, 1500 * time.Millisecond}, {4500 * time.Millisecond, 0}} {
		now := clock.NewManual(began)
		c := &slowFee{clock: now, takes: row.takes}
		s := &Stage{Carriers: map[string]carrier.Adapter{"x": c}, Clock: now}
		var ans turn.Answer
		p := turn.PlannedCall{Order: 1, Kind: order.CallCancel, Seq: 1, Until: began.Add(callLease),
			Attempt: order.Attempt{N: 1, Carrier: "x", State: order.AttemptCancelling, AcceptedAt: began}}
		s.call(t.Context(), p, store.Detail{}, &ans)
		if row.most == 0 {
			require.Empty(t, c.left)
			require.Equal(t, carrier.KindNotSent, carrier.KindOf(ans.Err))
			continue
		}
		require.NoError(t, ans.Err)
		require.Len(t, c.left, 1)
		require.LessOrEqual(t, c.left[0], row.most)
		require.Positive(t, c.left[0])
	}
}

// quiet is a carrier that tells its 违约金 before and with a cancel only.
type quiet struct {
	carrier.Adapter
	err       error
	cancelled int
}

func (*quiet) Facts() carrier.Facts { return carrier.Facts{QuietFine: true} }

func (q *quiet) CancelFee(context.Context, carrier.Ref) (money.Fen, error) { return 150, q.err }

func (q *quiet) Cancel(context.Context, carrier.CancelRequest) (carrier.CancelResult, error) {
	q.cancelled++
	return carrier.CancelResult{}, nil
}

// Nothing is cancelled blindly where a lost answer would take the figure with it, unless the
// carrier does not answer the pre-query for long.
func TestAQuietFineIsKnownBeforeTheCancel(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	lost := &carrier.Error{Carrier: "x", Op: "cancel_fee", Kind: carrier.KindTemporary}
	refused := &carrier.Error{Carrier: "x", Op: "cancel_fee", Kind: carrier.KindRefused}
	for name, row := range map[string]struct {
		err       error
		tries     int
		cancelled int
		fee       bool
	}{
		"known":                {nil, 0, 1, true},
		"in doubt":             {lost, 0, 0, false},
		"in doubt for long":    {lost, sureTries, 1, false},
		"decided: none is due": {refused, 0, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, now := &quiet{err: row.err}, clock.NewManual(began)
			s := &Stage{Carriers: carrier.Set{"x": c}, Clock: now}
			var ans turn.Answer
			s.call(t.Context(), turn.PlannedCall{Order: 1, Kind: order.CallCancel, Seq: 1, Until: began.Add(callLease),
				Attempt: order.Attempt{N: 1, Carrier: "x", State: order.AttemptCancelling, Tries: row.tries}}, store.Detail{}, &ans)
			require.Equal(t, row.cancelled, c.cancelled)
			require.Equal(t, row.fee, ans.Fee != nil)
			if row.cancelled == 0 {
				require.Equal(t, carrier.KindNotSent, carrier.KindOf(ans.Err))
			}
		})
	}
}
