package shansong_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/shansong"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
	"github.com/chuandao/qianfan/shared/money"
)

func TestCallbacksAreRepeatedUntilAcknowledged(t *testing.T) {
	t.Parallel()
	answers := []string{`{"status":400}`, ``, `{"status":200}`}
	in := worldtest.NewInbox(t, func(_ worldtest.Letter, before int) (int, string) { return 200, answers[min(before, 2)] })
	p := start(t, func(o *shansong.Options) { o.CallbackURL = in.URL })
	require.NoError(t, p.faults.Direct(world.Script{Party: "shansong", Fault: world.NoRider}))
	p.place("QF1001")
	require.Len(t, in.Letters(), 1)
	p.clock.Advance(59 * time.Second)
	require.Len(t, in.Letters(), 1)
	p.clock.Advance(time.Second)
	require.Len(t, in.Letters(), 2)
	p.clock.Advance(time.Minute)
	require.Len(t, in.Letters(), 3)
	p.clock.Advance(10 * time.Minute)
	require.Len(t, in.Letters(), 3)
	require.Equal(t, 1, p.book().Callbacks)
}

func TestCallbacksAreGivenUpAfterFiveTries(t *testing.T) {
	t.Parallel()
	in := worldtest.NewInbox(t, worldtest.Always(500, ``))
	p := start(t, func(o *shansong.Options) { o.CallbackURL = in.URL })
	require.NoError(t, p.faults.Direct(world.Script{Party: "shansong", Fault: world.NoRider}))
	p.place("QF1001")
	p.clock.Advance(20 * time.Minute)
	require.Len(t, in.Letters(), 5)
	require.Zero(t, p.book().Callbacks)
}

func TestCallbackFaults(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string][][2]int{
		world.CallbackLost:      {{20, 1}, {30, 1}, {40, 1}, {50, 1}},
		world.CallbackDoubled:   {{20, 1}, {30, 1}, {30, 2}, {30, 2}, {40, 1}, {50, 1}},
		world.CallbackReordered: {{20, 1}, {30, 1}, {40, 1}, {30, 2}, {50, 1}},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			p := start(t, func(o *shansong.Options) {
				profile := shansong.DefaultProfile()
				profile.ReorderHoldMaxS = 3600
				o.Profile = &profile
			})
			require.NoError(t, p.faults.Direct(world.Script{Party: "shansong", Fault: fault, Detail: "arrived"}))
			p.until(p.place("QF1001"), world.Delivered)
			require.Equal(t, want, p.told())
			require.Equal(t, len(want), p.book().Callbacks)
			require.Equal(t, 1, p.faults.Counters()[fault])
		})
	}
}

func TestCallsWithoutAnswer(t *testing.T) {
	t.Parallel()
	for fault, placed := range map[string]bool{world.CallTimeout: true, world.CallHang: false} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			p := start(t, nil)
			require.NoError(t, p.faults.Direct(world.Script{Party: "shansong", Order: "QF1001", Fault: fault, Detail: "place"}))
			iss := p.ok("orderCalculate", delivery("QF1001"))["orderNumber"].(string)
			ctx, cancel := context.WithCancel(context.Background())
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/openapi/merchants/v5/orderPlace",
				strings.NewReader(form(string(world.JSON(m{"issOrderNo": iss}))).Encode()))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
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
			want := 200
			if !placed {
				want = 2001
			}
			require.Equal(t, want, p.call("orderInfo", m{"issOrderNo": iss}).Status)
		})
	}
}

func TestCloseLetsHangingCallsGo(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "shansong", Fault: world.CallHang}))
	failed := make(chan error)
	go func() {
		_, err := p.post("getUserAccount", form(`{}`))
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
		p := start(t, func(o *shansong.Options) { o.Seed = seed })
		require.NoError(t, p.faults.Set(map[string]float64{
			world.PlaceRefused: .1, world.CarrierCancel: .1, world.NoRider: .05,
			world.CallbackLost: .1, world.CallbackDoubled: .1, world.CallbackReordered: .1,
		}))
		for i := range n {
			iss := p.ok("orderCalculate", delivery(fmt.Sprintf("QF%04d", i)))["orderNumber"]
			p.call("orderPlace", m{"issOrderNo": iss})
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
			require.Equal(t, o.State == world.Delivered, o.Charged == 1400, "%+v", o)
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
