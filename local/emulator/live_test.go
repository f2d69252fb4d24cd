package emulator_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/clock"
)

// live is how soon, in system time, a change is to be live in every instance, and a little.
const live = 5*time.Second + 200*time.Millisecond

// qianfan runs a command line of the program beside the emulator, and gives what it prints.
func (r *rig) qianfan(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), command, append([]string{"--console", r.URLs["console"]}, args...)...)
	cmd.Env = append(os.Environ(), "QIANFAN_MYSQL_DSN=")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	require.NoError(r.t, err, "qianfan %s: %s", strings.Join(args, " "), errs.String())
	return string(out)
}

// takesEffect lets pass what a change may take until it is live.
func (r *rig) takesEffect() {
	r.t.Helper()
	require.NoError(r.t, clock.System.Sleep(r.t.Context(), live))
}

// shopRequest is a customer's order at one shop.
func shopRequest(code string) world.OrderRequest { return world.OrderRequest{Shop: code} }

// pushes lets n customers order at a shop and time run until all is delivered.
func (r *rig) pushes(n int, shop string) []string {
	r.t.Helper()
	var nos []string
	for range n {
		nos = append(nos, r.push(shopRequest(shop)))
	}
	for _, no := range nos {
		r.runUntil("the delivery of "+no, r.in(no, "delivered"))
	}
	return nos
}

// lines are what an order's carriers said in its quotes, or why they were not asked.
func (r *rig) lines(no string) map[string]string {
	r.t.Helper()
	out := map[string]string{}
	for _, line := range r.texts("SELECT CONCAT(q.carrier, '=', q.refused) FROM quote q JOIN orders o ON o.id = q.order_id WHERE o.no = ?", no) {
		name, said, _ := strings.Cut(line, "=")
		out[name] = said
	}
	return out
}

func (r *rig) postJSON(path, body string) string {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.URLs["console"]+path, strings.NewReader(body))
	require.NoError(r.t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(r.t, err)
	defer func() { _ = answer.Body.Close() }()
	var raw json.RawMessage
	require.NoError(r.t, json.NewDecoder(answer.Body).Decode(&raw))
	require.Equal(r.t, http.StatusOK, answer.StatusCode, "%s", raw)
	return string(raw)
}

const hangzhouShop = "qf-shop-0001"

// A carrier that is switched off in a running system gets nothing new within seconds, what it
// has goes on, the others deliver, and it comes back.
func TestACarrierIsSwitchedOffAndOn(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	before := r.push(shopRequest(hangzhouShop))
	r.runUntil("a rider", r.in(before, "assigned"))
	require.Equal(t, []string{"uupt accepted"}, r.attempts(before))

	require.Contains(t, r.postJSON("/api/switches", `{"kind":"carrier","subject":"uupt","off":true,"reason":"系统故障","by":"li"}`), `"concerns":{"orders":1,"attempts":1}`)
	r.takesEffect()
	for _, no := range r.pushes(3, hangzhouShop) {
		require.Equal(t, []string{"shansong delivered"}, r.attempts(no))
		require.Equal(t, map[string]string{"shansong": "", "uupt": "switched off: 系统故障 (by li)"}, r.lines(no))
	}
	r.runUntil("the delivery of what it had", r.in(before, "delivered"))
	require.Equal(t, []string{"uupt delivered"}, r.attempts(before))
	require.Len(t, r.carried("uupt"), 1)

	require.Contains(t, r.qianfan("switch", "on", "carrier", "uupt", "--by", "wang"), "carrier uupt is on")
	require.Contains(t, r.qianfan("shop", "exclude", hangzhouShop, "--carrier", "shansong", "--platform", "meituan", "--by", "wang"), "1 changed")
	r.takesEffect()
	for _, no := range r.pushes(2, hangzhouShop) {
		require.Equal(t, []string{"uupt delivered"}, r.attempts(no))
		require.Equal(t, map[string]string{"shansong": "excluded by the shop", "uupt": ""}, r.lines(no))
	}
	audit := r.qianfan("audit")
	for _, text := range []string{"switch off", "carrier/uupt", "shop exclude", "meituan/" + hangzhouShop, "wang"} {
		require.Contains(t, audit, text)
	}
	r.settle()
}

