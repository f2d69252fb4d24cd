package operate

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

var carriers = []string{"shansong", "uupt", "sftc", "fengniao"}

// lunch is the example of the design, and a few fields more.
const lunch = `
name: hangzhou-lunch
match: {platform: [meituan], city: ["330100"], window: "10:30-13:30"}
mode: simultaneous
carriers: [shansong, fengniao, uupt, sftc]
race: {width: 2, widen_after: 45s, widen_by: 1}
quote: {deadline: 1500ms, reuse: 60s}
accept_timeout: 90s
tip: {after: 120s, every: 60s, step_fen: 100, max_fen: 500}
limits: {max_cost_fen: 2500, min_margin_fen: -200}
give_up_after: 15m
release_lead: 45m
version: 7
`

func TestReadStrategyInYAML(t *testing.T) {
	t.Parallel()
	x, err := ReadStrategy([]byte(lunch), carriers)
	require.NoError(t, err)
	cost, margin := money.Fen(2500), money.Fen(-200)
	second := strategy.Duration(time.Second)
	require.Equal(t, strategy.Strategy{
		Name: "hangzhou-lunch", Mode: strategy.Simultaneous, Carriers: []string{"shansong", "fengniao", "uupt", "sftc"},
		Match: strategy.Match{Platform: []string{"meituan"}, City: []string{"330100"}, Window: "10:30-13:30"},
		Race:  strategy.Race{Width: 2, WidenAfter: 45 * second, WidenBy: 1}, Quote: strategy.Quoting{Deadline: 1500 * second / 1000, Reuse: 60 * second},
		AcceptTimeout: 90 * second, Tip: strategy.Tip{After: 120 * second, Every: 60 * second, Step: 100, Max: 500},
		Limits: strategy.Limits{MaxCost: &cost, MinMargin: &margin}, GiveUpAfter: 900 * second, ReleaseLead: 2700 * second,
	}, x, "the version is the database's")
}

func TestReadStrategyInJSON(t *testing.T) {
	t.Parallel()
	// Tabs between the values are JSON, and no YAML.
	x, err := ReadStrategy([]byte("{\n\t\"name\":\t\"a\",\n\t\"mode\": \"cheapest\", \"carriers\": [\"uupt\"],\n\t\"quote\": {\"deadline\": \"1.5s\"}, \"match\": {}, \"limits\": {},\n\t\"accept_timeout\": \"90s\", \"give_up_after\": \"15m\", \"release_lead\": \"0s\"}"), carriers)
	require.NoError(t, err)
	require.Equal(t, "a", x.Name)
	require.Equal(t, strategy.Duration(1500*time.Millisecond), x.Quote.Deadline)
}

