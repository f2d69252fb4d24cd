package callback_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/functions/callback"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/message"
)

// courier is a carrier whose pushes are JSON statuses, signed with the account's name where
// it has one, and who answers a kind of error.
type courier struct {
	carrier.Adapter
	account string
}

func (c courier) Facts() carrier.Facts { return carrier.Facts{Account: c.account} }

func (c courier) Callback(r carrier.CallbackRequest) (carrier.Status, error) {
	var s carrier.Status
	if c.account != "" && r.Header.Get("Signed") != c.account {
		return s, carrier.BadPush("courier", carrier.KindForged, "not signed by %s", c.account)
	}
	if err := json.Unmarshal(r.Body, &s); err != nil {
		return s, carrier.BadPush("courier", carrier.KindBadRequest, "%v", err)
	}
	return s, nil
}

func (courier) Reply(w http.ResponseWriter, err error) {
	if err != nil {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, string(carrier.KindOf(err)))
	}
}

// bus keeps what is published, or refuses it. gate, if set, holds each publish.
type bus struct {
	gate chan struct{}
	err  error

	mu   sync.Mutex
	sent []message.Message
}

func (b *bus) Publish(_ context.Context, messages ...message.Message) error {
	if b.gate != nil {
		<-b.gate
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, messages...)
	return b.err
}

func (b *bus) items() []message.Item {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []message.Item
	for _, m := range b.sent {
		all = append(all, m.Items...)
	}
	return all
}

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func newStage(t *testing.T, b *bus) *callback.Stage {
	t.Helper()
	s := callback.New(map[string]carrier.Adapter{"courier": courier{}}, b, clock.NewManual(now), callback.Config{Size: 10, Wait: time.Millisecond})
	t.Cleanup(s.Close)
	return s
}

func push(h http.Handler, path, body string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

func TestEventIsWithTheBrokerBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	b := &bus{}
	status, body := push(newStage(t, b), "/carrier/courier", `{"carrier":"courier","our_no":"12001","state":"accepted","code":"3"}`)
	require.Equal(t, 200, status)
	require.Empty(t, body)
	items := b.items()
	require.Len(t, items, 1)
	require.Equal(t, message.CarrierEvent, b.sent[0].Topic)
	require.Equal(t, now, items[0].At)
	require.Len(t, items[0].Hash, 64)
	require.Equal(t, "courier:"+items[0].Hash, items[0].Key)
	var got carrier.Status
	require.NoError(t, json.Unmarshal(items[0].Data, &got))
	require.Equal(t, carrier.Status{Carrier: "courier", OurNo: "12001", State: carrier.Accepted, Code: "3"}, got)
}

func TestSameBodyHasTheSameKey(t *testing.T) {
	t.Parallel()
	b := &bus{}
	s := newStage(t, b)
	for _, body := range []string{`{"code":"3"}`, `{"code":"3"}`, `{"code":"4"}`} {
		status, _ := push(s, "/carrier/courier/a-secret-segment", body)
		require.Equal(t, 200, status)
	}
	items := b.items()
	require.Equal(t, items[0].Key, items[1].Key)
	require.NotEqual(t, items[0].Key, items[2].Key)
}

func TestWithoutTheBrokerEveryoneHearsSendAgain(t *testing.T) {
	t.Parallel()
	status, body := push(newStage(t, &bus{err: errors.New("away")}), "/carrier/courier", `{"code":"3"}`)
	require.Equal(t, http.StatusTeapot, status)
	require.Equal(t, string(carrier.KindTemporary), body)
}

func TestBadPushesAreAnsweredAndNotPublished(t *testing.T) {
	t.Parallel()
	b := &bus{}
	s := newStage(t, b)
	status, body := push(s, "/carrier/courier", `{`)
	require.Equal(t, http.StatusTeapot, status)
	require.Equal(t, string(carrier.KindBadRequest), body)
	status, body = push(s.TooLarge(), "/carrier/courier", "cut")
	require.Equal(t, http.StatusTeapot, status)
	require.Equal(t, string(carrier.KindBadRequest), body)
	for _, path := range []string{"/carrier/nobody", "/carrier/", "/elsewhere/courier"} {
		status, _ = push(s, path, `{"code":"3"}`)
		require.Equal(t, http.StatusNotFound, status, path)
	}
	require.Empty(t, b.items())
}

// A carrier signs a push with the credentials of the account that it is about.
func TestAPushMayBeOfAnyAccount(t *testing.T) {
	t.Parallel()
	b := &bus{}
	s := callback.New(carrier.Set{"courier": courier{account: "main"}, carrier.Key("courier", "south"): courier{account: "south"}},
		b, clock.NewManual(now), callback.Config{Size: 10, Wait: time.Millisecond})
	t.Cleanup(s.Close)
	signed := func(account, body string) (int, string) {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/carrier/courier", strings.NewReader(body))
		r.Header.Set("Signed", account)
		s.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for i, account := range []string{"main", "south"} {
		status, _ := signed(account, `{"code":"3"}`)
		require.Equal(t, 200, status)
		require.Len(t, b.items(), i+1)
	}
	_, body := signed("north", `{"code":"3"}`)
	require.Equal(t, string(carrier.KindForged), body)
	_, body = signed("south", `{`)
	require.Equal(t, string(carrier.KindBadRequest), body, "the account that knew the sender says what is wrong")
	_, body = signed("main", `{`)
	require.Equal(t, string(carrier.KindBadRequest), body)
	require.Len(t, b.items(), 2)
}

// However they are batched, every push is published and answered.
func TestConcurrentPushesAreAllPublished(t *testing.T) {
	t.Parallel()
	b := &bus{gate: make(chan struct{})}
	s := newStage(t, b)
	const n = 9
	answers := make(chan int, n)
	var work sync.WaitGroup
	for range n {
		work.Go(func() {
			status, _ := push(s, "/carrier/courier", `{"code":"3"}`)
			answers <- status
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		work.Wait()
	}()
	for open := true; open; {
		select {
		case b.gate <- struct{}{}:
		case <-done:
			open = false
		}
	}
	require.Len(t, b.items(), n)
	for range n {
		require.Equal(t, 200, <-answers)
	}
}
