package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/store"
)

const strategyYAML = `
name: default
mode: cheapest
carriers: [shansong, uupt]
quote: {deadline: 1500ms}
accept_timeout: 90s
give_up_after: 15m
`

const shopsCSV = `platform,code,city,city_name,name,phone,address,lng,lat,excluded,store:shansong
meituan,S1,330100,杭州市,奎元馆,0571-87028626,解放路 154 号,120.1551,30.2741,uupt,2000
jd,S1,330100,杭州市,奎元馆,0571-87028626,解放路 154 号,120.1551,30.2741,,
`

// officeRig is a command line beside a database with two prepaid carriers.
type officeRig struct {
	*rig
	db  *store.Store
	dsn string // the owner's; verbs have the application's
	dir string
}

func newOffice(t *testing.T) *officeRig {
	t.Helper()
	dsn := sqltest.Database(t)
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	for _, c := range []string{"shansong", "uupt"} {
		_, err := db.Deposit(t.Context(), "opening-"+c, c, "main", 1000_00, 4, clock.System.Now())
		require.NoError(t, err)
	}
	at, err := json.Marshal(map[string]any{"dsn": asApplication(t, db, dsn), "virtual": clock.System.Now()})
	require.NoError(t, err)
	r := &officeRig{rig: newRig(t, map[string]string{"GET /api/database": string(at)}), db: db, dsn: dsn, dir: t.TempDir()}
	r.write(t, "default.yaml", strategyYAML)
	r.write(t, "shops.csv", shopsCSV)
	r.write(t, "tariff.yaml", tariffYAML)
	r.write(t, "penalty.yaml", "rules:\n- {party: \"carrier:*\", note: free}\n- {party: \"platform:*\", whole: true, note: all of it}\n")
	return r
}

func (r *officeRig) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600))
}

// line puts the folder of the test's files into a command line.
func (r *officeRig) line(text string) string { return strings.ReplaceAll(text, "@", r.dir+"/") }

