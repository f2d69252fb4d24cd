package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// carried stores an order whose rider accepted: two milestones, the second by attempt 1.
func (f fixture) carried(t testing.TB) int64 {
	t.Helper()
	id := f.orders(t, 1)[0]
	f.change(t, id, nil, func(x *turn.Turn) {
		step(x, "order", 0, "received", "quoted")
		step(x, "order", 0, "quoted", "dispatching")
		tell(x)
		e := step(x, "order", 1, "dispatching", "assigned")
		e.Detail = []byte(`{"cause":"first to accept"}`)
		tell(x)
		x.State, x.Winner = order.Assigned, 1
		x.Attempts = []*order.Attempt{{N: 1, Carrier: "shansong", State: order.Accepted, Rider: order.Rider{Name: "孙悟空", Phone: "13900001111"}}}
		x.Changed[1] = true
	})
	return id
}

func TestALeaseExcludesOthers(t *testing.T) {
	t.Parallel()
	f := open(t)
	id, quiet := f.carried(t), f.orders(t, 1)[0]
	until := now.Add(30 * time.Second)
	mine, err := f.LeaseReports(t.Context(), []int64{quiet, id}, "me", now, until)
	require.NoError(t, err)
	require.Len(t, mine, 1, "an order with nothing to tell is left out")
	require.Equal(t, []store.Told{
		{Version: 3, State: order.Dispatching, At: now},
		{Version: 4, State: order.Assigned, At: now, Reason: "first to accept", N: 1, Carrier: "shansong", Rider: order.Rider{Name: "孙悟空", Phone: "13900001111"}},
	}, mine[0].Milestones)
	require.Equal(t, "meituan", mine[0].Order.Platform)

	others, err := f.LeaseReports(t.Context(), []int64{id}, "other", now.Add(29*time.Second), until.Add(time.Minute))
	require.NoError(t, err)
	require.Empty(t, others)
	others, err = f.LeaseReports(t.Context(), []int64{id}, "other", until.Add(time.Millisecond), until.Add(time.Minute))
	require.NoError(t, err)
	require.Len(t, others, 1, "a lease that ended is free")

	// The first holder comes too late: it changes nothing.
	require.NoError(t, f.SaveTold(t.Context(), "me", []store.TellResult{{Order: id, Told: 4}}))
	require.Zero(t, f.load(t, id).Told)
	require.NoError(t, f.SaveTold(t.Context(), "other", []store.TellResult{{Order: id, Told: 4}}))
	loaded := f.load(t, id)
	require.Equal(t, 4, loaded.Told)
	require.Zero(t, loaded.TellAt)
}

func TestALaterMilestoneKeepsTellAt(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.carried(t)
	_, err := f.LeaseReports(t.Context(), []int64{id}, "me", now, now.Add(time.Minute))
	require.NoError(t, err)
	f.change(t, id, nil, func(x *turn.Turn) { step(x, "order", 1, "assigned", "arrived"); tell(x); x.State = order.Arrived })
	require.NoError(t, f.SaveTold(t.Context(), "me", []store.TellResult{{Order: id, Told: 4}}))
	require.Equal(t, now, f.load(t, id).TellAt)

	rest, err := f.LeaseReports(t.Context(), []int64{id}, "me", now, now.Add(time.Minute))
	require.NoError(t, err)
	require.Len(t, rest[0].Milestones, 1, "only what was not told")
	require.Equal(t, order.Arrived, rest[0].Milestones[0].State)
}

func TestAFailedReportIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := open(t)
	bad, good := f.carried(t), f.carried(t)
	lease := func() []store.ToTell {
		out, err := f.LeaseReports(t.Context(), []int64{bad, good}, "me", now, now.Add(time.Minute))
		require.NoError(t, err)
		return out
	}
	require.Len(t, lease(), 2)
	again := now.Add(10 * time.Second)
	require.NoError(t, f.SaveTold(t.Context(), "me", []store.TellResult{{Order: good, Told: 4}, {Order: bad, Told: 3, RetryAt: again, Attention: "the platform is down"}}))
	loaded := f.load(t, bad)
	require.Equal(t, 3, loaded.Told, "what it took is told")
	require.Equal(t, again, loaded.TellAt)
	require.Equal(t, "the platform is down", loaded.Attention)
	require.Zero(t, f.load(t, good).TellAt)

	leased := lease()
	require.Len(t, leased, 1)
	require.Equal(t, 1, leased[0].Tries)
	require.NoError(t, f.SaveTold(t.Context(), "me", []store.TellResult{{Order: bad, Told: 4, Attention: "another"}}))
	require.Equal(t, "the platform is down", f.load(t, bad).Attention, "the first reason stands")
	require.Zero(t, one[int](t, f, "SELECT tell_tries FROM orders WHERE id = ?", bad))
}

func TestNothingToLeaseIsNothing(t *testing.T) {
	t.Parallel()
	f := open(t)
	out, err := f.LeaseReports(t.Context(), nil, "me", now, now.Add(time.Minute))
	require.NoError(t, err)
	require.Empty(t, out)
	require.NoError(t, f.SaveTold(t.Context(), "me", nil))
}

// 回传率: what was told, late and refused adds up by platform; what is left to tell is due, too.
func TestReportRates(t *testing.T) {
	t.Parallel()
	f := open(t)
	none, err := f.ReportRates(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)
	told, half := f.carried(t), f.carried(t)
	until := now.Add(30 * time.Second)
	_, err = f.LeaseReports(t.Context(), []int64{told, half}, "me", now, until)
	require.NoError(t, err)
	require.NoError(t, f.SaveTold(t.Context(), "me", []store.TellResult{{Order: told, Told: 4, Taken: 1, Refused: 1}, {Order: half, Told: 3, Taken: 1, Late: 1, RetryAt: until}}))
	require.NoError(t, f.SaveTold(t.Context(), "stranger", []store.TellResult{{Order: half, Told: 4, Taken: 1}}), "who has no lease counts for nothing")
	rates, err := f.ReportRates(t.Context())
	require.NoError(t, err)
	require.Equal(t, []store.ReportRate{{Platform: "meituan", Due: 4, Told: 2, Late: 1, Refused: 1, Rate: 0.5, InTime: 0.25}}, rates)
}
