package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
)

const tariffYAML = `
rates:
- {name: all, start_fen: 1600, start_km: 3, km: [{from: 3, fen: 200}], free_kg: 5, kg: []}
- {name: 京东杭州, platform: [jd], city: ["330100"], start_fen: 1700, start_km: 3, km: [{from: 3, fen: 200}], free_kg: 5, kg: [],
   surcharges: [{name: 夜间, window: "22:00-06:00", fixed_fen: 300}, {name: 节假日, days: holiday, percent: 50}]}
holidays: {2026-10-01: 国庆节}
`

// A rule book's life: look, write the file, change it, switch at an instant, compare.
func TestRuleBooksFromTheCommandLine(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	require.Contains(t, r.succeeds(t, "penalty"), "24 rules")
	r.write(t, "penalty.yaml", r.succeeds(t, "penalty show"))
	require.Contains(t, r.succeeds(t, "penalty set "+r.dir+"/penalty.yaml --by li"), "nothing differs from version 0")
	text := r.succeeds(t, "penalty show 0")
	r.write(t, "penalty.yaml", strings.Replace(text, "fixed_fen: 500", "fixed_fen: 600", 1))
	require.Contains(t, r.succeeds(t, "penalty set "+r.dir+"/penalty.yaml --dry-run --by li"), "valid; nothing was written")
	require.NotContains(t, r.succeeds(t, "penalty list"), "li")
	out := r.succeeds(t, "penalty set "+r.dir+"/penalty.yaml --by li --note 新合同")
	require.Contains(t, out, "- rules[6].fixed_fen: 500\n+ rules[6].fixed_fen: 600\n")
	require.Contains(t, out, "version 1 is in force from")
	require.Contains(t, r.succeeds(t, "penalty list"), "新合同")
	require.Equal(t, "- rules[6].fixed_fen: 500\n+ rules[6].fixed_fen: 600\n", r.succeeds(t, "penalty diff 0 1"))
	require.Equal(t, "nothing differs\n", r.succeeds(t, "penalty diff 1 "+r.dir+"/penalty.yaml"))
	var shown struct {
		Version int
		Book    struct{ Rules []json.RawMessage }
	}
	require.NoError(t, json.Unmarshal([]byte(r.succeeds(t, "--json penalty show 1")), &shown))
	require.Equal(t, []int{1, 24}, []int{shown.Version, len(shown.Book.Rules)})
	require.Contains(t, r.succeeds(t, "audit --subject penalty/1"), "penalty set")

	for line, want := range map[string]string{
		"penalty show 9":    "there is no version 9 of the penalty rules; `qianfan penalty list` names them",
		"penalty show soon": `"soon": want the number of a version, or now`,
		"penalty set " + r.dir + "/penalty.yaml --from 2020-01-01":             "that is over",
		"penalty set " + r.dir + "/penalty.yaml --from tomorrow":               `"tomorrow": want a time such as`,
		"penalty set " + r.dir + "/default.yaml":                               "name: no such key; known are version, figure, rules",
		"penalty set " + r.dir + "/missing.yaml":                               "read the file",
		"tariff set " + r.dir + "/penalty.yaml":                                "rules: no such key",
		"tariff price --platform pony --city 330100 --distance 1":              `--platform "pony"`,
		"tariff price --platform jd --city 330100 --distance -1":               "must not be negative",
		"tariff price --platform jd --city hangzhou --distance 1":              `--city "hangzhou": want six digits`, // it would be priced as any city
		"tariff price --platform jd --city 3301000 --distance 1":               `--city "3301000": want six digits`,
		"tariff price --platform jd --city 330100 --distance 1 --at yesterday": "--at",
	} {
		code, _, errs := r.do(t, line)
		require.NotZero(t, code, line)
		require.Contains(t, errs, want, line)
	}
	r.write(t, "more.yaml", strings.Replace(text, "fixed_fen: 500", "fixed_fen: 700", 1))
	code, _, errs := r.do(t, "penalty set "+r.dir+"/more.yaml --by li --base 0")
	require.NotZero(t, code)
	require.Contains(t, errs, "it was changed meanwhile: version 1 is the newest, not 0")
}

