package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
)

const commandsPath = "/api/orders/27954/commands"

// A command is a row first; the message makes it soon, and without it the row stands.
func TestACommandIsStoredAndHinted(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.store.put(1001, "27954")
	r.store.stored = store.CommandStored{OrderID: 1001, State: order.Dispatching, Version: 4}
	status, body := r.do(t, http.MethodPost, commandsPath, `{"kind":"force","args":{"carrier":"uupt"},"by":"li","reason":"regular","key":"k1","version":4}`)
	require.Equal(t, http.StatusAccepted, status, body)
	require.Equal(t, map[string]any{"order_id": "1001", "key": "k1", "kind": "force", "repeat": false, "version": json.Number("4")}, object(t, body))
	require.Len(t, r.store.commands, 1)
	got := r.store.commands[0]
	require.False(t, got.ByHand.IsZero(), "it is audited")
	require.Equal(t, int64(1001), got.OrderID)
	c := got.Command
	require.Len(t, c.Hash, 64)
	c.Hash = ""
	require.Equal(t, order.Command{Key: "k1", Kind: "force", Args: order.CommandArgs{Carrier: "uupt"}, By: "li", Reason: "regular", ReceivedAt: r.clock.Status().Virtual, Epoch: 4}, c)
	require.Equal(t, []string{"order-command:1001:force"}, r.items())

	r.sendErr = errors.New("the broker is away")
	status, body = r.do(t, http.MethodPost, commandsPath, `{"kind":"redispatch","by":"li"}`)
	require.Equal(t, http.StatusAccepted, status, body)
	made := r.store.commands[1].Command.Key
	require.Regexp(t, "^hand-[A-Z2-7]{26}$", made)
	require.Equal(t, made, object(t, body)["key"])
	r.sendErr = nil
	r.store.stored.Repeat = true
	_, body = r.do(t, http.MethodPost, commandsPath, `{"kind":"redispatch","by":"li","key":"again"}`)
	require.Equal(t, true, object(t, body)["repeat"])
	require.Len(t, r.items(), 1, "a repeat needs nobody")
}

func TestRefusedCommandsAreClear(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.store.put(1001, "27954")
	for body, says := range map[string]string{
		``: "no body", `[]`: "body", `{"kind":"redispatch","by":"li"}{}`: "follows", `{"kind":"redispatch","by":"li","who":"x"}`: "unknown field",
		`{"by":"li"}`: `kind ""`, `{"kind":"change","by":"li"}`: `kind "change"`, `{"kind":"cancel"}`: "nobody", `{"kind":"cancel","by":" "}`: "nobody",
		`{"kind":"cancel","by":"` + strings.Repeat("x", 33) + `"}`: "too long", `{"kind":"cancel","by":"li","reason":"` + strings.Repeat("x", 256) + `"}`: "too long",
		`{"kind":"cancel","by":"li","key":"` + strings.Repeat("x", 65) + `"}`: "too long",
		`{"kind":"cancel","by":"platform"}`:                                   "billed", `{"kind":"cancel","by":" Customer"}`: "billed", `{"kind":"cancel","by":"merchant"}`: "billed",
		`{"kind":"cancel","by":"li\u001b[2J"}`: "control character", `{"kind":"cancel","by":"li","reason":"a\nb"}`: "control character", `{"kind":"cancel","by":"li","key":"k "}`: "blank",
		`{"kind":"cancel","by":"li","version":-1}`: "version -1", `{"kind":"cancel","by":"li","args":{"add_fen":1}}`: "no arguments",
		`{"kind":"tip","by":"li"}`: "add_fen is 0, not 1 to 10000", `{"kind":"tip","by":"li","args":{"add_fen":-1}}`: "add_fen", `{"kind":"tip","by":"li","args":{"add_fen":10001}}`: "add_fen",
		`{"kind":"tip","by":"li","args":{"add_fen":1.5}}`: "body", `{"kind":"tip","by":"li","args":{"add_fen":1,"carrier":"uupt"}}`: "add_fen only",
		`{"kind":"force","by":"li"}`: `carrier "" is not one of `, `{"kind":"force","by":"li","args":{"carrier":"pigeon"}}`: `carrier "pigeon"`,
		`{"kind":"force","by":"li","args":{"carrier":"uupt","add_fen":1}}`: "carrier only",
	} {
		what, _ := r.refuses(t, http.StatusBadRequest, http.MethodPost, commandsPath, body)
		require.Contains(t, what, says, body)
	}
	r.refuses(t, http.StatusNotFound, http.MethodPost, "/api/orders/nobody/commands", `{"kind":"cancel","by":"li"}`)
	require.Empty(t, r.store.commands, "nothing is stored")
	for want, stored := range map[int]store.CommandStored{
		http.StatusNotFound: {Unknown: true}, http.StatusConflict: {OrderID: 1001, Closed: true, State: order.Delivered},
	} {
		r.store.stored = stored
		r.refuses(t, want, http.MethodPost, commandsPath, `{"kind":"cancel","by":"li"}`)
	}
	r.store.stored = store.CommandStored{OrderID: 1001, Repeat: true, Conflict: true}
	what, _ := r.refuses(t, http.StatusConflict, http.MethodPost, commandsPath, `{"kind":"cancel","by":"li","key":"k"}`)
	require.Contains(t, what, `key "k"`)
	r.store.put(1002, "27954")
	what, hint := r.refuses(t, http.StatusConflict, http.MethodPost, commandsPath, `{"kind":"cancel","by":"li"}`)
	require.Contains(t, what, "more than one order")
	require.Contains(t, hint, "id:1001 or id:1002")
	r.store.err = errBroken
	r.refuses(t, http.StatusInternalServerError, http.MethodPost, commandsPath, `{"kind":"cancel","by":"li"}`)
	require.Empty(t, r.items())
}

