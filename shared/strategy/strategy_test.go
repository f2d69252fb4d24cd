package strategy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/strategy"
)

func named(name string, m strategy.Match) strategy.Strategy {
	return strategy.Strategy{Name: name, Version: 1, Match: m}
}

func TestPickTakesTheClosest(t *testing.T) {
	t.Parallel()
	shop := named("shop", strategy.Match{Shop: []string{"s1"}})
	cityPlatform := named("city+platform", strategy.Match{City: []string{"330100"}, Platform: []string{"meituan"}})
	city := named("city", strategy.Match{City: []string{"330100"}})
	platform := named("platform", strategy.Match{Platform: []string{"meituan"}})
	all := []strategy.Strategy{named("zdefault", strategy.Match{}), platform, city, cityPlatform, shop, named("default", strategy.Match{})}
	for _, c := range []struct {
		platform, city, shop, want, level string
		rivals                            int
	}{
		{"meituan", "330100", "s1", "shop", "shop", 5},
		{"meituan", "330100", "s2", "city+platform", "city+platform", 4},
		{"jd", "330100", "s2", "city", "city", 2},
		{"meituan", "110100", "s2", "platform", "platform", 2},
		{"jd", "110100", "s2", "default", "default", 1},
	} {
		got, why, err := strategy.Pick(all, strategy.Case{Platform: c.platform, City: c.city, Shop: c.shop})
		require.NoError(t, err)
		require.Equal(t, c.want, got.Name)
		require.Equal(t, strategy.Why{Level: c.level, Strategy: c.want, Version: 1, Rivals: c.rivals}, why)
	}
	_, _, err := strategy.Pick([]strategy.Strategy{city}, strategy.Case{Platform: "jd", City: "110100", Shop: "s"})
	require.ErrorIs(t, err, strategy.ErrNone)
}

func fen(n int64) *money.Fen { f := money.Fen(n); return &f }

func TestChoose(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	offers := []strategy.Offer{
		{N: 1, Carrier: "a", Price: 900, ExpiresAt: now.Add(time.Minute)},
		{N: 2, Carrier: "b", Price: 700, ExpiresAt: now.Add(time.Minute)},
		{N: 3, Carrier: "c", Price: 600, ExpiresAt: now},
		{N: 4, Carrier: "d", Price: 500, ExpiresAt: now.Add(time.Minute), Used: true},
		{N: 5, Carrier: "e", Price: 400, ExpiresAt: now.Add(time.Minute), Refused: "out of area"},
		{N: 6, Carrier: "f", Price: 300, ExpiresAt: now.Add(time.Minute)},
	}
	s := strategy.Strategy{Mode: strategy.Sequential, Carriers: []string{"a", "b", "c", "d", "e"}}
	i, why := s.Choose(offers, 1000, now)
	require.Equal(t, 0, i)
	require.Equal(t, []strategy.Verdict{{"c", "quote expired"}, {"d", "tried already"}, {"e", "out of area"}, {"f", "not in the strategy"}, {"b", "listed after a"}}, why)

	s.Mode = strategy.Cheapest
	i, why = s.Choose(offers, 1000, now)
	require.Equal(t, 1, i)
	require.Contains(t, why, strategy.Verdict{Carrier: "a", Reason: "2.00元 dearer than b"})

	s.Limits = strategy.Limits{MaxCost: fen(650)}
	i, _ = s.Choose(offers, 1000, now)
	require.Equal(t, -1, i)
	s.Limits = strategy.Limits{MinMargin: fen(200)}
	i, why = s.Choose(offers, 1000, now)
	require.Equal(t, 1, i)
	require.Contains(t, why, strategy.Verdict{Carrier: "a", Reason: "leaves a margin of 1.00元, the least is 2.00元"})
}

func TestValidateNamesThePath(t *testing.T) {
	t.Parallel()
	var s strategy.Strategy
	require.NoError(t, json.Unmarshal([]byte(`{"name":"x","mode":"lucky","carriers":["a","zz","a"],"quote":{"deadline":"0s"},"accept_timeout":"90s","give_up_after":"15m"}`), &s))
	err := s.Validate([]string{"a", "b"})
	for _, part := range []string{`mode: "lucky"`, `carriers[1]: "zz" is not a known carrier`, `carriers[2]: "a" is listed twice`, "quote.deadline: must be positive"} {
		require.ErrorContains(t, err, part)
	}
	require.Error(t, json.Unmarshal([]byte(`{"accept_timeout":"soon"}`), &s))
}
