package dada_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/dada"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
	"github.com/chuandao/qianfan/shared/money"
)

// A callback that nobody takes is not repeated: no document says that it would be.
func TestCallbacksAreNotRepeated(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	in := worldtest.NewInbox(t, worldtest.Always(503, `{"status":"fail"}`))
	p.inbox = in
	p.sim.Fleet().Hold(true)
	p.place("QF1001")
	p.clock.Advance(2 * time.Hour)
	require.Equal(t, []int{1}, told(p.notices()))
	require.Zero(t, p.book().Callbacks)
	require.Equal(t, 1, p.book().Made)
}

func TestCallbackFaults(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string][]int{
		world.CallbackLost:      {1, 2, 3, 4},
		world.CallbackDoubled:   {1, 2, 100, 100, 3, 4},
		world.CallbackReordered: {1, 2, 3, 100, 4},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			p := start(t, func(o *dada.Options) {
				profile := dada.DefaultProfile()
				profile.ReorderHoldMaxS = 3600
				o.Profile = &profile
			})
			require.NoError(t, p.faults.Direct(world.Script{Party: "dada", Fault: fault, Detail: "arrived"}))
			p.place("QF1001")
			p.until("QF1001", world.Delivered)
			require.Equal(t, want, told(p.notices()))
			require.Equal(t, len(want), p.book().Callbacks)
			require.Equal(t, 1, p.faults.Counters()[fault])
		})
	}
}

// A placement names a quote, and its faults go by the client's number of that quote.
func TestCallsWithoutAnswer(t *testing.T) {
	t.Parallel()
	for fault, placed := range map[string]bool{world.CallTimeout: true, world.CallHang: false} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			p := start(t, nil)
			require.NoError(t, p.faults.Direct(world.Script{Party: "dada", Order: "QF1001", Fault: fault, Detail: "place"}))
			ctx, cancel := context.WithCancel(context.Background())
			text := sealed(fmt.Sprintf(`{"deliveryNo":%q}`, p.quote("QF1001")))
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/api/order/addAfterQuery", strings.NewReader(text))
			require.NoError(t, err)
			failed := make(chan error)
			go func() {
				resp, err := p.client.Do(req)
				if err == nil {
					_ = resp.Body.Close()
				}
				failed <- err
			}()
			require.Eventually(t, func() bool { return p.clock.Open("hanging-call") == 1 }, 5*time.Second, time.Millisecond)
			cancel()
			require.ErrorIs(t, <-failed, context.Canceled)
			p.clock.Settle() // the token is given back when the client has left
			want := 0
			if !placed {
				want = 2005
			}
			require.Equal(t, want, p.code("order/status/query", byOurs("QF1001")))
		})
	}
}

func TestCloseLetsHangingCallsGo(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "dada", Order: "QF1001", Fault: world.CallHang, Detail: "quote"}))
	failed := make(chan error)
	text := sealed(string(world.JSON(p.delivery("QF1001"))))
	go func() {
		_, err := p.raw("order/queryDeliverFee", text)
		failed <- err
	}()
	require.Eventually(t, func() bool { return p.clock.Open("hanging-call") == 1 }, 5*time.Second, time.Millisecond)
	p.sim.Close()
	require.Error(t, <-failed)
}

func TestManyOrdersUnderFaultsAddUp(t *testing.T) {
	t.Parallel()
	const seed, n = 20260304, 200
	run := func() ([]world.BookOrder, map[string]int) {
		p := start(t, func(o *dada.Options) {
			profile := dada.DefaultProfile()
			profile.NoRiderAfterS = 3600
			o.Seed, o.Profile = seed, &profile
		})
		require.NoError(t, p.faults.Set(map[string]float64{
			world.PlaceRefused: .1, world.CarrierCancel: .1, world.NoRider: .05,
			world.CallbackLost: .1, world.CallbackDoubled: .1, world.CallbackReordered: .1,
		}))
		for i := range n {
			p.call("order/addAfterQuery", m{"deliveryNo": p.quote(fmt.Sprintf("QF%04d", i))})
		}
		p.clock.Advance(3 * time.Hour)
		b, totals := p.sim.Books(), p.sim.Totals()
		require.Equal(t, n, totals.Placed+totals.Refused)
		require.Equal(t, totals.Placed, totals.Delivered+totals.Cancelled)
		require.Zero(t, totals.Live)
		var charged money.Fen
		for i := range b.Orders {
			o := &b.Orders[i]
			charged += o.Charged
			require.Equal(t, o.State == world.Delivered, o.Charged == 800, "%+v", o)
			require.Equal(t, o.State == world.Cancelled, o.Charged == 0, "%+v", o)
			o.CarrierNo = "" // minted in sequence, not drawn
		}
		require.Equal(t, b.Opening-b.Balance, charged)
		return b.Orders, p.faults.Counters()
	}
	t.Logf("seed %d", seed)
	orders, counters := run()
	again, counted := run()
	require.Equal(t, orders, again, "one seed, one world")
	require.Equal(t, counters, counted)
	for _, key := range []string{world.PlaceRefused, world.CarrierCancel, world.NoRider, world.CallbackLost, world.CallbackDoubled, world.CallbackReordered} {
		require.Positive(t, counters[key], key)
	}
}

// FuzzCalls signs whatever body it is given for every call: each is answered, in the
// envelope, and nobody's money is lost on the way.
func FuzzCalls(f *testing.F) {
	paths := []string{
		"order/queryDeliverFee", "order/addAfterQuery", "order/addTip", "order/formalCancel", "order/cancel/reasons", "order/confirm/goods",
		"order/status/query", "order/transporter/position", "balance/query",
	}
	offline := &party{inbox: &worldtest.Inbox{URL: "http://127.0.0.1:1"}}
	for _, seed := range []m{
		offline.delivery("QF1001"), {"deliveryNo": "D1"}, {"order_id": "QF1000", "tips": 3, "cancel_reason_id": 4}, {"orderIds": []string{"QF1000"}, "category": 3},
		{"order_id": "QF1000", "tips": "1e300", "cancel_reason_id": 10000, "cancel_reason": "x"}, {"cargo_weight": "Inf", "receiver_lat": m{}},
	} {
		f.Add(string(world.JSON(seed)))
	}
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		service := dada.New(dada.Options{Clock: worldtest.NewClock(begin), System: func() time.Time { return system }, Faults: world.None()})
		defer service.Close()
		service.Fleet().Hold(true)
		handler := service.Handler()
		post := func(path, body string) reply {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, dada.Prefix+path, strings.NewReader(sealed(body))))
			return read(t, w.Body.Bytes())
		}
		var quoted struct {
			DeliveryNo string `json:"deliveryNo"`
		}
		unmarshal(t, post("order/queryDeliverFee", string(world.JSON(offline.delivery("QF1000")))).Result, &quoted)
		post("order/addAfterQuery", string(world.JSON(quoted)))
		for _, path := range paths {
			post(path, body)
		}
		b := service.Books()
		require.NotEmpty(t, b.Orders)
		for _, o := range b.Orders {
			b.Balance += o.Charged
		}
		require.Equal(t, b.Opening, b.Balance)
	})
}