// A platform chooses its numbers, and may choose one that is our id of another's order: such a name
// reaches neither, whoever asks or acts.
func TestANumberThatIsAnotherOrdersIDNamesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.store.put(1001, "27954")
	r.store.put(1002, "1001")
	r.store.stored = store.CommandStored{OrderID: 1001, State: order.Dispatching, Version: 4}
	const cancel = `{"kind":"cancel","by":"li"}`
	for _, ask := range [][3]string{
		{http.MethodPost, "/api/orders/1001/commands", cancel}, {http.MethodGet, "/api/orders/1001", ""},
		{http.MethodGet, "/api/orders/1001/cancel-cost", ""}, {http.MethodPost, "/api/replay", `{"order":"1001"}`},
	} {
		what, hint := r.refuses(t, http.StatusConflict, ask[0], ask[1], ask[2])
		require.Contains(t, what, "more than one order")
		require.Contains(t, hint, "id:1001 or id:1002")
	}
	require.Empty(t, r.store.commands)
	for path, id := range map[string]int64{"id:1001": 1001, "1002": 1002, "id:1002": 1002, "27954": 1001} {
		status, body := r.do(t, http.MethodPost, "/api/orders/"+path+"/commands", cancel)
		require.Equal(t, http.StatusAccepted, status, body)
		require.Equal(t, id, r.store.commands[len(r.store.commands)-1].OrderID, path)
	}
	r.store.put(1003, "1003")
	require.Equal(t, "1003", r.get(t, "/api/orders/1003")["order"].(map[string]any)["id"], "both of one order")
	r.refuses(t, http.StatusNotFound, http.MethodGet, "/api/orders/id:27954x", "")
}

// Before a cancel one is told what it costs: both sides' rules, and what a carrier has said.
func TestCancelCost(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	rules, err := json.Marshal(penalty.Book{Rules: []penalty.Rule{
		{Party: "platform:meituan", State: []string{"assigned"}, FromMin: 5, Percent: 50, Note: "rider on the way"},
		{Party: "carrier:*", State: []string{"accepted"}, FromMin: 10, Fixed: 200, Note: "late"},
		{Party: "carrier:*", State: []string{"picked_up"}, Percent: 100, Note: "all of it"},
	}})
	require.NoError(t, err)
	r.store.books = []store.RuleBook{{Kind: store.BookPenalty, Version: 4, From: start, Body: rules}}
	r.store.put(1001, "27954")
	v := r.store.views[1001]
	ago := func(d time.Duration) time.Time { return start.Add(-d) }
	fee := money.Fen(300)
	v.Order.State, v.Order.Version, v.Order.FeeFen, v.Order.AssignedAt = "assigned", 9, 1500, ago(6*time.Minute)
	v.Attempts = []store.AttemptView{
		{N: 1, Carrier: "uupt", State: "accepted", PriceFen: 900, AcceptedAt: ago(11 * time.Minute)},
		{N: 2, Carrier: "sftc", State: "cancelling", Under: "accepted", PriceFen: 900, AcceptedAt: ago(time.Minute)},
		{N: 3, Carrier: "shansong", State: "cancelling", Under: "accepted", PriceFen: 1000, AcceptedAt: ago(time.Minute), PickedAt: start},
		{N: 4, Carrier: "fengniao", State: "accepted", PriceFen: 900, CancelFee: &fee},
		{N: 5, Carrier: "uupt", State: "cancelled", PriceFen: 900, PenaltyFen: 77},
	}
	r.store.views[1001] = v
	got := r.get(t, "/api/orders/27954/cancel-cost")
	require.Equal(t, "1001 assigned 9 750 rider on the way 1500 750 1500", fmt.Sprint(got["order_id"], " ", got["state"], " ", got["version"], " ", got["penalty_in_fen"], " ",
		got["penalty_in_note"], " ", got["penalty_out_fen"], " ", got["cost_fen"], " ", got["fee_fen"]))
	var lines []string
	for _, x := range got["attempts"].([]any) {
		a, _ := x.(map[string]any)
		lines = append(lines, fmt.Sprint(a["n"], " ", a["penalty_fen"], " ", a["source"]))
	}
	require.Equal(t, []string{"1 200 rule", "2 0 rule", "3 1000 rule", "4 300 carrier"}, lines)
	require.Equal(t, "4 platform", fmt.Sprint(got["penalty_book_version"], " ", got["by"]))
	rule, _ := got["rule"].(map[string]any)
	require.Equal(t, "1 4 6 assigned", fmt.Sprint(rule["rule"], " ", rule["version"], " ", rule["minutes"], " ", rule["state"]))
	require.Nil(t, got["free_until"], "it costs something already")
	second, _ := got["attempts"].([]any)[1].(map[string]any)
	require.Equal(t, ago(-9*time.Minute).Format(time.RFC3339), second["free_until"], "ten minutes after the acceptance")

	got = r.get(t, "/api/orders/27954/cancel-cost?by=us")
	require.Equal(t, "0 1500", fmt.Sprint(got["penalty_in_fen"], " ", got["cost_fen"]), "our own cancel costs the platform nothing")
	r.refuses(t, http.StatusBadRequest, http.MethodGet, "/api/orders/27954/cancel-cost?by=somebody", "")

	v.Order.State = "delivered"
	r.store.views[1001] = v
	r.refuses(t, http.StatusConflict, http.MethodGet, "/api/orders/27954/cancel-cost", "")
	r.refuses(t, http.StatusNotFound, http.MethodGet, "/api/orders/nobody/cancel-cost", "")
}
