package report

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/upstream"
)

// platform is one that only takes reports.
type platform struct {
	upstream.Adapter
	clock *clock.Manual
	takes time.Duration // of each report
	fails map[order.State]error
	told  []order.State
}

func (p *platform) Reports() bool { return true }

func (p *platform) Report(_ context.Context, m upstream.Milestone) error {
	p.clock.Advance(p.takes)
	p.told = append(p.told, m.State)
	return p.fails[m.State]
}

var began = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// life is an order with five milestones of which its platform has heard none.
func life() store.ToTell {
	t := store.ToTell{Order: order.Order{ID: 7, Platform: "p", No: "1"}}
	for i, s := range []order.State{order.Dispatching, order.Assigned, order.Arrived, order.PickedUp, order.Delivered} {
		t.Milestones = append(t.Milestones, store.Told{Version: 10 * (i + 1), State: s, At: began})
	}
	return t
}

func newStage(takes time.Duration, fails map[order.State]error) (*Stage, *platform) {
	now := clock.NewManual(began)
	p := &platform{clock: now, takes: takes, fails: fails}
	return &Stage{Platforms: map[string]upstream.Adapter{"p": p}, Clock: now}, p
}

func TestMilestonesAreToldInOrder(t *testing.T) {
	t.Parallel()
	s, p := newStage(time.Millisecond, nil)
	require.Equal(t, store.TellResult{Order: 7, Told: 50, Taken: 5}, s.tell(t.Context(), life(), began.Add(lease)))
	require.Equal(t, []order.State{order.Dispatching, order.Assigned, order.Arrived, order.PickedUp, order.Delivered}, p.told)
}

func TestFirstFailureStopsTheOrder(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err       error
		tries     int
		retry     time.Duration
		attention bool
	}{
		"unreachable":         {&upstream.Error{Reason: upstream.Unreachable}, 0, 5 * time.Second, false},
		"some other error":    {errors.New("reset"), 3, 40 * time.Second, false},
		"for the ninth time":  {errors.New("reset"), 8, 5 * time.Minute, true},
		"for the hundredth":   {errors.New("reset"), 99, 5 * time.Minute, true},
		"unreadable, retried": {&upstream.Error{Reason: upstream.Unreachable, Message: "x"}, 1, 10 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := newStage(0, map[order.State]error{order.Arrived: row.err})
			task := life()
			task.Tries = row.tries
			got := s.tell(t.Context(), task, began.Add(lease))
			require.Equal(t, 20, got.Told, "what was told before stays told")
			require.Equal(t, began.Add(row.retry), got.RetryAt)
			require.Equal(t, row.attention, got.Attention != "")
			require.Len(t, p.told, 3, "nothing is told past a failure")
		})
	}
}

func TestRefusalIsNotRepeated(t *testing.T) {
	t.Parallel()
	s, p := newStage(0, map[order.State]error{order.Arrived: upstream.Refuse(upstream.Refused, "", "808 no such order")})
	got := s.tell(t.Context(), life(), began.Add(lease))
	require.Equal(t, 50, got.Told)
	require.Zero(t, got.RetryAt)
	require.Contains(t, got.Attention, "platform refused arrived")
	require.Len(t, p.told, 5)
}

// A platform that answers slowly must not carry an order past its lease: whoever took it
// over would tell it at the same time.
func TestNobodyIsToldAfterTheLease(t *testing.T) {
	t.Parallel()
	s, p := newStage(2900*time.Millisecond, nil)
	got := s.tell(t.Context(), life(), began.Add(lease))
	require.Equal(t, []order.State{order.Dispatching, order.Assigned, order.Arrived}, p.told)
	require.Equal(t, 30, got.Told)
	require.False(t, got.RetryAt.IsZero(), "the rest is told soon")
	require.Less(t, s.Clock.System().Sub(began), lease)
}

// The 回传率 counts what was taken, of that what came late, and what was refused.
func TestWhatIsToldIsCounted(t *testing.T) {
	t.Parallel()
	s, _ := newStage(time.Second, map[order.State]error{order.Arrived: upstream.Refuse(upstream.Refused, "", "808")})
	s.InTime = 3500 * time.Millisecond
	got := s.tell(t.Context(), life(), began.Add(lease))
	require.Equal(t, []int{4, 2, 1}, []int{got.Taken, got.Late, got.Refused})
	s.InTime = 0
	got = s.tell(t.Context(), life(), s.Clock.System().Add(lease))
	require.Zero(t, got.Late, "30 s unless set")
}

func TestUnknownPlatformWaits(t *testing.T) {
	t.Parallel()
	s, _ := newStage(0, nil)
	task := life()
	task.Order.Platform = "gone"
	got := s.tell(t.Context(), task, began.Add(lease))
	require.Zero(t, got.Told)
	require.NotZero(t, got.RetryAt)
	require.Contains(t, got.Attention, "gone")
}

// Orders go on that got on; one that failed, or of which nothing could be told, waits.
func TestOnlyProgressGoesOn(t *testing.T) {
	t.Parallel()
	s, _ := newStage(0, nil)
	var leased []store.ToTell
	var results []store.TellResult
	for i, row := range []struct {
		told  int
		retry time.Time
	}{{20, time.Time{}}, {20, began}, {20, began.Add(time.Second)}, {10, time.Time{}}, {10, began}} {
		leased = append(leased, store.ToTell{Order: order.Order{ID: int64(i), Told: 10}})
		results = append(results, store.TellResult{Order: int64(i), Told: row.told, RetryAt: row.retry})
	}
	require.Equal(t, []int64{0, 1}, s.goOn(leased, results))
}
