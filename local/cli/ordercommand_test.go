package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const commandAnswer = `{"order_id":"7","key":"k1","kind":"tip","repeat":false,"version":3}`

func TestCommandsByHand(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ line, body string }{
		{"order redispatch 27954 --by li --reason slow", `{"by":"li","kind":"redispatch","reason":"slow"}`},
		{"order force 27954 --by li --carrier sftc --key k1", `{"args":{"carrier":"sftc"},"by":"li","key":"k1","kind":"force","reason":""}`},
		{"order tip 27954 --by li --add 2.5 --version 9", `{"args":{"add_fen":250},"by":"li","kind":"tip","reason":"","version":9}`},
		{"order cancel 27954 --by li", `{"by":"li","kind":"cancel","reason":""}`},
		{"order resolve 27954 --by li", `{"by":"li","kind":"resolve","reason":""}`},
	} {
		r := newRig(t, map[string]string{"POST /api/orders/27954/commands": commandAnswer})
		out := r.succeeds(t, row.line)
		require.Contains(t, out, "of 7: stored as k1", row.line)
		require.Equal(t, []string{"POST /api/orders/27954/commands " + row.body}, r.requests, row.line)
		require.JSONEq(t, commandAnswer, r.succeeds(t, row.line+" --json"))
	}
}

// By whom is the machine's user when nobody is named.
func TestCommandsNameTheUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"POST /api/orders/7/commands": commandAnswer})
	r.succeeds(t, "order resolve 7")
	require.Regexp(t, `"by":"[^"]+"`, r.requests[0])
}

func TestWaitTellsTheDecision(t *testing.T) {
	t.Parallel()
	view := func(decision string) map[string]string {
		return map[string]string{
			"POST /api/orders/27954/commands": commandAnswer,
			"GET /api/orders/7":               `{"order":{"id":"7"},"commands":[{"key":"k0","decision":"applied"},{"key":"k1","kind":"tip","decision":"` + decision + `"}]}`,
		}
	}
	r := newRig(t, view("applied"))
	require.Contains(t, r.succeeds(t, "order tip 27954 --add 2 --by li --wait"), "tip of 7: applied")
	require.Equal(t, "GET /api/orders/7", r.requests[1])
	require.Contains(t, r.succeeds(t, "order tip 27954 --add 2 --by li --wait --json"), `"decision":"applied"`)

	code, _, errs := newRig(t, view("refused: no attempt takes such a tip now")).do(t, "order tip 27954 --add 2 --by li --wait")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "tip of 7: refused: no attempt takes such a tip now")

	code, _, errs = newRig(t, view("")).do(t, "order tip 27954 --add 2 --by li --wait --timeout 0s")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "not decided within 0s")
}

func TestBadCommands(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"POST /api/orders/7/commands": `409 {"error":"the order is delivered","hint":"only resolve is left"}`})
	code, _, errs := r.do(t, "order redispatch 7 --by li")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "the order is delivered; only resolve is left")
	for _, line := range []string{"order tip 7", "order tip 7 --add x", "order tip 7 --add 0", "order tip 7 --add -1", "order tip 7 --add 0.001", "order force 7", "order redispatch", "order cancel 7 --cost --customer"} {
		code, _, _ := r.do(t, line)
		require.Equal(t, exitUsage, code, line)
		require.Empty(t, r.requests, line)
	}
}

func TestTheQueueAndTheCost(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{
		"GET /api/orders": `{"orders":[` + orderRow + `,"attention":"nobody took it"}]}`,
		"GET /api/orders/7/cancel-cost": `{"order_id":"7","state":"assigned","penalty_in_fen":500,"penalty_out_fen":300,"fee_fen":1500,"attempts":[
 {"n":1,"carrier":"uupt","state":"accepted","penalty_fen":300,"source":"carrier_now","told_at":"2026-11-23T04:00:00Z","free_until":"2026-11-23T04:02:00Z"},
 {"n":2,"carrier":"dada","state":"accepted","penalty_fen":200,"source":"rule","unasked":"there is no such call","rule":{"version":3,"rule":7}},
 {"n":3,"carrier":"sftc","state":"cancelling","penalty_fen":100,"source":"carrier","told_at":"2026-11-23T03:57:00Z","unasked":"context deadline exceeded"},
 {"n":4,"carrier":"fengniao","state":"cancelling","penalty_fen":100,"source":"carrier","told_at":null}]}`,
	})
	out := r.succeeds(t, "order attention --limit 5")
	require.Contains(t, out, "nobody took it")
	require.Equal(t, []string{"GET /api/orders?limit=5&needs_attention=true"}, r.requests)
	out = r.succeeds(t, "order cancel 7 --cost")
	require.Contains(t, out, "assigned: the platform owes 违约金 5.00 元 instead of 15.00 元; carriers keep 3.00 元")
	for _, line := range []string{
		"#1 uupt accepted: 3.00 元 by the carrier, asked now\n", "#2 dada accepted: 2.00 元 by our rules, version 3\n", "    the carrier did not say it now: there is no such call\n",
		"#3 sftc cancelling: 1.00 元 by the carrier, asked at 2026-11-23 11:57:00\n", "#4 fengniao cancelling: 1.00 元 by the carrier, asked before a cancel\n",
	} {
		require.Contains(t, out, line)
	}
	require.Equal(t, []string{"GET /api/orders/7/cancel-cost?ask=true"}, r.requests)
}
