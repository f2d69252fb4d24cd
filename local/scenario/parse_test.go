package scenario_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/scenario"
)

// good is a file without a mistake; each test below spoils one thing in it.
const good = `name: somebody orders
why: to have an example
row: platforms/meituan/new
strategy: {mode: sequential, carriers: [uupt]}
faults:
  scripts:
    - {party: uupt, fault: call_timeout, detail: place}
steps:
  - order: {platform: meituan, as: a}
  - wait: {order: a, state: assigned}
  - carrier: {name: uupt, of: a, does: [arrive, pick_up]}
  - advance: 15m
  - settle:
expect:
  orders:
    a:
      state: delivered
      attempts: [{carrier: uupt, state: delivered}]
      told: [dispatching, assigned]
  ledger: {balanced: true, "expense:delivery:uupt": 800}
  books: matched
  invariants: none violated
`

func TestParse(t *testing.T) {
	t.Parallel()
	s, err := scenario.Parse("good.yaml", []byte(good))
	require.NoError(t, err)
	require.Equal(t, "somebody orders", s.Name)
	require.Equal(t, int64(7), s.Seed)
	require.Equal(t, []string{"qf-shop-0001"}, s.Strategy.Match.Shop, "a strategy without a match is meant for the shops of the file")
	require.Equal(t, []string{"order    a on meituan at qf-shop-0001", "wait     a is assigned", "carrier  uupt of a: arrive, pick_up", "advance  15m0s", "settle"}, s.Lines())
}

// Every mistake is named with its line and what would be right.
func TestParseNamesEachMistake(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, old, wrong, want string }{
		{"unknown key", "why:", "wy:", "bad.yaml:2: wy: unknown key, want one of: accounts, deposits, env, excluded, expect, faults, name"},
		{"missing name", "name: somebody orders", "name:", "bad.yaml:1: name: is missing"},
		{"unknown step", "  - settle:", "  - wish: {}", "bad.yaml:13: steps[5].wish: unknown key, want one of: advance, callback, cancel"},
		{"two things in one step", "  - advance: 15m", "  - {advance: 15m, rest: {}}", "bad.yaml:12: steps: want exactly one of: advance,"},
		{"unknown platform", "platform: meituan", "platform: meitun", `bad.yaml:9: steps[1].order.platform: "meitun" is none of: jd, meituan, taobao, canonical`},
		{"unknown carrier", "carriers: [uupt]}", "carriers: [uput]}", `bad.yaml:4: strategy: carriers[0]: "uput" is not a known carrier`},
		{"unknown carrier in a step", "name: uupt,", "name: dhl,", `bad.yaml:11: steps[3].carrier.name: "dhl" is none of: `},
		{"unknown act", "[arrive, pick_up]", "[arive]", `bad.yaml:11: steps[3].carrier.does: "arive" is none of: accept, agree, arrive`},
		{"unknown state", "state: assigned}", "state: asigned}", `bad.yaml:10: steps[2].wait.state: "asigned" is none of: received, quoted`},
		{"unknown stage", "told: [dispatching, assigned]", "told: [dispatched]", `bad.yaml:19: expect.orders.a.told[1]: "dispatched" is none of: dispatching, assigned`},
		{"order that nobody makes", "{order: a, state: assigned}", "{order: b, state: assigned}", `bad.yaml:10: wait.order: no step before this one makes an order "b"`},
		{"expectation of no order", "    a:\n", "    b:\n", `bad.yaml:17: orders: no step before this one makes an order "b"`},
		{"label taken", "  - advance: 15m", "  - order: {platform: jd, as: a}", `bad.yaml:12: order.as: "a" is taken`},
		{"unknown shop", "as: a}", "as: a, shop: nowhere}", `bad.yaml:9: order.shop: "nowhere": the simulated shops are qf-shop-0001 to qf-shop-0048`},
		{"unknown fault", "fault: call_timeout", "fault: bad_luck", `bad.yaml:7: faults.scripts[1].fault: "bad_luck" is none of: place_refused`},
		{"fault of nobody", "party: uupt", "party: dhl", `bad.yaml:7: party: "dhl" is none of: `},
		{"no length of time", "advance: 15m", "advance: soon", `bad.yaml:12: steps[4].advance: "soon": want a length of time such as 90s, 15m or 1h30m`},
		{"deposit with nobody", "  - advance: 15m", "  - deposit: {to: dhl, add_fen: 5}", "bad.yaml:12: deposit: want to, one of dada, fengniao"},
		{"deposits with nobody", "steps:", "deposits: {uupt-south: 5}\nsteps:", `deposits: "uupt-south": want one of dada, fengniao`},
		{"account of nobody", "steps:", "accounts: [{account: south}]\nsteps:", "bad.yaml:8: accounts: "},
		{"wait for nothing", "{order: a, state: assigned}", "{order: a}", "bad.yaml:10: wait: want state, attention, or carrier with attempt or asked, or struck"},
		{"unknown mode", "mode: sequential", "mode: lucky", `bad.yaml:4: strategy: mode: "lucky" is none of`},
		{"no strategy", "strategy: {mode: sequential, carriers: [uupt]}", "tags: [x]", "bad.yaml:1: strategy: want either strategy, or a list of strategies"},
		{"money that is none", "uupt\": 800", "uupt\": lots", `bad.yaml:20: expect.ledger.expense:delivery:uupt: "lots": want a whole number`},
		{"books that do not match", "books: matched", "books: maybe", `bad.yaml:21: expect.books: "maybe" is none of: matched`},
		{"given twice", "row: platforms/meituan/new", "name: again\nrow: x", "bad.yaml:3: name: is given twice"},
		{"no list", "told: [dispatching, assigned]", "told: dispatching", "bad.yaml:19: expect.orders.a.told: want a list"},
		{"no mapping", "faults:\n  scripts:\n    - {party: uupt, fault: call_timeout, detail: place}", "faults: many", "bad.yaml:5: faults: want keys and values"},
		{"no YAML", "steps:", "steps: [", "bad.yaml: yaml: line"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, good, row.old)
			_, err := scenario.Parse("bad.yaml", []byte(strings.Replace(good, row.old, row.wrong, 1)))
			require.ErrorContains(t, err, row.want)
		})
	}
	_, err := scenario.Parse("bad.yaml", nil)
	require.ErrorContains(t, err, "bad.yaml: is empty")
	_, err = scenario.Parse("bad.yaml", []byte(strings.NewReplacer("why:", "wy:", "state: assigned", "state: asigned").Replace(good)))
	require.ErrorContains(t, err, "bad.yaml:2:")
	require.ErrorContains(t, err, "bad.yaml:10:", "all mistakes at once")
}