// Tariffs price an order without one, by those in force at its hour or by a file.
func TestTariffsFromTheCommandLine(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	require.Contains(t, r.succeeds(t, "tariff price --platform jd --city 330100 --distance 4200 --at 2026-11-24T12:00:00+08:00"), `rate "standard" of version 0`)
	tomorrow := clock.System.Now().Add(24 * time.Hour).In(shanghai).Format(time.DateOnly)
	require.Contains(t, r.succeeds(t, "tariff set "+r.dir+"/tariff.yaml --by li --from "+tomorrow), "version 1 is in force from "+tomorrow+" 00:00:00")
	require.Contains(t, r.succeeds(t, "tariff price --platform jd --city 330100 --distance 4200"), "version 0", "not yet")
	out := r.succeeds(t, "tariff price --platform jd --city 330100 --distance 4200 --weight 900 --at "+tomorrow+"T23:00:00+08:00")
	require.Contains(t, out, `rate "京东杭州" of version 1`)
	for _, line := range []string{"start 17.00", "distance (2) 4.00", "夜间 3.00", "fee 24.00 元"} {
		require.Contains(t, strings.Join(strings.Fields(out), " "), line)
	}
	out = r.succeeds(t, "--json tariff price --platform jd --city 330100 --distance 100 --at 2026-10-01T12:00:00+08:00 --file "+r.dir+"/tariff.yaml")
	require.Contains(t, out, `"fee_fen":2550`)
	require.Contains(t, r.succeeds(t, "tariff list"), "2 rates")
	require.Contains(t, r.succeeds(t, "tariff diff now "+r.dir+"/tariff.yaml"), "+ holidays.2026-10-01")
}

const explainedOrder = `{"order":{"id":"7","platform":"meituan","no":"27954","state":"cancelled","fee_fen":1500,"goal_cause":"customer","received_at":"2026-11-23T04:00:00Z"},
"why":{"strategy":"default","tariff":{"platform":"meituan","city":"330100","distance_m":3300,"weight_g":800,"at":"2026-11-23T04:00:00Z","version":2,"rate":"standard","fee_fen":1700,"lines":[{"name":"start","amount_fen":1500},{"name":"distance","units":1,"amount_fen":200}]}},
"attempts":[{"n":1,"carrier":"uupt","state":"cancelled","cause":"order_cancelled"},{"n":2,"carrier":"dada","state":"cancelled","cause":"rider"}],
"history":[
 {"kind":"command","to":"cancel","decision":"applied","at":"2026-11-23T04:05:00Z","detail":{"by":"customer","penalty_fen":300,"rule":{"party":"platform:meituan","state":"assigned","minutes":4,"by":"customer","fee_fen":1500,"version":3,"rule":21,"amount_fen":300,"note":"3 元 after acceptance","source":"contract"}}},
 {"kind":"penalty","n":1,"from":"rule","to":"2.00","decision":"applied","at":"2026-11-23T04:05:01Z","detail":{"booked_fen":200,"rule":{"party":"carrier:uupt","state":"accepted","minutes":5,"by":"customer","cause":"order_cancelled","fee_fen":800,"version":3,"rule":4,"amount_fen":200,"note":"2 元 after acceptance"}}},
 {"kind":"money","n":1,"from":"cancelled","to":"cancelled","decision":"applied","at":"2026-11-23T04:15:01Z","detail":{"penalty_fen":350}},
 {"kind":"penalty","n":2,"from":"carrier","to":"-1.00","decision":"applied","at":"2026-11-23T04:03:00Z","detail":{"booked_fen":-100,"rule":{"party":"carrier:dada","state":"accepted","minutes":1,"by":"rider","version":3,"rule":1,"amount_fen":0,"note":"free"}}},
 {"kind":"attempt","n":1,"from":"placed","to":"accepted","decision":"applied","at":"2026-11-23T04:01:00Z","detail":{"code":"3"}}],
"facts":[{"n":0,"kind":"penalty_in","amount_fen":300},{"n":1,"kind":"penalty","amount_fen":200},{"n":1,"kind":"penalty","amount_fen":150},{"n":2,"kind":"fault","amount_fen":100},{"n":1,"kind":"release","amount_fen":450}]}`

