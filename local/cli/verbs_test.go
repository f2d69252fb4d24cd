package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	clockAnswer = `{"virtual":"2026-11-23T04:00:00Z","ceiling":60,"speed":1,"frozen":false,"busy":{"message":2,"batch":1},"timers":3,"next":"2026-11-23T04:00:30Z"}`
	faultAnswer = `{"probabilities":{"callback_lost":0.25,"place_refused":0},"scripts":[{}],"counters":{"callback_lost":4,"platform_cancel_after_pickup":1}}`
	orderRow    = `{"id":"250571647332136393","platform":"meituan","no":"27954","state":"delivered","carrier":"uupt","fee_fen":1500,"open":false,"received_at":"2026-11-23T04:00:00Z"`
	entries     = `{"entries":[
	 {"transaction":"t1","account":"bank","direction":"credit","amount_fen":1000,"order_id":"7","reason":"top up","at":"2026-11-23T04:00:00Z"},
	 {"transaction":"t1","account":"carrier:uupt:main:prepaid","direction":"debit","amount_fen":1000,"order_id":"7","reason":"top up","at":"2026-11-23T04:00:00Z"}]}`
	balances = `{"balances":[{"account":"bank","balance_fen":-1000},{"account":"carrier:uupt:main:prepaid","balance_fen":1000}]}`
)

func answers() map[string]string {
	return map[string]string{
		"GET /api/clock": clockAnswer, "POST /api/clock": clockAnswer,
		"GET /api/faults": faultAnswer, "POST /api/faults": faultAnswer, "DELETE /api/faults": faultAnswer,
		"GET /api/orders":                                 `{"orders":[` + orderRow + `}]}`,
		"GET /api/orders/27954":                           `{"order":` + orderRow + `,"strategy":"default"},"why":{"tariff":{"platform":"meituan","city":"330100","rate":"standard","version":2,"fee_fen":1500,"lines":[{"name":"start","amount_fen":1500}]}},"history":[{"key":"a","kind":"attempt","n":2,"version":6,"from":"intent","to":"placed","decision":"applied","at":"2026-11-23T04:00:01Z"}],"attempts":[{"n":2,"carrier":"uupt","state":"delivered","price_fen":1000,"booked_fen":1000}],"quotes":[{"round":1,"carrier":"shansong","refused":"closed"}]}`,
		"POST /api/orders/27954/commands":                 commandAnswer,
		"POST /api/platforms/meituan/orders":              `{"no":"27955","accepted":true}`,
		"POST /api/platforms/meituan/orders/27954/cancel": `{"no":"27954","accepted":true}`,
		"GET /api/ledger/balances":                        balances, "GET /api/ledger/entries": entries,
		"GET /api/invariants":   `{"checked":9,"violated":[],"books":{"matched":true}}`,
		"GET /api/dlq":          `{"dead_letters":[{"id":17,"topic":"order-status","state":"waiting","tries":3,"at":"2026-11-23T04:00:00Z"}],"parked_events":[{"id":1,"carrier":"uupt","our_no":"1001","first_at":"2026-11-23T04:00:00Z"}]}`,
		"POST /api/dlq/redrive": `{"redriven":1,"unreadable":[18]}`,
	}
}

