package console

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/world"
)

func TestTheClockMoves(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	move := func(body string) map[string]any {
		status, answer := r.do(t, http.MethodPost, "/api/clock", body)
		require.Equal(t, http.StatusOK, status, answer)
		return object(t, answer)
	}
	require.Equal(t, json.Number("60"), move(`{"speed":60}`)["ceiling"])
	before := r.clock.Now()
	s := move(`{"advance":"15m"}`)
	require.Equal(t, true, s["frozen"])
	require.Equal(t, before.Add(15*time.Minute), r.clock.Now())
	require.Equal(t, false, move(`{"frozen":false}`)["frozen"])
	require.Equal(t, true, move(`{"frozen":true,"speed":5}`)["frozen"])
	require.InDelta(t, 5, r.clock.Status().Ceiling, 0)

	fired := make(chan struct{})
	at := r.clock.Now().Add(time.Hour)
	r.clock.AfterFunc(at, func() { close(fired) })
	move(`{"run_to":"next-timer"}`)
	<-fired
	require.Equal(t, at.UnixMilli(), r.clock.Now().UnixMilli())
	what, _ := r.refuses(t, http.StatusConflict, http.MethodPost, "/api/clock", `{"run_to":"next-timer"}`)
	require.Contains(t, what, "no timer")
}

func TestABadMoveOfTheClockDoesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	before := r.clock.Now()
	for _, body := range []string{``, `{}`, `{"speed":0}`, `{"speed":-1}`, `{"advance":"x"}`, `{"advance":"-5m"}`, `{"advance":"0s"}`, `{"advance":"745h"}`, `{"run_to":"noon"}`,
		`{"frozen":false,"speed":-1}`, `{"frozen":false,"advance":"x"}`} {
		r.refuses(t, http.StatusBadRequest, http.MethodPost, "/api/clock", body)
	}
	require.True(t, r.clock.Status().Frozen, "a move is refused as a whole")
	require.Equal(t, before, r.clock.Now())
}

func TestBesideARealBrokerTheClockOnlyScales(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(d *Deps) { d.Broker = nil })
	for _, body := range []string{`{"advance":"15m"}`, `{"run_to":"next-timer"}`, `{"speed":11}`} {
		r.refuses(t, http.StatusConflict, http.MethodPost, "/api/clock", body)
	}
	status, answer := r.do(t, http.MethodPost, "/api/clock", `{"speed":10,"frozen":true}`)
	require.Equal(t, http.StatusOK, status, answer)
}

func TestFaultsAreSetAddedAndCleared(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	post := func(body string) {
		status, answer := r.do(t, http.MethodPost, "/api/faults", body)
		require.Equal(t, http.StatusOK, status, answer)
	}
	post(`{"probabilities":{"callback_lost":0.2}}`)
	post(`{"probabilities":{"place_refused":0.5}}`)
	chances := r.faults.Chances()
	require.InDelta(t, 0.2, chances["callback_lost"], 0, "what is not named stays")
	require.InDelta(t, 0.5, chances["place_refused"], 0)
	for _, body := range []string{``, `{"preset":"hell"}`, `{"probabilities":{"callback_lost":1.5}}`, `{"probabilities":{"nope":0.5}}`, `{"preset":"standard","probabilities":{"nope":1}}`} {
		r.refuses(t, http.StatusBadRequest, http.MethodPost, "/api/faults", body)
	}
	require.Equal(t, chances, r.faults.Chances(), "a bad setting changes nothing")
	post(`{"preset":"standard","probabilities":{"place_refused":0.9}}`)
	want := world.Standard().Chances()
	want["place_refused"] = 0.9
	require.Equal(t, want, r.faults.Chances())
	status, _ := r.do(t, http.MethodDelete, "/api/faults", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, world.None().Chances(), r.faults.Chances())
}

func TestTopicsAndFunctions(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	_, body := r.do(t, http.MethodGet, "/api/topics", "")
	require.JSONEq(t, `{"topics":[
	 {"name":"order-status","type":"NORMAL","messages":2,"delayed":0,"half":0,"groups":[{"name":"GID-report","ready":1,"in_flight":1,"parked":0,"dead":5,"oldest":"2026-11-23T04:00:00Z"}]},
	 {"name":"order-timer","type":"DELAY","messages":0,"delayed":3,"half":0,"groups":[]}],
	 "messages":{"sent":9,"delivered":8,"redelivered":0,"acked":0,"dead":0,"recalled":0}}`, body)
	_, body = r.do(t, http.MethodGet, "/api/functions", "")
	require.JSONEq(t, `{"functions":[{"name":"intake","invocations":3,"instances":[]},
	 {"name":"quote","invocations":11,"instances":[{"id":"q-1","pid":42,"state":"busy","in_flight":1,"invocations":5}]}]}`, body)
}

func TestRefusedInputs(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	require.Len(t, r.get(t, "/api/refused")["refused"], 2)
	require.Len(t, r.get(t, "/api/refused?limit=1")["refused"], 1)
	r.refuses(t, http.StatusBadRequest, http.MethodGet, "/api/refused?limit=none", "")
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	_, text := r.do(t, http.MethodGet, "/metrics", "")
	for _, line := range []string{
		"# TYPE qianfan_orders gauge", `qianfan_orders{state="delivered"} 2`, "qianfan_orders_open 1", `qianfan_attempts{outcome="placed"} 4`, `qianfan_milestones{outcome="late",platform="meituan"} 1`, `qianfan_milestones_told_ratio{platform="meituan"} 0.9`,
		`qianfan_ledger_fen{side="income"} 1500`, "qianfan_ledger_balanced 1", `qianfan_invocations_total{function="quote"} 11`,
		`qianfan_instances{function="quote",state="busy"} 1`, `qianfan_messages_total{what="sent"} 9`, `qianfan_messages_delayed{topic="order-timer"} 3`,
		`qianfan_messages_waiting{group="GID-report",phase="ready",topic="order-status"} 1`, `qianfan_messages_waiting{group="GID-report",phase="dead",topic="order-status"} 5`,
		`qianfan_refused_inputs{function="intake",reason="bad_signature"} 1`, "qianfan_clock_speed 0", "qianfan_scrape_failed 0", "# TYPE go_goroutines gauge",
	} {
		require.Contains(t, text, line+"\n", "metrics")
	}
	require.NotContains(t, text, "%DLQ%")
	r.store.err = errBroken
	status, text := r.do(t, http.MethodGet, "/metrics", "")
	require.Equal(t, http.StatusOK, status, "the rest is still told")
	require.Contains(t, text, "qianfan_scrape_failed 1\n")
	require.Contains(t, text, "qianfan_clock_ceiling 1\n")
}
