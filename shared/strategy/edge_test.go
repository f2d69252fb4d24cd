package strategy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/strategy"
)

func TestValidateIsStable(t *testing.T) {
	t.Parallel()
	s := strategy.Strategy{Name: "x", Mode: strategy.Cheapest, Carriers: []string{"a"}, ReleaseLead: -1}
	first := s.Validate([]string{"a"}).Error()
	require.Equal(t, `strategy "x": quote.deadline: must be positive
strategy "x": accept_timeout: must be positive
strategy "x": give_up_after: must be positive
strategy "x": release_lead: must not be negative`, first)
	for range 20 {
		require.Equal(t, first, s.Validate([]string{"a"}).Error())
	}
	minute := strategy.Duration(time.Minute)
	good := strategy.Strategy{Name: "x", Mode: strategy.Sequential, Carriers: []string{"a"}, Quote: strategy.Quoting{Deadline: minute}, AcceptTimeout: minute, GiveUpAfter: minute}
	require.NoError(t, good.Validate([]string{"a", "b"}))
	require.ErrorContains(t, strategy.Strategy{}.Validate(nil), "carriers: is empty")
}

// The choice never depends on the order in which quotes came in.
func TestChoiceIsIndependentOfArrival(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	offer := func(name string, price int64) strategy.Offer {
		return strategy.Offer{Carrier: name, Price: *fen(price), ExpiresAt: now.Add(1)}
	}
	orders := [][]strategy.Offer{
		{offer("a", 900), offer("b", 700), offer("c", 700)}, {offer("c", 700), offer("b", 700), offer("a", 900)}, {offer("b", 700), offer("a", 900), offer("c", 700)},
	}
	for mode, want := range map[strategy.Mode]string{strategy.Sequential: "a", strategy.Cheapest: "b"} {
		s := strategy.Strategy{Mode: mode, Carriers: []string{"a", "b", "c"}}
		for _, offers := range orders {
			i, why := s.Choose(offers, 1000, now)
			require.Equal(t, want, offers[i].Carrier)
			require.Len(t, why, 2, "every carrier not chosen has its reason")
		}
	}
	i, why := strategy.Strategy{}.Choose(nil, 0, now)
	require.Equal(t, -1, i)
	require.Empty(t, why)
}

func TestDuration(t *testing.T) {
	t.Parallel()
	text, err := strategy.Duration(90 * time.Second).MarshalText()
	require.NoError(t, err)
	var back strategy.Duration
	require.NoError(t, back.UnmarshalText(text))
	require.Equal(t, strategy.Duration(90*time.Second), back)
}
