package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// desk is a carrier's side of the wire, and what it was asked.
type desk struct {
	carrier.Adapter // nil: nothing else is asked
	account         string
	fee             money.Fen
	err             error
	slow            bool // it answers when nobody waits any more

	mu    sync.Mutex
	asked []carrier.Ref
}

func (d *desk) Facts() carrier.Facts { return carrier.Facts{Account: d.account} }

func (d *desk) CancelFee(ctx context.Context, ref carrier.Ref) (money.Fen, error) {
	d.mu.Lock()
	d.asked = append(d.asked, ref)
	d.mu.Unlock()
	if d.slow {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return d.fee, d.err
}

// askedRig has an order with an attempt of each kind.
func askedRig(t *testing.T, adapters func() (carrier.Set, error)) *rig {
	t.Helper()
	r := newRig(t, func(d *Deps) { d.Adapters = adapters })
	r.store.put(1001, "27954")
	before := money.Fen(120)
	told := start.Add(-3 * time.Minute)
	v := r.store.views[1001]
	v.Order.State, v.Order.ShopCode = "assigned", "S1"
	v.Attempts = []store.AttemptView{
		{N: 1, OurNo: "1001001", Carrier: "uupt", Account: "south", CarrierNo: "UU1", State: "accepted"},
		{N: 2, OurNo: "1001002", Carrier: "dada", Account: "main", State: "placed", CancelFee: &before, CancelTold: told},
		{N: 3, OurNo: "1001003", Carrier: "sftc", Account: "main", State: "unknown"},
		{N: 4, OurNo: "1001004", Carrier: "shansong", Account: "gone", State: "placed", CancelFee: &before},
		{N: 5, OurNo: "1001005", Carrier: "uupt", Account: "south", State: "intent"},
		{N: 6, OurNo: "1001006", Carrier: "uupt", Account: "south", State: "cancelled"},
	}
	r.store.views[1001] = v
	r.store.shops = []store.Shop{{Platform: "meituan", Code: "S1", Stores: map[string]string{"sftc": "3243"}}}
	return r
}

// costs are the live attempts' figures, their sources and why nobody told them now.
func costs(got map[string]any) []string {
	var lines []string
	for _, x := range got["attempts"].([]any) {
		a, _ := x.(map[string]any)
		lines = append(lines, fmt.Sprint(a["n"], " ", a["penalty_fen"], " ", a["source"], " ", a["told_at"], " ", a["unasked"]))
	}
	return lines
}

// Carriers are asked when they are to be: each by its own account's keys. Of one that does not say
// what is known stands, with the reason.
func TestCancelCostAsksCarriers(t *testing.T) {
	t.Parallel()
	uupt, dada := &desk{account: "south", fee: 230}, &desk{account: "main", err: &carrier.Error{Carrier: "dada", Op: "cancel_fee", Kind: carrier.KindRefused, Err: errors.New("there is no such call")}}
	sftc := &desk{account: "main", fee: 0}
	set := carrier.Set{"uupt": &desk{account: "main"}, carrier.Key("uupt", "south"): uupt, "dada": dada, "sftc": sftc, "shansong": &desk{account: "main"}}
	r := askedRig(t, func() (carrier.Set, error) { return set, nil })

	known := costs(r.get(t, "/api/orders/27954/cancel-cost"))
	require.Equal(t, []string{"1 0 rule <nil> <nil>", "2 120 carrier 2026-11-23T03:57:00Z <nil>", "3 0 rule <nil> <nil>", "4 120 carrier <nil> <nil>", "5 0 rule <nil> <nil>"}, known)
	require.Empty(t, uupt.asked, "nobody was to be asked")
	require.Equal(t, known, costs(r.get(t, "/api/orders/27954/cancel-cost?ask=false")))

	got := r.get(t, "/api/orders/27954/cancel-cost?ask=true")
	now := fmt.Sprint(got["at"])
	require.Equal(t, []string{
		"1 230 carrier_now " + now + " <nil>",
		"2 120 carrier 2026-11-23T03:57:00Z dada cancel_fee: refused: there is no such call",
		"3 0 carrier_now " + now + " <nil>",
		"4 120 carrier <nil> nobody has the keys of shansong/gone: they belong into QIANFAN_SHANSONG",
		"5 0 rule <nil> it is being placed",
	}, costs(got))
	require.Equal(t, "470", fmt.Sprint(got["penalty_out_fen"]), "the sum is of what each says")
	require.Equal(t, []carrier.Ref{{OurNo: "1001001", CarrierNo: "UU1"}}, uupt.asked)
	require.Equal(t, []carrier.Ref{{OurNo: "1001003", Store: "3243"}}, sftc.asked, "by our number it is known at this shop alone")
	r.refuses(t, http.StatusBadRequest, http.MethodGet, "/api/orders/27954/cancel-cost?ask=maybe", "")
}

// Where nobody can be asked, every attempt says why.
func TestCancelCostWithoutCarriers(t *testing.T) {
	t.Parallel()
	for want, adapters := range map[string]func() (carrier.Set, error){
		"no carrier can be asked from here": nil,
		"QIANFAN_UUPT: app_id is missing":   func() (carrier.Set, error) { return nil, errors.New("QIANFAN_UUPT: app_id is missing") },
	} {
		got := costs(askedRig(t, adapters).get(t, "/api/orders/27954/cancel-cost?ask=true"))
		require.Equal(t, "1 0 rule <nil> "+want, got[0])
		require.Len(t, got, 5)
	}
}

// A carrier that does not answer holds nobody up for longer than the caller waits.
func TestCancelCostOfASlowCarrier(t *testing.T) {
	t.Parallel()
	slow := &desk{account: "main", slow: true}
	v := store.OrderView{Attempts: []store.AttemptView{{N: 1, Carrier: "uupt", Account: "main", State: "placed"}}}
	s := &server{Deps: Deps{Store: &fakeStore{}, Adapters: func() (carrier.Set, error) { return carrier.Set{"uupt": slow}, nil }}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.askCancelCost(ctx, v)[1].err, context.Canceled)
	require.Len(t, slow.asked, 1)
}
