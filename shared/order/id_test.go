package order_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/stretchr/testify/require"
)

func TestOurNoRoundTrip(t *testing.T) {
	t.Parallel()
	for _, id := range []int64{1, 42, 123456789, math.MaxInt64} {
		for _, n := range []int{1, 7, 99, 100, 999} {
			gotID, gotN, err := order.ParseOurNo(order.OurNo(id, n))
			require.NoError(t, err)
			require.Equal(t, id, gotID)
			require.Equal(t, n, gotN)
		}
	}
}

func TestParseOurNoTakesOnlyWhatWeMint(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "1", "001", "1000", "0001", "-1001", "+1001", "01001", "12+01", "12-01", "1 001", "12 01", "abc001",
		"TDH2025053050205843", "9223372036854775808001", "92233720368547758070001", "１２００１"} {
		_, _, err := order.ParseOurNo(text)
		require.ErrorIs(t, err, order.ErrOurNo, "%q", text)
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 1, 2, 3, 4e6, time.UTC)
	ids := order.NewIDs(func() time.Time { return now }, rand.New(rand.NewPCG(1, 2)))
	seen := map[int64]bool{}
	var mu sync.Mutex
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 1000 {
				id := ids.Next()
				mu.Lock()
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	work.Wait()
	require.Len(t, seen, 4000)
	for id := range seen {
		require.Positive(t, id)
		require.True(t, order.IDTime(id).Equal(now), "%d", id)
	}
	first := ids.Next()
	now = now.Add(time.Millisecond)
	require.Greater(t, ids.Next()>>22, first>>22)
}

func TestCloneLeavesNoTrace(t *testing.T) {
	t.Parallel()
	a := &order.Aggregate{
		Order:    order.Order{ID: 1, Timers: []order.Timer{{Kind: order.TimerQuote}}},
		Attempts: []*order.Attempt{{N: 1, Carrier: "uupt"}},
		Quotes:   []order.Quote{{N: 1}}, Commands: []*order.Command{{Key: "c"}}, Outcome: &order.Outcome{Round: 1},
	}
	c := a.Clone()
	c.Timers[0].Kind, c.Attempts[0].State, c.Quotes[0].Refused, c.Commands[0].Applied = "x", order.Placed, "x", 9
	c.Attempts = append(c.Attempts, &order.Attempt{N: 2})
	require.Equal(t, order.TimerQuote, a.Timers[0].Kind)
	require.Empty(t, a.Attempts[0].State)
	require.Empty(t, a.Quotes[0].Refused)
	require.Zero(t, a.Commands[0].Applied)
	require.Nil(t, a.Attempt(2))
	require.NotNil(t, c.Attempt(2))
}