func TestEveryMistakeOfAStrategyHasItsPath(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"shape": {`
name: x
match: {city: [330100], colour: [jd]}
mode: cheapest
carriers: uupt
quote: {deadline: soon}
race: [1]
limits: {max_cost_fen: 12.5}
accept_timeout: 90s
accept_timeout: 80s
tip:
give_up_after: 15m
`, []string{
			`line 3: match.city[0]: want text: write "330100" in quotes`,
			`line 3: match.colour: no such key; known are platform, city, shop, window`,
			"line 5: carriers: want a list, as [a, b]",
			`line 6: quote.deadline: "soon": want a span such as 90s or 15m`,
			"line 7: race: want keys and values",
			`line 8: limits.max_cost_fen: "12.5": want a whole number`,
			"line 10: accept_timeout: is there twice",
			"line 11: tip: want keys and values",
		}},
		"meaning": {`{"name": "a b", "mode": "luck", "carriers": ["uupt", "ghost", "uupt"], "quote": {"deadline": "0s"}, "accept_timeout": "90s", "give_up_after": "-1s", "race": {"width": 9}}`, []string{
			`name: "a b": want at most 64 bytes, without blanks or slashes`,
			`mode: "luck" is none of [sequential simultaneous cheapest fastest weighted]`,
			`carriers[1]: "ghost" is not a known carrier`,
			`carriers[2]: "uupt" is listed twice`,
			"quote.deadline: must be positive",
			"give_up_after: must be positive",
			"race.width: 9 is more than the 3 carriers listed",
		}},
		"slips of the pen": {`{"name": "x", "mode": "cheapest", "carriers": ["uupt"], "quote": {"deadline": "1500s"}, "accept_timeout": "90s", "give_up_after": "15m",
 "tip": {"after": "60s", "every": "60s", "step_fen": 10000, "max_fen": 50000}}`, []string{
			"quote.deadline: 25m0s: want at most 10s",
			"tip.max_fen: 500.00元: want at most 100.00元",
		}},
		"empty":   {"  \n", []string{"is empty"}},
		"no yaml": {"name: [", []string{"line 1: did not find expected node content"}},
		"a list":  {"[1]", []string{"line 1: want keys and values"}},
		"alias":   {"name: &a x\nmode: *a\ncarriers: [uupt]", []string{"line 2: mode: aliases are not read: write it out"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadStrategy([]byte(c.text), carriers)
			var all Mistakes
			require.True(t, errors.As(err, &all), "%v", err)
			got := []string{}
			for _, m := range all {
				got = append(got, m.String())
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestDiffNamesWhatDiffersByPath(t *testing.T) {
	t.Parallel()
	a, err := ReadStrategy([]byte(lunch), carriers)
	require.NoError(t, err)
	b := a
	a.Version, b.Version = 1, 2
	same, err := Diff(&a, &b)
	require.NoError(t, err)
	require.Empty(t, same, "versions do not count")
	b.Mode, b.Carriers, b.Race = strategy.Cheapest, []string{"uupt"}, strategy.Race{}
	changes, err := Diff(&a, &b)
	require.NoError(t, err)
	require.Equal(t, []Change{
		{"carriers", `["shansong","fengniao","uupt","sftc"]`, `["uupt"]`}, {"mode", `"simultaneous"`, `"cheapest"`},
		{"race.widen_after", `"45s"`, ""}, {"race.widen_by", "1", ""}, {"race.width", "2", ""},
	}, changes)
	all, err := Diff(nil, &b)
	require.NoError(t, err)
	require.Contains(t, all, Change{"mode", "", `"cheapest"`})
}

var noon = time.Date(2026, 11, 4, 4, 0, 0, 0, time.UTC)

// past is an order of 15 元 that uupt delivered for 9 after 80 seconds, quoted by two.
func past(edit func(*store.PastOrder)) store.PastOrder {
	o := store.PastOrder{Platform: "meituan", City: "330100", ShopCode: "s1", Fee: 1500, Delivered: true, QuotedAt: noon, Carrier: "uupt", Price: 900, AcceptIn: 80 * time.Second, Paid: 1000,
		Quotes: []store.PastQuote{
			{N: 1, Carrier: "uupt", Price: 900, AcceptIn: time.Minute, ExpiresAt: noon.Add(time.Minute)},
			{N: 2, Carrier: "shansong", Price: 800, AcceptIn: 3 * time.Minute, ExpiresAt: noon.Add(time.Minute)},
		}}
	if edit != nil {
		edit(&o)
	}
	return o
}

func TestReplayPricesPastOrdersUnderAnotherStrategy(t *testing.T) {
	t.Parallel()
	most := money.Fen(850)
	x := strategy.Strategy{Name: "cheap", Mode: strategy.Cheapest, Carriers: []string{"uupt", "shansong", "sftc"}, Match: strategy.Match{City: []string{"330100"}}, Limits: strategy.Limits{MaxCost: &most}}
	other := strategy.Strategy{Name: "jd", Mode: strategy.Cheapest, Carriers: []string{"uupt"}, Match: strategy.Match{Platform: []string{"jd"}, City: []string{"330100"}}}
	run := Replay(x, []strategy.Strategy{other, {Name: "cheap", Mode: strategy.Sequential}}, []store.PastOrder{
		past(nil),
		past(func(o *store.PastOrder) { o.Carrier, o.Price, o.AcceptIn, o.Paid = "shansong", 800, 0, 800 }),
		past(func(o *store.PastOrder) { o.Quotes[1].Refused, o.Quotes[1].Price = "运力不足", 0 }),
		past(func(o *store.PastOrder) { o.Quotes = nil }),
		past(func(o *store.PastOrder) { o.Delivered = false }),
		past(func(o *store.PastOrder) { o.City = "310100" }),
		past(func(o *store.PastOrder) { o.Platform = "jd" }),
	})
	require.Equal(t, DryRun{
		Strategy: "cheap", Orders: 7, Compared: 2, Same: 1,
		Skipped: Skipped{NotDelivered: 1, NotMatched: 2, NotQuoted: 1, Unserved: 1},
		Reasons: map[string]int{"shansong: 运力不足": 1, "uupt: costs 9.00元, the limit is 8.50元": 1},
		NoQuote: map[string]int{"sftc": 3},
		Would:   Side{Carriers: map[string]int{"shansong": 2}, Cost: 1600, Margin: 1400, AcceptS: 180, AcceptKnown: 2, accept: 6 * time.Minute},
		Was:     Side{Carriers: map[string]int{"uupt": 1, "shansong": 1}, Cost: 1700, Margin: 1300, AcceptS: 80, AcceptKnown: 1, Paid: 1800, accept: 80 * time.Second},
	}, run)
}

func TestAWrittenStrategyReadsBack(t *testing.T) {
	t.Parallel()
	x, err := ReadStrategy([]byte(lunch), carriers)
	require.NoError(t, err)
	for _, version := range []int{0, 9} {
		x.Version = version
		text, err := WriteStrategy(x)
		require.NoError(t, err)
		require.NotContains(t, string(text), "version")
		require.Contains(t, string(text), "mode: simultaneous\n")
		back, err := ReadStrategy(text, carriers)
		require.NoError(t, err, "%s", text)
		x.Version = 0
		require.Equal(t, x, back)
	}
}

func TestAStrategyMayNameOnlyCarriersWithMoney(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"shansong", "sftc"}, Carriers([]store.Prepaid{{Carrier: "sftc"}, {Carrier: "gone"}, {Carrier: "shansong"}, {Carrier: "sftc", Account: "two"}}, carriers))
}
