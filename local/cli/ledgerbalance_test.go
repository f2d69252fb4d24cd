package cli

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
)

// teller is UU跑腿, who states the balances of several accounts, by their app_id, and 闪送.
type teller struct {
	url string

	mu     sync.Mutex
	uupt   map[string]string // the answers' balances
	shan   string            // 闪送's whole answer
	broken int               // so many calls get no answer first
	asked  []string          // paths
}

func newTeller(t *testing.T) *teller {
	t.Helper()
	x := &teller{uupt: map[string]string{"main": "100000", "south": "50000"}, shan: `{"status":200,"data":{"balance":100000}}`}
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	x.url = server.URL
	return x
}

func (x *teller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asked = append(x.asked, r.URL.Path)
	switch {
	case x.broken > 0:
		x.broken--
		w.WriteHeader(http.StatusBadGateway)
	case strings.HasSuffix(r.URL.Path, "user/account"):
		_, _ = fmt.Fprintf(w, `{"code":1,"body":{"balance":"%s"}}`, x.uupt[r.Header.Get("X-App-Id")])
	case strings.HasSuffix(r.URL.Path, "order/cancelFee"):
		_, _ = io.WriteString(w, `{"code":1,"body":{"cancelFee":230}}`)
	case strings.HasSuffix(r.URL.Path, "getUserAccount"):
		_, _ = io.WriteString(w, x.shan)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// calls are what the carriers were asked since the last time.
func (x *teller) calls() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	asked := x.asked
	x.asked = nil
	return asked
}

// settings are those of two accounts with UU跑腿, and one with 闪送.
func (x *teller) settings() map[string]string {
	uupt := func(name string) string {
		return `{"base_url":"` + x.url + `","app_id":"` + name + `","app_key":"k","open_id":"o","account":"` + name + `","callback_url":"http://127.0.0.1:9/carrier/uupt"}`
	}
	return map[string]string{"QIANFAN_DATA_KEY": base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"QIANFAN_UUPT":     "[" + uupt("main") + "," + uupt("south") + "]",
		"QIANFAN_SHANSONG": `{"base_url":"` + x.url + `","client_id":"c","secret":"s","shop_id":"1"}`}
}

// newAsking is a desk whose carriers can be asked. UU跑腿's second account has 500 元.
func newAsking(t *testing.T, change func(settings map[string]string)) (*officeRig, *teller) {
	t.Helper()
	x := newTeller(t)
	env := x.settings()
	if change != nil {
		change(env)
	}
	r := newRestored(t, env)
	_, err := r.db.Deposit(t.Context(), "opening-south", "uupt", "south", 500_00, 4, clock.System.Now())
	require.NoError(t, err)
	return r, x
}

// checked is --json of the verb.
type checked struct {
	Accounts []struct {
		Carrier, Account, Error string
		Expected                int64    `json:"expected_fen"`
		Stated                  *int64   `json:"stated_fen"`
		Gap                     int64    `json:"gap_fen"`
		Open                    int64    `json:"unexplained_fen"`
		Reasons                 []string `json:"reasons"`
	}
}

func (r *officeRig) checks(t *testing.T, line string) (int, checked) {
	t.Helper()
	code, out, errs := r.do(t, line+" --json")
	var c checked
	require.NoError(t, json.Unmarshal([]byte(out), &c), "%s %s", out, errs)
	return code, c
}

// Every account of every carrier is asked by its own keys.
func TestBalancesOfAllCarriers(t *testing.T) {
	t.Parallel()
	r, x := newAsking(t, nil)
	out := r.succeeds(t, "ledger balance-check")
	for _, row := range []string{"shansong/main  1000.00   1000.00  0.00  it ties", "uupt/main      1000.00   1000.00  0.00  it ties", "uupt/south     500.00    500.00   0.00  it ties"} {
		require.Contains(t, out, row)
	}
	require.Len(t, x.calls(), 3)
	require.Contains(t, r.succeeds(t, "ledger balance-check --carrier uupt --account south"), "so the carrier should state             500.00")
	require.Equal(t, []string{"/openapi/v3/user/account"}, x.calls())

	r.look = func(name string) (string, bool) { // a deployment: all of it from this shell
		var at struct{ DSN string }
		require.NoError(t, json.Unmarshal([]byte(r.answers["GET /api/database"]), &at))
		env := x.settings()
		env["QIANFAN_MYSQL_DSN"] = at.DSN
		v, ok := env[name]
		return v, ok
	}
	require.Contains(t, r.succeeds(t, "ledger balance-check --carrier uupt"), "uupt/south")
	require.Empty(t, r.requests)
}

// A gap that nobody can explain and a carrier that refuses its keys have a row each, and so has
// one without keys; the rest is compared.
func TestBalancesThatDoNotTie(t *testing.T) {
	t.Parallel()
	r, x := newAsking(t, nil)
	x.uupt["south"], x.shan = "-1050", `{"status":401,"msg":"签名错误","data":null}`
	code, out, errs := r.do(t, "ledger balance-check")
	require.Equal(t, exitViolated, code)
	require.Contains(t, out, "uupt/main      1000.00   1000.00  0.00     it ties")
	require.Contains(t, out, "uupt/south     500.00    -10.50   -510.50  nobody can explain it")
	require.Contains(t, out, "签名错误")
	require.Contains(t, errs, "uupt/south: -510.50元 that nobody can explain")
	require.Contains(t, errs, "1 of 3 accounts were not compared: shansong/main")
	require.Len(t, x.calls(), 3, "a refusal is not asked again")

	code, all := r.checks(t, "ledger balance-check")
	require.Equal(t, exitViolated, code)
	require.Len(t, all.Accounts, 3)
	require.Nil(t, all.Accounts[0].Stated)
	require.Contains(t, all.Accounts[0].Error, "look at QIANFAN_SHANSONG")
	require.Equal(t, []int64{50000, -1050, -51050, -51050}, []int64{all.Accounts[2].Expected, *all.Accounts[2].Stated, all.Accounts[2].Gap, all.Accounts[2].Open})

	code, all = r.checks(t, "ledger balance-check --carrier shansong")
	require.Equal(t, exitFailed, code, "nothing is known to be wrong, but not all was compared")
	require.Len(t, all.Accounts, 1)
}

func TestBalanceWithoutKeys(t *testing.T) {
	t.Parallel()
	r, _ := newAsking(t, func(env map[string]string) { delete(env, "QIANFAN_SHANSONG") })
	code, out, errs := r.do(t, "ledger balance-check")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "set QIANFAN_SHANSONG as the functions have it")
	require.Contains(t, out, "it ties")
	require.Contains(t, errs, "1 of 3 accounts were not compared: shansong/main")
}

