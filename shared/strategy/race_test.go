package strategy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/strategy"
)

func TestPickByTheHour(t *testing.T) {
	t.Parallel()
	always := named("a-always", strategy.Match{City: []string{"330100"}})
	lunch := named("lunch", strategy.Match{City: []string{"330100"}, Window: "10:30-13:30"})
	night := named("night", strategy.Match{City: []string{"330100"}, Window: "22:00-06:00"})
	shop := named("shop", strategy.Match{Shop: []string{"s1"}})
	all := []strategy.Strategy{always, lunch, night, shop}
	for at, want := range map[string]string{
		"2026-11-23T10:29:59+08:00": "a-always", "2026-11-23T10:30:00+08:00": "lunch", "2026-11-23T05:29:00Z": "lunch", "2026-11-23T05:30:00Z": "a-always",
		"2026-11-23T22:00:00+08:00": "night", "2026-11-23T00:00:00+08:00": "night", "2026-11-23T06:00:00+08:00": "a-always",
	} {
		instant, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		got, why, err := strategy.Pick(all, strategy.Case{City: "330100", Shop: "s2", At: instant})
		require.NoError(t, err)
		require.Equal(t, want, got.Name, at)
		require.Equal(t, got.Match.Window, why.Window)
		got, _, err = strategy.Pick(all, strategy.Case{City: "330100", Shop: "s1", At: instant})
		require.NoError(t, err)
		require.Equal(t, "shop", got.Name, "a shop's own strategy goes before any hour")
	}
}

func TestFastestAndWeighted(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	offer := func(name string, price int64, accept, deliver time.Duration) strategy.Offer {
		return strategy.Offer{Carrier: name, Price: *fen(price), AcceptIn: accept, DeliverIn: deliver, ExpiresAt: now.Add(1)}
	}
	offers := []strategy.Offer{
		offer("cheap", 600, 0, 40*time.Minute), offer("quick", 1400, 0, 20*time.Minute), offer("middle", 800, 0, 25*time.Minute),
		offer("mute", 500, 0, 0), offer("half", 500, time.Minute, 0),
	}
	names := []string{"cheap", "quick", "middle", "mute", "half"}
	order := func(s strategy.Strategy) []string {
		s.Carriers = names
		left := append([]strategy.Offer(nil), offers...)
		var out []string
		for {
			i, _ := s.Choose(left, 2000, now)
			if i < 0 {
				return out
			}
			out = append(out, left[i].Carrier)
			left[i].Used = true
		}
	}
	require.Equal(t, []string{"quick", "middle", "cheap", "half", "mute"}, order(strategy.Strategy{Mode: strategy.Fastest}))
	require.Equal(t, names, order(strategy.Strategy{Mode: strategy.Simultaneous}), "a race begins with who is listed first")
	for weights, first := range map[strategy.Weights]string{
		{Price: 1}:          "mute",
		{Time: 1}:           "quick",
		{Price: 1, Time: 1}: "middle",
	} {
		require.Equal(t, first, order(strategy.Strategy{Mode: strategy.Weighted, Weights: weights})[0], "%+v", weights)
	}
	_, why := strategy.Strategy{Mode: strategy.Fastest, Carriers: names}.Choose(offers, 2000, now)
	require.Contains(t, why, strategy.Verdict{Carrier: "middle", Reason: "5m0s slower than quick"})
	require.Contains(t, why, strategy.Verdict{Carrier: "mute", Reason: "tells no time, quick does"})
	_, why = strategy.Strategy{Mode: strategy.Weighted, Weights: strategy.Weights{Price: 1, Time: 1}, Carriers: names}.Choose(offers, 2000, now)
	require.Contains(t, why, strategy.Verdict{Carrier: "cheap", Reason: "6.00元 and 40m0s weigh more than those of middle"})
	require.Contains(t, why, strategy.Verdict{Carrier: "mute", Reason: "5.00元 and no estimate weigh more than those of middle"})
}

