package taobao_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/taobao"
)

const done = `{"result":null,"error":null}`

// platform answers each action as it is told, and keeps what it was asked.
type platform struct {
	answers map[string]string
	asked   chan string
}

// start gives an adapter that talks to a platform.
func start(t *testing.T, change func(*taobao.Config), answers map[string]string) (*taobao.Adapter, *platform) {
	t.Helper()
	p := &platform{answers: answers, asked: make(chan string, 8)}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	cfg := devConfig(s.URL + apiPath)
	if change != nil {
		change(&cfg)
	}
	a, err := taobao.New(cfg, settings.Deps{HTTP: s.Client(), System: systemTime})
	require.NoError(t, err)
	return a, p
}

// ServeHTTP answers done to what nothing is said about.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct{ Action string }
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &q)
	p.asked <- string(body)
	answer, ok := p.answers[q.Action]
	if !ok {
		answer = done
	}
	_, _ = io.WriteString(w, answer)
}

// calls are those so far.
func (p *platform) calls() []string {
	var all []string
	for len(p.asked) > 0 {
		all = append(all, <-p.asked)
	}
	return all
}

func milestone(state order.State) upstream.Milestone {
	m := reports().Milestone
	m.State = state
	return m
}

const refused = `{"result":null,"error":{"code":"VALIDATION_FAILED","message":"no"}}`

func locationCall() string {
	return called("eleme.order.selfDeliveryLocationSync", map[string]string{
		"shopId": "720001", "orderId": `"` + number + `"`,
		"locationInfo": `{"latitude":30.280400,"longitude":120.143300,"altitude":0,"utc":1793600000}`,
	})
}

// States for which no word is public are not told, unless one is configured.
func TestStatesWithoutAWord(t *testing.T) {
	t.Parallel()
	states := []order.State{order.Dispatching, order.Assigned, order.Arrived, order.Returning}
	silent, p := start(t, nil, nil)
	for _, state := range states {
		require.NoError(t, silent.Report(t.Context(), milestone(state)))
	}
	require.Empty(t, p.calls())
	words, p := start(t, func(c *taobao.Config) {
		c.States = map[order.State]string{order.Dispatching: "A", order.Assigned: "B", order.Arrived: "C", order.Returning: "D"}
	}, nil)
	for _, state := range states {
		require.NoError(t, words.Report(t.Context(), milestone(state)))
	}
	require.Len(t, p.calls(), 4)
}

func TestPosition(t *testing.T) {
	t.Parallel()
	at := func(state order.State) upstream.Milestone {
		m := milestone(state)
		m.Position = &geo.Point{Lng: 120.1433, Lat: 30.2804}
		return m
	}
	t.Run("after the state", func(t *testing.T) {
		t.Parallel()
		a, p := start(t, nil, nil)
		require.NoError(t, a.Report(t.Context(), at(order.PickedUp)))
		require.Equal(t, []string{reports().Requests[order.PickedUp], locationCall()}, p.calls())
	})
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		a, p := start(t, nil, nil)
		require.NoError(t, a.Report(t.Context(), at(order.Assigned)))
		require.Equal(t, []string{locationCall()}, p.calls())
	})
	t.Run("alone, refused", func(t *testing.T) {
		t.Parallel()
		a, _ := start(t, nil, map[string]string{"eleme.order.selfDeliveryLocationSync": refused})
		require.Equal(t, upstream.Refused, upstream.AsError(a.Report(t.Context(), at(order.Assigned))).Reason)
		require.NoError(t, a.Report(t.Context(), at(order.PickedUp)), "the milestone is told")
	})
	t.Run("not after a state that failed", func(t *testing.T) {
		t.Parallel()
		a, p := start(t, nil, map[string]string{"eleme.order.selfDeliveryStateSync": refused})
		require.Error(t, a.Report(t.Context(), at(order.PickedUp)))
		require.Len(t, p.calls(), 1)
	})
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		a, p := start(t, nil, nil)
		require.Equal(t, upstream.Refused, upstream.AsError(a.Locate(t.Context(), milestone(order.Assigned))).Reason)
		require.Empty(t, p.calls())
	})
}