// verbs is every verb that speaks to the API: what it asks, and what people read.
var verbs = []struct {
	line string
	asks []string
	says []string
}{
	{"order new", []string{"POST /api/platforms/meituan/orders {}"}, []string{"ordered 27955: accepted"}},
	{"order new --shop qf-shop-0001 --lng 120.1 --lat 30.2 --value 25.8 --expected 2026-11-23T18:30:00+08:00",
		[]string{`POST /api/platforms/meituan/orders {"expected_at":"2026-11-23T18:30:00+08:00","lat":30.2,"lng":120.1,"shop":"qf-shop-0001","value_fen":2580}`}, []string{"ordered 27955"}},
	{"order list", []string{"GET /api/orders?limit=50"}, []string{"250571647332136393", "2026-11-23 12:00:00", "delivered", "uupt"}},
	{"order list --platform jd --state failed --no 3 --needs-attention --limit 2", []string{"GET /api/orders?limit=2&needs_attention=true&no=3&platform=jd&state=failed"}, nil},
	{"order show 27954", []string{"GET /api/orders/27954"}, []string{"250571647332136393", "fee 15.00 元", "#2 attempt", "intent → placed", "10.00", "closed"}},
	{"penalty explain 27954", []string{"GET /api/orders/27954"}, []string{"the platform withdrew nothing", "#2 carrier:uupt, delivered"}},
	{"tariff explain 27954", []string{"GET /api/orders/27954"}, []string{`rate "standard" of version 2`, "15.00 元"}},
	{"order attention", []string{"GET /api/orders?limit=50&needs_attention=true"}, []string{"250571647332136393", "WHY"}},
	{"order redispatch 27954 --by li", []string{`POST /api/orders/27954/commands {"by":"li","kind":"redispatch","reason":""}`}, []string{"redispatch of 7: stored as k1"}},
	{"order force 27954 --by li --carrier uupt", []string{`POST /api/orders/27954/commands {"args":{"carrier":"uupt"},"by":"li","kind":"force","reason":""}`}, []string{"force of 7"}},
	{"order tip 27954 --by li --add 2", []string{`POST /api/orders/27954/commands {"args":{"add_fen":200},"by":"li","kind":"tip","reason":""}`}, []string{"tip of 7"}},
	{"order resolve 27954 --by li", []string{`POST /api/orders/27954/commands {"by":"li","kind":"resolve","reason":""}`}, []string{"resolve of 7"}},
	{"order cancel 27954 --by li", []string{`POST /api/orders/27954/commands {"by":"li","kind":"cancel","reason":""}`}, []string{"cancel of 7"}},
	{"order cancel 27954 --customer", []string{"GET /api/orders/27954", `POST /api/platforms/meituan/orders/27954/cancel {"reason":""}`}, []string{"cancel of 27954: accepted"}},
	{"ledger", []string{"GET /api/ledger/balances"}, []string{"bank", "-10.00"}},
	{"ledger balances", []string{"GET /api/ledger/balances"}, []string{"carrier:uupt:main:prepaid", "10.00"}},
	{"ledger entries --order 7 --limit 5", []string{"GET /api/ledger/entries?limit=5&order=7"}, []string{"2026-11-23 12:00:00", "top up"}},
	{"clock", []string{"GET /api/clock"}, []string{"2026-11-23 12:00:00.000  ×1 of ×60", "3, the next in 30s", "batch 1, message 2"}},
	{"clock show", []string{"GET /api/clock"}, []string{"×60"}},
	{"clock speed 60", []string{`POST /api/clock {"speed":60}`}, []string{"×60"}},
	{"clock freeze", []string{`POST /api/clock {"frozen":true}`}, []string{"×60"}},
	{"clock run", []string{`POST /api/clock {"frozen":false}`}, []string{"×60"}},
	{"clock advance 15m", []string{`POST /api/clock {"advance":"15m"}`}, []string{"×60"}},
	{"clock next", []string{`POST /api/clock {"run_to":"next-timer"}`}, []string{"×60"}},
	{"fault", []string{"GET /api/faults"}, []string{"callback_lost", "0.25", "platform_cancel_after_pickup", "1 scripts wait"}},
	{"fault list", []string{"GET /api/faults"}, []string{"place_refused"}},
	{"fault set callback_lost=0.2 place_refused=1", []string{`POST /api/faults {"probabilities":{"callback_lost":0.2,"place_refused":1}}`}, []string{"callback_lost"}},
	{"fault set standard callback_lost=0", []string{`POST /api/faults {"preset":"standard","probabilities":{"callback_lost":0}}`}, []string{"callback_lost"}},
	{"fault clear", []string{"DELETE /api/faults"}, []string{"callback_lost"}},
	{"dlq", []string{"GET /api/dlq"}, []string{"17", "order-status", "waiting", "1 dead letters, 1 parked events"}},
	{"dlq list", []string{"GET /api/dlq"}, []string{"1001"}},
	{"dlq redrive", []string{"POST /api/dlq/redrive {}"}, []string{"1 sent again", "[18]"}},
	{"dlq redrive 17 18", []string{`POST /api/dlq/redrive {"ids":[17,18]}`}, []string{"1 sent again"}},
}