// The example of the documentation is one that can be played.
func TestParseTheDocumentedExample(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "scenarios.md"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(page), "```yaml\n")
	require.True(t, found)
	example, _, found := strings.Cut(after, "```")
	require.True(t, found)
	s, err := scenario.Parse("docs/scenarios.md", []byte(example))
	require.NoError(t, err)
	require.Len(t, s.Steps, 6)
}

// Each file proves a row of its own and can be called by its name.
func TestRowsAndNamesAreUnique(t *testing.T) {
	t.Parallel()
	files, err := scenario.Files(root)
	require.NoError(t, err)
	list, err := scenario.Select(files, nil)
	require.NoError(t, err)
	require.Len(t, list, len(files))
	rows, bases, names := map[string]string{}, map[string]string{}, map[string]string{}
	for _, s := range list {
		base := filepath.Base(s.File)
		require.Empty(t, rows[s.Row], "%s: row %s", s.File, s.Row)
		require.Empty(t, bases[base], s.File)
		require.Empty(t, names[s.Name], "%s: name %q", s.File, s.Name)
		rows[s.Row], bases[base], names[s.Name] = s.File, s.File, s.File
	}
	some, err := scenario.Select(files, []string{"carriers", "shansong"})
	require.NoError(t, err)
	require.NotEmpty(t, some)
	require.Less(t, len(some), len(list))
	for _, s := range some {
		require.True(t, strings.HasPrefix(s.Row, "carriers/shansong/"), s.Row)
	}
}