// 饿了么 knows of an order that it cancelled itself.
func TestEnd(t *testing.T) {
	t.Parallel()
	a, _ := start(t, nil, map[string]string{"eleme.order.noMoreDeliveryLite": refused})
	require.NoError(t, a.Report(t.Context(), milestone(order.Cancelled)))
	require.Equal(t, upstream.Refused, upstream.AsError(a.Report(t.Context(), milestone(order.Failed))).Reason)
	a, _ = start(t, nil, map[string]string{"eleme.order.noMoreDeliveryLite": `{"error":{"code":"SERVER_ERROR"}}`})
	require.Equal(t, upstream.Unreachable, upstream.AsError(a.Report(t.Context(), milestone(order.Cancelled))).Reason)
	a, p := start(t, func(c *taobao.Config) { c.EndAction = "none" }, nil)
	require.NoError(t, a.Report(t.Context(), milestone(order.Failed)))
	require.Empty(t, p.calls())
}

// What the settings change of a call.
func TestConfiguredCall(t *testing.T) {
	t.Parallel()
	a, p := start(t, func(c *taobao.Config) {
		c.AppKey, c.Token, c.DistributorID, c.ShopIDs, c.UTCMillis = "key", "tok", 202, nil, true
		c.Companies = map[string]taobao.Company{"shansong": {ID: "3", Name: "闪送<同城>"}}
	}, nil)
	m := milestone(order.Delivered)
	m.Rider, m.Position = order.Rider{}, &geo.Point{Lng: 120, Lat: 30}
	require.NoError(t, a.Report(t.Context(), m))
	type call struct {
		Token  string
		Metas  map[string]any
		Params map[string]json.RawMessage
	}
	var state, location call
	calls := p.calls()
	require.NoError(t, json.Unmarshal([]byte(calls[0]), &state))
	require.NoError(t, json.Unmarshal([]byte(calls[1]), &location))
	require.Equal(t, "tok", state.Token)
	require.Equal(t, "key", state.Metas["app_key"])
	require.Equal(t, `"qf-shop-0001"`, string(state.Params["shopId"]))
	require.Equal(t, `{"orderId":"`+number+`","distributorId":202,"state":"DELIVERY_COMPLETE","deliveryCompanyId":"3","deliveryCompanyName":"闪送<同城>"}`, string(state.Params["stateInfo"]))
	require.Equal(t, `{"latitude":30.000000,"longitude":120.000000,"altitude":0,"utc":1793600000000}`, string(location.Params["locationInfo"]))
}

func TestConfiguredRetry(t *testing.T) {
	t.Parallel()
	a, _ := start(t, func(c *taobao.Config) { c.RetryCodes = []string{"VALIDATION_FAILED"} }, map[string]string{"eleme.order.selfDeliveryStateSync": refused})
	require.Equal(t, upstream.Unreachable, upstream.AsError(a.Report(t.Context(), milestone(order.Delivered))).Reason)
}

const pulled, confirmed = "eleme.msgNew.getPushFailMsg", "eleme.msgNew.confirmPullMsg"