// A strategy that is set beside a running system is the next order's; a dry run prices what
// was delivered before.
func TestAStrategyIsLiveWithoutADeploy(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	why := func(no string) string {
		return one[string](r, "SELECT CONCAT(JSON_UNQUOTE(JSON_EXTRACT(d.why, '$.strategy')), ' ', JSON_EXTRACT(d.why, '$.version')) FROM order_detail d JOIN orders o ON o.id = d.order_id WHERE o.no = ?", no)
	}
	old := r.pushes(2, hangzhouShop)
	version := strings.TrimPrefix(why(old[0]), "default ")
	require.Equal(t, []string{"uupt delivered"}, r.attempts(old[0]))

	file := filepath.Join(t.TempDir(), "default.yaml")
	text := strings.Replace(r.qianfan("strategy", "show", "default"), "mode: cheapest", "mode: sequential", 1)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	dry := r.qianfan("strategy", "dry-run", file)
	require.Contains(t, dry, "compared 2;")
	require.Contains(t, dry, "would have been: shansong 2; ")
	require.Contains(t, dry, "was:             uupt 2; ")
	require.Contains(t, r.qianfan("strategy", "set", file, "--dry-run"), "nothing was written")
	require.Contains(t, r.qianfan("strategy", "set", file, "--by", "li"), `- mode: "cheapest"`)
	r.takesEffect()
	changed := r.pushes(1, hangzhouShop)[0]
	require.NotEqual(t, "default "+version, why(changed))
	require.Equal(t, []string{"shansong delivered"}, r.attempts(changed))

	r.qianfan("strategy", "rollback", "default", version, "--by", "li")
	r.takesEffect()
	back := r.pushes(1, hangzhouShop)[0]
	require.NotContains(t, []string{why(old[0]), why(changed)}, why(back), "a version of its own")
	require.Equal(t, []string{"uupt delivered"}, r.attempts(back))
	r.settle()
}

// A platform or city that is switched off is refused, for good and in its own words; what was
// accepted before is still told so, carried and cancelled.
func TestAPlatformIsSwitchedOff(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	for _, no := range []string{"own-1", "own-2"} {
		require.Equal(t, http.StatusOK, r.canonical(http.MethodPost, canonicalOrders, creation(no)).status)
	}
	r.qianfan("switch", "off", "platform", "canonical", "--reason", "对账未清", "--by", "li")
	r.qianfan("switch", "off", "city", "330100", "--reason", "台风", "--by", "li")
	r.takesEffect()
	stored := r.stored()
	refused := r.canonical(http.MethodPost, canonicalOrders, creation("own-3"))
	require.Equal(t, http.StatusUnprocessableEntity, refused.status, refused.body)
	require.Contains(t, refused.body, "42203")
	require.NotContains(t, refused.body, "对账未清", "why is our people's business")
	no, answered, err := r.Meituan().Begin(shopRequest(hangzhouShop))
	require.NoError(t, err)
	accepted, err := answered(t.Context())
	require.NoError(t, err)
	require.False(t, accepted)
	require.Equal(t, stored, r.stored(), "a refusal leaves nothing behind")
	refusals := r.refusals()
	require.Equal(t, refusal{Function: "intake", Party: "platform:meituan", No: no, Reason: "switched_off", Field: "city",
		Detail: "switched_off city: no orders are taken in city 330100 at present: city 330100 is switched off: 台风 (by li)"}, refusals[0])
	require.Contains(t, refusals[1].Detail, "platform canonical is switched off: 对账未清 (by li)")

	repeat := r.canonical(http.MethodPost, canonicalOrders, creation("own-1"))
	require.Equal(t, http.StatusOK, repeat.status, repeat.body)
	require.Equal(t, one[string](r, "SELECT CAST(id AS CHAR) FROM orders WHERE no = 'own-1'"), dataOf(t, repeat)["order_id"])
	require.InDelta(t, 1500, dataOf(t, repeat)["fee_fen"], 0)
	other := r.canonical(http.MethodPost, canonicalOrders, change(creation("own-1"), 9999, "goods", "value_fen"))
	require.Equal(t, http.StatusConflict, other.status, other.body)
	require.Equal(t, http.StatusOK, r.canonical(http.MethodPost, canonicalOrders+"/own-2/cancel", object{"reason": "改主意了"}).status)
	r.runUntil("the cancel", r.in("own-2", "cancelled"))
	r.runUntil("the delivery of what was accepted", r.in("own-1", "delivered"))

	r.qianfan("switch", "on", "platform", "canonical")
	r.qianfan("switch", "on", "city", "330100")
	r.takesEffect()
	require.Equal(t, http.StatusOK, r.canonical(http.MethodPost, canonicalOrders, creation("own-3")).status)
	r.settle()
	require.Equal(t, "delivered", r.state("own-3"))
}
