package sftc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/sftc"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
	"github.com/chuandao/qianfan/shared/money"
)

// Anything written acknowledges a callback; an empty answer is repeated, twenty times in all.
func TestCallbacksAreRepeated(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status int
		answer string
		want   int
	}{
		"the documented answer": {200, received, 1},
		"a refusal in words":    {403, `{"error_code":403,"error_msg":"no"}`, 1},
		"text":                  {500, `busy`, 1},
		"empty":                 {200, ``, 20},
		"an empty error":        {503, ``, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInbox(t, worldtest.Always(row.status, row.answer))
			p := start(t, func(o *sftc.Options) { o.CallbackURL = in.URL })
			p.inbox = in
			require.NoError(t, p.faults.Direct(world.Script{Party: "sftc", Fault: world.NoRider}))
			p.place("QF1001")
			p.clock.Advance(2 * time.Hour)
			all := p.notices()
			require.Len(t, all, row.want)
			for _, n := range all {
				require.Equal(t, all[0], n, "repeats are alike")
			}
			want := 0
			if row.answer != "" {
				want = 1
			}
			require.Equal(t, want, p.book().Callbacks)
		})
	}
}

func TestCallbackFaults(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string][]int{
		world.CallbackLost:      {10, 15, 17},
		world.CallbackDoubled:   {10, 12, 12, 15, 17},
		world.CallbackReordered: {10, 15, 12, 17},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			p := start(t, func(o *sftc.Options) {
				profile := sftc.DefaultProfile()
				profile.ReorderHoldMaxS = 3600
				o.Profile = &profile
			})
			require.NoError(t, p.faults.Direct(world.Script{Party: "sftc", Fault: fault, Detail: "arrived"}))
			p.until(p.place("QF1001"), world.Delivered)
			p.clock.Settle()
			require.Equal(t, want, told(p.notices()))
			require.Equal(t, len(want), p.book().Callbacks)
			require.Equal(t, 1, p.faults.Counters()[fault])
		})
	}
}

// Faults of calls that name no order go by the customer's place.
func TestCallsWithoutAnswer(t *testing.T) {
	t.Parallel()
	for fault, placed := range map[string]bool{world.CallTimeout: true, world.CallHang: false} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			p := start(t, nil)
			require.NoError(t, p.faults.Direct(world.Script{Party: "sftc", Order: "QF1001", Fault: fault, Detail: "place"}))
			ctx, cancel := context.WithCancel(context.Background())
			text := body(creation("QF1001"))
			req, err := http.NewRequestWithContext(ctx, http.MethodPost,
				p.url+"/open/api/external/createorder?sign="+url.QueryEscape(sign(text)), strings.NewReader(text))
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
				want = 2102
			}
			require.Equal(t, want, p.code("getorderstatus", byOurs("QF1001")))
		})
	}
}

func TestCloseLetsHangingCallsGo(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "sftc", Order: "120.155100,30.294100", Fault: world.CallHang, Detail: "quote"}))
	failed := make(chan error)
	go func() {
		text := body(delivery())
		_, err := p.raw("precreateorder", text, sign(text))
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
		p := start(t, func(o *sftc.Options) { o.Seed = seed })
		require.NoError(t, p.faults.Set(map[string]float64{
			world.PlaceRefused: .1, world.CarrierCancel: .1, world.NoRider: .05,
			world.CallbackLost: .1, world.CallbackDoubled: .1, world.CallbackReordered: .1,
		}))
		for i := range n {
			p.call("createorder", creation(fmt.Sprintf("QF%04d", i)))
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
			require.Equal(t, o.State == world.Delivered, o.Charged == 900, "%+v", o)
			require.Equal(t, o.State == world.Cancelled, o.Charged == 0, "%+v", o)
			o.CarrierNo = "" // minted in sequence, not drawn
		}
		require.Equal(t, b.Opening-b.Balance, charged)
		return b.Orders, p.faults.Counters()
	}
	t.Logf("seed %d", seed)
	orders, counters := run()
	again, counted := run()
	require.Len(t, again, len(orders))
	for i := range orders {
		require.Equal(t, orders[i], again[i], "one seed, one world")
	}
	require.Equal(t, counters, counted)
	for _, key := range []string{world.PlaceRefused, world.CarrierCancel, world.NoRider, world.CallbackLost, world.CallbackDoubled, world.CallbackReordered} {
		require.Positive(t, counters[key], key)
	}
}

// FuzzCalls signs whatever body it is given for every call: each is answered, in the
// envelope, and nobody's money is lost on the way.
func FuzzCalls(f *testing.F) {
	names := []string{
		"precreateorder", "createorder", "precancelorder", "cancelorder", "addordergratuityfee", "getordergratuityfee", "getorderstatus",
		"listorderfeed", "riderlatestposition", "riderviewv2", "getcallbackinfo", "reminderorder", "getshopaccountbalance",
	}
	for _, seed := range []m{delivery(), creation("QF1001"), byNo("1"), byOurs("QF1001"), terms(), {"gratuity_fee": "x", "order_id": 1e300}} {
		f.Add(body(seed))
	}
	f.Add(`{"dev_id":"1500000001","push_time":"1700000000","receive":[]}`)
	f.Fuzz(func(t *testing.T, text string) {
		service := sftc.New(sftc.Options{Clock: worldtest.NewClock(begin), System: func() time.Time { return system }, Faults: world.None()})
		defer service.Close()
		handler := service.Handler()
		for _, name := range names {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, sftc.Prefix+name+"?sign="+url.QueryEscape(sign(text)), strings.NewReader(text)))
			var r reply
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &r))
			require.Equal(t, r.Code == 0, r.Msg == "")
		}
		b := service.Books()
		for _, o := range b.Orders {
			b.Balance += o.Charged
		}
		require.Equal(t, b.Opening, b.Balance)
	})
}