// desk is a day at the desk, in this order: each line, and what people read.
var desk = []struct{ line, says string }{
	{"strategy list", "none"},
	{"strategy set @default.yaml --dry-run", "default: valid; nothing was written"},
	{"strategy set @default.yaml --by li", "default: version 1 is active, live within five seconds"},
	{"strategy set @default.yaml", "default: nothing differs from version 1"},
	{"strategy show default", "mode: cheapest"},
	{"strategy set @sequential.yaml --by li", "+ mode: \"sequential\""},
	{"strategy history default", "sequential  shansong uupt"},
	{"strategy rollback default 1 --dry-run", "nothing was written"},
	{"strategy rollback default 1 --by wang", "version 3 is active"},
	{"strategy set @other.yaml --by li", "other: version 1"},
	{"strategy list", "city 330100; 10:30-13:30"},
	{"strategy retire other --dry-run", "could be ended"},
	{"strategy retire other --by li", "other: ended"},
	{"strategy dry-run @default.yaml --limit 10", "over 0 orders"},
	{"shop import @shops.csv --dry-run", "2 new, 0 changed, 0 unchanged, 0 bad; nothing was written"},
	{"shop import @shops.csv --by li", "2 new, 0 changed, 0 unchanged, 0 bad"},
	{"shop import @shops.csv", "0 new, 0 changed, 2 unchanged, 0 bad; nothing to change"},
	{"shop list --platform jd", "120.155100,30.274100"},
	{"shop show S1", "shansong=2000"},
	{"shop exclude S1 --carrier sftc --platform jd --by li", "1 changed"},
	{"shop include S1 --carrier sftc,uupt", "2 changed, live within five seconds"},
	{"shop map S1 --carrier fengniao --store 77 --dry-run", "fengniao=77"},
	{"shop map S1 --carrier fengniao --store 77", "2 changed"},
	{"switch list", "none"},
	{"switch off carrier uupt --reason 暴雨 --dry-run", "would be off; it concerns 0 open orders, 0 live attempts; nothing was written"},
	{"switch off carrier-city uupt:330100 --reason 暴雨 --by li", "carrier_city uupt:330100 is off, live within five seconds"},
	{"switch off carrier-city uupt:330100 --reason 暴雨 --by wang", "is off already"},
	{"switch list", "暴雨"},
	{"switch on carrier-city uupt:330100 --by li", "is on"},
	{"account list", "1000.00"},
	{"account add uupt main --by li", "uupt/main serves all, weight 1, live within five seconds"},
	{"account route uupt second --city 330100 --platform meituan,jd --weight 3", "serves city 330100; platform meituan,jd, weight 3"},
	{"account limit uupt second 50", "serves city 330100; platform meituan,jd, weight 3, 50 a second, live within five seconds"},
	{"account list", "50"},
	{"account off uupt second --dry-run", "serves nothing new, weight 3, 50 a second; nothing was written"},
	{"account off uupt second", "uupt/second serves nothing new"},
	{"account deposit uupt main 500.50 --key t-1 --dry-run", "500.50 元 for uupt/main over 4 shards; nothing was written"},
	{"account deposit uupt main 500.50 --key t-1", "is booked"},
	{"account deposit uupt main 500.50 --key t-1", "was booked before"},
	{"account list", "1500.50"},
	{"account floor uupt main 300 --dry-run", "uupt/main serves all, weight 1, never below 300.00元; nothing was written"},
	{"account floor uupt main 300 --by li", "uupt/main serves all, weight 1, never below 300.00元, live within five seconds"},
	{"account alarm uupt main --below 500 --runway 45m", "never below 300.00元, alarm below 500.00元, alarm when it lasts less than 45 minutes, live"},
	{"account alarm uupt main --runway 0s", "alarm below 500.00元, no alarm by how long it lasts"},
	{"account deposit uupt main 20 --key t-2 --sent", "20.00 元 for uupt/main is in transit"},
	{"account deposit uupt main 20 --key t-2 --seen", "is booked"},
	{"account list", "1220.50"},
	{"penalty list", "24 rules"},
	{"penalty show", "rules:"},
	{"penalty set @penalty.yaml --dry-run", "valid; nothing was written"},
	{"penalty set @penalty.yaml --by li", "version 1 is in force"},
	{"penalty diff 1 @penalty.yaml", "nothing differs"},
	{"tariff list", "1 rates"},
	{"tariff show 0", "start_fen: 1500"},
	{"tariff set @tariff.yaml --by li", "version 1 is in force"},
	{"tariff diff 0 1", "+ rates[0].start_fen: 1600"},
	{"tariff price --platform jd --city 330100 --distance 100 --at 2100-01-01T12:00:00+08:00", "京东杭州"},
	{"audit --subject carrier_city/uupt:330100", "switch off"},
}

func TestADayAtTheDesk(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"of the running emulator", "by its address"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			r := newOffice(t)
			r.write(t, "sequential.yaml", strings.Replace(strategyYAML, "cheapest", "sequential", 1))
			r.write(t, "other.yaml", strings.Replace(strategyYAML, "name: default", "name: other\nmatch: {city: [\"330100\"], window: \"10:30-13:30\"}", 1))
			if how == "by its address" {
				var at struct{ DSN string }
				require.NoError(t, json.Unmarshal([]byte(r.answers["GET /api/database"]), &at))
				r.answers = nil
				r.look = func(name string) (string, bool) { return at.DSN, name == "QIANFAN_MYSQL_DSN" }
			}
			for _, x := range desk {
				require.Contains(t, r.succeeds(t, r.line(x.line)), x.says, x.line)
			}
			lines, err := r.db.Audit(t.Context(), store.AuditFilter{})
			require.NoError(t, err)
			did := map[string]int{}
			for _, l := range lines {
				did[l.Verb]++
				require.NotEmpty(t, l.By, "somebody did %s", l.Verb)
			}
			require.Equal(t, map[string]int{"strategy set": 3, "penalty set": 1, "tariff set": 1, "strategy rollback": 1, "strategy retire": 1, "shop import": 2, "shop exclude": 1, "shop include": 2, "shop map": 2,
				"switch off": 1, "switch on": 1, "account add": 1, "account route": 1, "account limit": 1, "account off": 1, "account deposit": 3, "account floor": 1, "account alarm": 2}, did, "what changes has a line, and nothing else has")
		})
	}
}

