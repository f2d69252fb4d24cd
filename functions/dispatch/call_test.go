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