// A balance call moves nothing: one without an answer is repeated, but not for ever.
func TestBalanceIsAskedAgain(t *testing.T) {
	t.Parallel()
	r, x := newAsking(t, nil)
	x.broken = balanceTries - 1
	require.Contains(t, r.succeeds(t, "ledger balance-check --carrier shansong"), "1000.00")
	require.Len(t, x.calls(), balanceTries)
	x.broken = 100
	code, out, _ := r.do(t, "ledger balance-check --carrier shansong")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "HTTP 502")
	require.Len(t, x.calls(), balanceTries)
}

func TestMistakesOfBalanceCheck(t *testing.T) {
	t.Parallel()
	r, x := newAsking(t, nil)
	for line, want := range map[string]string{
		"ledger balance-check --account main":                     "--carrier",
		"ledger balance-check --balance 1":                        "--carrier",
		"ledger balance-check --carrier ghost":                    `"ghost" is no carrier`,
		"ledger balance-check --carrier uupt --account mian":      "there are main, south",
		"ledger balance-check --carrier sftc":                     "QIANFAN_SFTC",
		"ledger balance-check --carrier uupt --balance 1.005":     "--balance",
		"ledger balance-check --carrier shansong --balance 十元":    "--balance",
		"ledger balance-check --carrier dada --balance 1":         "dada has no prepaid account",
		"ledger balance-check --carrier dada --account main":      "dada has no prepaid account",
		"ledger balance-check --carrier uupt --account x --json":  "there are main, south",
		"ledger balance-check --carrier uupt --balance 1 --owner": "unknown flag",
	} {
		code, out, errs := r.do(t, line)
		require.Equal(t, exitUsage, code, line)
		require.Contains(t, errs, want, line)
		require.Empty(t, out, line)
	}
	require.Empty(t, x.calls())
}