// Every verb of the desk prints one JSON value with --json.
func TestADayAtTheDeskForMachines(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	r.write(t, "sequential.yaml", strings.Replace(strategyYAML, "cheapest", "sequential", 1))
	r.write(t, "other.yaml", strings.Replace(strategyYAML, "name: default", "name: other", 1))
	for _, x := range desk {
		out := r.succeeds(t, r.line(x.line)+" --json")
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(out), &object), "%s: %s", x.line, out)
		require.NotEmpty(t, object)
		require.Equal(t, 1, strings.Count(out, "\n"), "one line")
	}
}

func TestMistakesAtTheDesk(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	r.write(t, "wrong.yaml", "name: x\nmode: luck\ncarriers: [uupt, sftc]\nquote: {deadline: 1s}\naccept_timeout: 90s\ngive_up_after: 15m\ntips: 3")
	r.write(t, "meaning.yaml", "name: x\nmode: luck\ncarriers: [uupt, sftc]\nquote: {deadline: 1s}\naccept_timeout: 90s\ngive_up_after: 15m")
	r.write(t, "bad.csv", shopsCSV+"jd,S2,330100,杭州市,奎元馆,0571-87028626,解放路,30.2,120.1,,\n")
	r.succeeds(t, r.line("strategy set @default.yaml"))
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"strategy set @wrong.yaml", exitFailed, "line 7: tips: no such key; known are name,"},
		{"strategy set @meaning.yaml", exitFailed, `mode: "luck" is none of`},
		{"strategy set @meaning.yaml --dry-run", exitFailed, `carriers[1]: "sftc" is not a known carrier`},
		{"strategy set @meaning.yaml", exitFailed, "carriers with a prepaid account: shansong, uupt"},
		{"strategy set @none.yaml", exitFailed, "no such file"},
		{"strategy show none", exitFailed, "qianfan strategy list"},
		{"strategy history none", exitFailed, "no such strategy"},
		{"strategy rollback default 9", exitFailed, "no version 9"},
		{"strategy retire default", exitFailed, "is the last strategy"},
		{"strategy dry-run @default.yaml --from yesterday", exitUsage, "want RFC 3339"},
		{"strategy dry-run @default.yaml --from 2026-11-04T13:00:00Z --to 2026-11-04T12:00:00Z", exitUsage, "is not before"},
		{"strategy dry-run @default.yaml --limit 0", exitUsage, "want 1 to"},
		{"shop import @bad.csv", exitFailed, "line 4: lng: lng 30.2 lat 120.1 look swapped"},
		{"shop import @default.yaml", exitFailed, "line 1: platform: the column is missing"},
		{"shop show none", exitFailed, "unknown shop"},
		{"shop exclude none --carrier uupt", exitFailed, "qianfan shop list"},
		{"shop exclude S1 --carrier ghost", exitUsage, `"ghost" is no carrier`},
		{"shop map S1 --carrier ghost --store 1", exitUsage, `"ghost" is no carrier`},
		{"switch off carrier ghost --reason x", exitUsage, `"ghost" is no carrier`},
		{"switch off platform ghost --reason x", exitUsage, `"ghost" is no platform`},
		{"switch off city hangzhou --reason x", exitUsage, "six digits"},
		{"switch off carrier-city uupt --reason x", exitUsage, "uupt:330100"},
		{"switch off carrier uupt", exitUsage, "--reason"},
		{"switch off weather rain --reason x", exitUsage, "carrier-city"},
		{"account add ghost main", exitUsage, `"ghost" is no carrier`},
		{"account add uupt main --weight 0", exitUsage, "weight: want 1 to"},
		{"account route uupt main", exitUsage, "say which orders"},
		{"account route uupt main --city hangzhou", exitUsage, "six digits"},
		{"account route uupt main --platform ghost", exitUsage, `"ghost" is no platform`},
		{"account add uupt a:b", exitUsage, "neither blanks nor colons"},
		{"account deposit uupt a/b 1 --key y", exitUsage, "neither blanks nor colons"},
		{"account deposit uupt main 0 --key x", exitUsage, "positive amount"},
		{"account deposit uupt main 200000000 --key x", exitUsage, "slip of the pen"},
		{"account floor uupt main 200000000", exitUsage, "0 to"},
		{"account floor uupt main 10.005", exitUsage, "want an amount"},
		{"account alarm uupt main", exitUsage, "say when"},
		{"account alarm uupt main --runway 90s", exitUsage, "whole minutes"},
		{"account alarm uupt main --below x", exitUsage, "want an amount"},
		{"account deposit uupt main 1 --key never --seen", exitFailed, "book it with --sent first"},
		{"account deposit uupt main 1 --key never --seen --sent", exitUsage, "--se"},
		{"account deposit uupt main 1 --key opening-uupt", exitFailed, "used before with other content"},
		{"audit --limit 0", exitUsage, "want 1 or more"},
	} {
		code, out, errs := r.do(t, r.line(c.line))
		require.Equal(t, c.code, code, "%s: %s", c.line, errs)
		require.Contains(t, errs, c.says, c.line)
		require.Empty(t, out, c.line)
	}
	shops, err := r.db.ListShops(t.Context(), store.ShopFilter{})
	require.NoError(t, err)
	require.Empty(t, shops, "a file with a bad line changes nothing")
	require.Contains(t, r.succeeds(t, r.line("shop import @bad.csv --skip-bad")), "2 new, 0 changed, 0 unchanged, 1 bad")
	code, out, errs := r.do(t, r.line("shop import @bad.csv --dry-run"))
	require.Equal(t, exitFailed, code, "a dry run of a bad file says what would happen, and fails: %s", errs)
	require.Contains(t, out, "2 unchanged, 1 bad; nothing was written")
}