func TestWide(t *testing.T) {
	t.Parallel()
	three := []string{"a", "b", "c"}
	for want, s := range map[int]strategy.Strategy{
		1: {Mode: strategy.Sequential, Carriers: three},
		2: {Mode: strategy.Cheapest, Carriers: three, Race: strategy.Race{Width: 2}},
		3: {Mode: strategy.Simultaneous, Carriers: three},
	} {
		require.Equal(t, want, s.Wide())
	}
}

func TestRaceTipAndWindowMistakesHaveAPath(t *testing.T) {
	t.Parallel()
	good := `"name":"x","carriers":["a","b"],"quote":{"deadline":"1s"},"accept_timeout":"90s","give_up_after":"15m"`
	for mistake, want := range map[string]string{
		`"mode":"sequential","race":{"width":2}`:                                            "race: the sequential mode tries one carrier after the other",
		`"mode":"simultaneous","race":{"width":3}`:                                          "race.width: 3 is more than the 2 carriers listed",
		`"mode":"simultaneous","race":{"width":1}`:                                          "race.width: 1 is no race",
		`"mode":"simultaneous","race":{"width":-1}`:                                         "race.width: must not be negative",
		`"mode":"simultaneous","race":{"widen_by":1}`:                                       "race.widen_by: needs race.widen_after",
		`"mode":"weighted"`:                                                                 "weights: the weighted mode needs",
		`"mode":"cheapest","weights":{"price":1}`:                                           "weights: have no meaning in the mode cheapest",
		`"mode":"weighted","weights":{"price":-1}`:                                          "weights: must not be negative",
		`"mode":"cheapest","tip":{"after":"60s","every":"60s","step_fen":100,"max_fen":50}`: "tip.max_fen: 0.50元 is less than one step of 1.00元",
		`"mode":"cheapest","tip":{"after":"60s","step_fen":100,"max_fen":500}`:              "tip.every: must be positive",
		`"mode":"cheapest","tip":{"step_fen":100,"max_fen":100}`:                            "tip.after: must be positive",
		`"mode":"cheapest","match":{"window":"9:00-10:00"}`:                                 `match.window: "9:00-10:00": want two different`,
		`"mode":"cheapest","match":{"window":"10:00-24:00"}`:                                `match.window`,
		`"mode":"cheapest","match":{"window":"10:00-10:00"}`:                                `match.window`,
		`"mode":"cheapest","match":{"window":"lunch"}`:                                      `match.window`,
		`"mode":"cheapest","pickup_timeout":"-1s"`:                                          "pickup_timeout: must not be negative",
		`"mode":"cheapest","limits":{"max_cost_fen":0}`:                                     "limits.max_cost_fen: must be positive",
	} {
		var s strategy.Strategy
		require.NoError(t, json.Unmarshal([]byte("{"+good+","+mistake+"}"), &s))
		err := s.Validate([]string{"a", "b"})
		require.ErrorContains(t, err, want, mistake)
		require.ErrorContains(t, err, `strategy "x"`)
	}
	for _, fine := range []string{
		`"mode":"sequential"`, `"mode":"simultaneous"`, `"mode":"simultaneous","race":{"width":1,"widen_after":"45s"}`, `"mode":"fastest","race":{"width":2}`,
		`"mode":"weighted","weights":{"price":3,"time":1}`, `"mode":"cheapest","match":{"window":"22:30-05:00"}`,
		`"mode":"cheapest","tip":{"after":"120s","every":"60s","step_fen":100,"max_fen":500}`, `"mode":"cheapest","tip":{"after":"120s","step_fen":100,"max_fen":100}`,
	} {
		var s strategy.Strategy
		require.NoError(t, json.Unmarshal([]byte("{"+good+","+fine+"}"), &s))
		require.NoError(t, s.Validate([]string{"a", "b"}), fine)
	}
}
