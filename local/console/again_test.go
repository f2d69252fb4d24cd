package console

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/store"
)

func TestReplaySendsWhatIsOwedAndBidsAllStagesLook(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.store.put(1001, "27954",
		store.HistoryLine{Key: "create"},
		store.HistoryLine{Key: "q:1", Owes: []byte(`[{"topic":"order-status","item":{"key":"1001","order":"1001"}},{"topic":"order-timer","due":"2026-11-23T12:23:10Z","item":{"key":"1001:give_up","order":"1001"}}]`)})
	for _, name := range []string{"1001", "27954"} {
		r.sent = nil
		status, body := r.do(t, http.MethodPost, "/api/replay", `{"order":"`+name+`"}`)
		require.Equal(t, http.StatusOK, status, body)
		require.JSONEq(t, `{"items":5,"messages":4}`, body)
		require.Equal(t, []string{"order-command:1001:resume", "order-status:1001", "order-timer:1001:give_up", "settlement:1001"}, r.items(), "each once")
	}
	r.refuses(t, http.StatusNotFound, http.MethodPost, "/api/replay", `{"order":"nope"}`)
	r.refuses(t, http.StatusBadRequest, http.MethodPost, "/api/replay", `{}`)
	r.sendErr = errors.New("no broker")
	what, _ := r.refuses(t, http.StatusInternalServerError, http.MethodPost, "/api/replay", `{"order":"1001"}`)
	require.Contains(t, what, "no broker")
}

func letter(t *testing.T, id int64, kind, state string, items ...message.Item) store.DeadLetter {
	t.Helper()
	body, err := message.Encode(kind, items)
	require.NoError(t, err)
	return store.DeadLetter{ID: id, Topic: kind, Body: string(body), State: state}
}

func TestRedriveSendsLettersAgainAndMarksThem(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.store.letters = []store.DeadLetter{
		letter(t, 1, message.CarrierEvent, letterWaiting, message.Item{Key: "e1", Data: []byte(`{"state":"accepted"}`), Attempt: 3}),
		letter(t, 2, message.OrderAccepted, letterWaiting, message.Item{Key: "7", Order: 7}),
		letter(t, 3, message.OrderQuoted, letterRedriven, message.Item{Key: "8", Order: 8, Round: 2}),
		{ID: 4, Topic: "unknown", Body: "not JSON", State: letterWaiting},
	}
	redrive := func(body string) string {
		status, answer := r.do(t, http.MethodPost, "/api/dlq/redrive", body)
		require.Equal(t, http.StatusOK, status, answer)
		return answer
	}
	require.JSONEq(t, `{"redriven":2,"unreadable":[4]}`, redrive(""))
	require.Equal(t, []string{"carrier-event:e1", "order-command:7:resume", "order-status:7", "quote-wanted:7", "settlement:7"}, r.items())
	for _, m := range r.sent {
		for _, i := range m.Items {
			require.Zero(t, i.Attempt, "the count of tries begins again")
		}
	}
	require.JSONEq(t, `{"redriven":0,"unreadable":[4]}`, redrive(`{}`), "what was sent waits no more")

	r.sent = nil
	require.JSONEq(t, `{"redriven":1,"unreadable":[]}`, redrive(`{"ids":[3]}`), "a named letter is sent whatever its state")
	require.Equal(t, []string{"order-command:8:resume", "order-quoted:8", "order-status:8", "settlement:8"}, r.items())
	r.refuses(t, http.StatusNotFound, http.MethodPost, "/api/dlq/redrive", `{"ids":[3,99]}`)
}

func TestALetterThatIsNotSentWaitsOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.store.letters = []store.DeadLetter{letter(t, 1, message.OrderStatus, letterWaiting, message.Item{Key: "7", Order: 7})}
	r.sendErr = errors.New("no broker")
	r.refuses(t, http.StatusInternalServerError, http.MethodPost, "/api/dlq/redrive", "")
	require.Equal(t, letterWaiting, r.store.letters[0].State)
}