// The first rule of a carrier ends the time when its first account serves everything: whoever sets
// a limit of the second one hears that the first gets no order any more.
func TestTheFirstRuleLeavesOtherAccountsIdle(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	r.succeeds(t, "account deposit uupt second 100 --key t-2")
	for _, line := range []string{"account limit uupt second 50", "account add uupt second"} {
		require.Contains(t, r.succeeds(t, line+" --dry-run"), "uupt/main has money but no rule", line)
	}
	require.NotContains(t, r.succeeds(t, "account limit shansong main 50"), "no rule", "its only account serves everything, as before")
	r.succeeds(t, "account add uupt second")
	require.NotContains(t, r.succeeds(t, "account route uupt main --city 330100"), "no rule")
}

func TestTwoPeopleDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	r.succeeds(t, r.line("strategy set @default.yaml"))
	all, err := r.db.Strategies(t.Context())
	require.NoError(t, err)
	x := all[0]
	x.Mode = "sequential"
	_, err = r.db.SetStrategy(t.Context(), store.Act{By: "wang"}, "strategy set", x, 1)
	require.NoError(t, err)
	_, err = r.db.SetStrategy(t.Context(), store.Act{By: "li"}, "strategy set", x, 1)
	require.ErrorIs(t, err, store.ErrStale)
	require.ErrorContains(t, err, "version 2 is active, not 1")
	for _, dry := range []string{"", " --dry-run"} {
		code, _, errs := r.do(t, r.line("strategy set @default.yaml --base 1"+dry))
		require.Equal(t, exitFailed, code)
		require.Contains(t, errs, "version 2 is active, not 1")
	}
	require.Contains(t, r.succeeds(t, r.line("strategy set @default.yaml --base 2")), "version 3 is active")
}

func TestTheDeskNeedsADatabase(t *testing.T) {
	t.Parallel()
	gone := newRig(t, nil)
	gone.url = "http://127.0.0.1:1"
	for _, line := range []string{"strategy list", "shop list", "switch list", "account list", "audit"} {
		code, out, errs := gone.do(t, line)
		require.Equal(t, exitFailed, code, line)
		require.Contains(t, errs, "QIANFAN_MYSQL_DSN is not set, and no emulator answers at", line)
		require.Empty(t, out)
	}
	r := newRig(t, map[string]string{"GET /api/database": `409 {"error":"this emulator runs on a database that has its own address","hint":"set QIANFAN_MYSQL_DSN as the emulator has it"}`})
	code, _, errs := r.do(t, "switch list")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "set QIANFAN_MYSQL_DSN as the emulator has it")

	dsn := sqltest.Database(t)
	r.look = func(name string) (string, bool) { return dsn, name == "QIANFAN_MYSQL_DSN" }
	code, _, errs = r.do(t, "switch list")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "run `qianfan migrate`", "an empty database is said to be one")
}