func TestVerbsAskAndSay(t *testing.T) {
	t.Parallel()
	for _, v := range verbs {
		t.Run(v.line, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, answers())
			out := r.succeeds(t, v.line)
			require.Equal(t, v.asks, r.requests)
			for _, text := range v.says {
				require.Contains(t, out, text)
			}
		})
	}
}

func TestWithJSONEveryVerbPrintsOneJSONValue(t *testing.T) {
	t.Parallel()
	for _, v := range verbs {
		t.Run(v.line, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, answers())
			out := r.succeeds(t, v.line+" --json")
			var object map[string]any
			require.NoError(t, json.Unmarshal([]byte(out), &object), out)
			require.NotEmpty(t, object)
			require.Equal(t, 1, strings.Count(out, "\n"), "one line")
		})
	}
}

// Every verb is on a command line of some test of this package.
func TestEveryVerbIsTried(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var tests strings.Builder
	for _, name := range files {
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		tests.Write(raw)
	}
	for _, path := range leaves(t) {
		if strings.Contains(path, " ") && !strings.Contains(path, "<") { // the others start what the emulator's tests start
			require.True(t, regexp.MustCompile("[\"`]"+path+"[\"` ]").MatchString(tests.String()), "%s is tried", path)
		}
	}
}

func TestARefusedOrderIsAFailureThatSaysWhy(t *testing.T) {
	t.Parallel()
	a := answers()
	a["POST /api/platforms/meituan/orders"] = `{"no":"27955","accepted":false}`
	a["GET /api/refused"] = `{"refused":[{"no":"27954","detail":"another"},{"no":"27955","reason":"bad_coordinates","detail":"the drop-off is too far"}]}`
	r := newRig(t, a)
	code, out, errs := r.do(t, "order new")
	require.Equal(t, exitFailed, code)
	require.Empty(t, out)
	require.Equal(t, "qianfan: ordered 27955: refused: the drop-off is too far\n", errs)
	code, out, _ = r.do(t, "order new --json")
	require.Equal(t, exitFailed, code)
	require.JSONEq(t, `{"no":"27955","accepted":false}`, out)
	delete(r.answers, "GET /api/refused")
	_, _, errs = r.do(t, "order new")
	require.Contains(t, errs, "/api/refused")
}

func TestAnUnansweredPushSaysWhereToLook(t *testing.T) {
	t.Parallel()
	a := answers()
	a["POST /api/platforms/meituan/orders"] = `{"no":"27955","accepted":null}`
	require.Contains(t, newRig(t, a).succeeds(t, "order new"), "not answered yet, see `qianfan order list --no 27955`")
}

func TestEmptyListsSaySo(t *testing.T) {
	t.Parallel()
	a := answers()
	a["GET /api/orders"], a["GET /api/ledger/entries"] = `{"orders":[]}`, `{"entries":[]}`
	a["GET /api/dlq"] = `{"dead_letters":[],"parked_events":[]}`
	r := newRig(t, a)
	require.Equal(t, "none\n", r.succeeds(t, "order list"))
	require.Equal(t, "none\n", r.succeeds(t, "ledger entries"))
	require.Equal(t, "0 dead letters, 0 parked events\n", r.succeeds(t, "dlq"))
}