// Whatever was missed is read as if it had been pushed, however old.
func TestPull(t *testing.T) {
	t.Parallel()
	long := systemTime().AddDate(0, 0, -3)
	good := sign(envelope(10, text(content()), long))
	cancel := sign(with(envelope(14, text(cancelContent()), long), values{"requestId": "2"}))
	forged := with(good, values{"requestId": "3"})
	list := []any{good, text(cancel), forged, "nonsense", 7}
	for name, row := range map[string]struct {
		change func(*taobao.Config)
		answer any
		query  string
	}{
		"a list":     {nil, list, `{"appId":22954133}`},
		"in a field": {func(c *taobao.Config) { c.PullList, c.PullQuery = "messages", json.RawMessage(`{"size":5}`) }, values{"messages": list}, `{"size":5}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := start(t, row.change, map[string]string{pulled: text(values{"result": row.answer, "error": nil})})
			got, err := a.Pull(t.Context())
			require.NoError(t, err)
			require.Equal(t, []string{called(pulled, map[string]string{"msgQueryRequest": row.query})}, p.calls())
			require.Len(t, got, 5)

			want := decode(t, dev(), push(10, content(), systemTime()))
			require.Equal(t, upstream.Missed{ID: "200000000000000001", Push: want}, got[0])
			require.Equal(t, "2", got[1].ID)
			require.Equal(t, upstream.KindCancel, got[1].Push.Kind)
			require.Equal(t, "3", got[2].ID)
			for i, reason := range map[int]upstream.Reason{2: upstream.BadSignature, 3: upstream.Malformed, 4: upstream.Malformed} {
				require.Equal(t, reason, upstream.AsError(got[i].Err).Reason, i)
				require.Zero(t, got[i].Push)
			}

			require.NoError(t, a.Confirm(t.Context(), []string{"200000000000000001", "2"}))
			require.Equal(t, []string{called(confirmed, map[string]string{"msgConfirmRequest": `{"appId":22954133,"requestIds":["200000000000000001","2"]}`})}, p.calls())
		})
	}
}

func TestPullOfNothing(t *testing.T) {
	t.Parallel()
	a, p := start(t, nil, map[string]string{pulled: `{"result":[],"error":null}`})
	got, err := a.Pull(t.Context())
	require.NoError(t, err)
	require.Empty(t, got)
	require.Len(t, p.calls(), 1)
	require.NoError(t, a.Confirm(t.Context(), nil))
	require.Empty(t, p.calls())
	named, _ := start(t, func(c *taobao.Config) { c.PullList = "messages" }, map[string]string{pulled: `{"result":{"total":0},"error":null}`})
	got, err = named.Pull(t.Context())
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestPullThatFails(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]upstream.Reason{
		`{"result":{},"error":null}`: upstream.Unreachable, `{"result":"x"}`: upstream.Unreachable, `<html>`: upstream.Unreachable, refused: upstream.Refused,
	} {
		a, _ := start(t, nil, map[string]string{pulled: answer, confirmed: answer})
		_, err := a.Pull(t.Context())
		require.Equal(t, want, upstream.AsError(err).Reason, answer)
	}
	a, _ := start(t, nil, map[string]string{confirmed: refused})
	require.Equal(t, upstream.Refused, upstream.AsError(a.Confirm(t.Context(), []string{"1"})).Reason)
	gone, stop := context.WithCancel(t.Context())
	stop()
	_, err := a.Pull(gone)
	require.Equal(t, upstream.Unreachable, upstream.AsError(err).Reason)
}

// FuzzAnswer takes any answer to a pull and to a fetch.
func FuzzAnswer(f *testing.F) {
	f.Add(text(values{"result": []any{sign(envelope(10, text(content()), systemTime()))}}))
	f.Add(text(values{"result": content()}))
	f.Add(`{"result":["\"\"",null,{}],"error":{"code":1}}`)
	var answer string
	cfg := dev()
	a, err := taobao.New(cfg, settings.Deps{System: systemTime, HTTP: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		_, _ = io.WriteString(w, answer)
		return w.Result(), nil
	})}})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body string) {
		answer = body
		missed, err := a.Pull(t.Context())
		if err != nil {
			require.Empty(t, missed)
		}
		for _, m := range missed {
			require.Equal(t, m.Err == nil, m.Push.Kind != "")
		}
		created, err := a.Fetch(t.Context(), number)
		if err != nil {
			require.Zero(t, created)
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

// RoundTrip answers.
func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