// What an order's cancel cost is explained from its history, and how its fee came about.
func TestExplain(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{
		"GET /api/orders/7": explainedOrder,
		"GET /api/orders/8": strings.NewReplacer(`"id":"7"`, `"id":"8"`, `"state":"cancelled","fee_fen"`, `"state":"assigned","fee_fen"`, `"rate":"standard"`, `"rate":""`).Replace(explainedOrder),
		"GET /api/orders/8/cancel-cost": `{"state":"assigned","penalty_in_fen":0,"penalty_out_fen":200,"fee_fen":1500,"free_until":"2026-11-23T04:06:00Z","rule":{"party":"platform:meituan","state":"assigned","by":"platform","rule":20,"note":"free within a minute"},
 "attempts":[{"n":3,"carrier":"sftc","state":"accepted","penalty_fen":200,"source":"carrier","rule":{"party":"carrier:sftc","state":"accepted","by":"platform","rule":9,"amount_fen":200,"note":"2 元"}}]}`,
	})
	out := r.succeeds(t, "penalty explain 7")
	for _, want := range []string{
		"order 7 is cancelled, its fee is 15.00 元", "platform:meituan\n  2026-11-23 12:05:00: the rule's figure, 3.00 元",
		"rule 21 of version 3 says 3.00 元: platform:meituan, assigned, 4 minutes after acceptance, by customer, fee 15.00 元: 3 元 after acceptance [contract]",
		"booked: it owes us 3.00 元", "#1 carrier:uupt, cancelled (order_cancelled)", "cause order_cancelled, fee 8.00 元: 2 元 after acceptance",
		"2026-11-23 12:15:01: the carrier's own figure, 3.50 元", "booked: it keeps 3.50 元",
		"#2 carrier:dada, cancelled (rider)", "the carrier's own figure, -1.00 元", "booked: it owes us 1.00 元",
	} {
		require.Contains(t, out, want)
	}
	var f fines
	require.NoError(t, json.Unmarshal([]byte(r.succeeds(t, "--json penalty explain 7")), &f))
	require.Equal(t, []any{int64(7), 2, 21, 3}, []any{f.OrderID, len(f.Attempts), f.Platform.Decisions[0].Rule.Rule, f.Platform.Decisions[0].Rule.Version})
	require.Nil(t, f.Now)

	out = r.succeeds(t, "penalty explain 8")
	require.Contains(t, out, "assigned: the platform owes 违约金 0.00 元 instead of 15.00 元; carriers keep 2.00 元")
	require.Contains(t, out, "free until 2026-11-23 12:06:00")
	require.Contains(t, out, "#3 sftc accepted: 2.00 元 by the carrier")
	require.Equal(t, r.succeeds(t, "order cancel 8 --cost"), r.succeeds(t, "order cancel 8 --dry-run"))

	out = r.succeeds(t, "tariff explain 7")
	require.Contains(t, out, `meituan in city 330100, 3300 m, 800 g, at 2026-11-23 12:00:00: rate "standard" of version 2`)
	require.Contains(t, strings.Join(strings.Fields(out), " "), "distance (1) 2.00 fee 17.00 元")
	code, _, errs := r.do(t, "tariff explain 8")
	require.NotZero(t, code)
	require.Contains(t, errs, "how its fee came about was not kept")
}
