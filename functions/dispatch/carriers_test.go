package dispatch

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/quota"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// desk is what people have set.
type desk struct {
	live.Store
	rules []carrier.AccountRule
	shops []store.Shop
	err   error
}

func (d desk) Accounts(context.Context) ([]carrier.AccountRule, error) { return d.rules, d.err }

func (d desk) Shops(context.Context, []store.ShopKey) ([]store.Shop, error) { return d.shops, d.err }

func (d desk) ShopsTouched(context.Context, time.Duration) ([]store.Shop, error) { return nil, d.err }

// placing is a carrier that tells where it was asked to fetch.
type placing struct {
	carrier.Adapter
	account string
	stores  []string
}

func (p *placing) Facts() carrier.Facts { return carrier.Facts{Account: p.account} }

func (p *placing) Place(_ context.Context, r carrier.PlaceRequest) (carrier.Placed, error) {
	p.stores = append(p.stores, r.Store)
	return carrier.Placed{}, nil
}

func (p *placing) Query(_ context.Context, r carrier.Ref) (carrier.Status, error) {
	p.stores = append(p.stores, r.Store)
	return carrier.Status{}, nil
}

func at(now *clock.Manual, kind, account string) turn.PlannedCall {
	return turn.PlannedCall{Order: 7, Platform: "jd", City: "330100", Shop: "s1", Kind: kind, Until: now.System().Add(callLease),
		Attempt: order.Attempt{N: 1, Carrier: "uupt", Account: account}}
}

// The attempt's own account is called, with the shop's own number.
func TestTheAttemptsAccountIsCalled(t *testing.T) {
	t.Parallel()
	now := clock.NewManual(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))
	first, south := &placing{account: "main"}, &placing{account: "south"}
	shops := []store.Shop{{Platform: "jd", Code: "s1", Stores: map[string]string{"uupt": "9001"}}}
	s := &Stage{Clock: now, Carriers: carrier.Set{"uupt": first, carrier.Key("uupt", "south"): south}, Live: live.New(desk{shops: shops}, now)}
	var ans turn.Answer
	s.call(t.Context(), at(now, order.CallPlace, "south"), store.Detail{}, &ans)
	s.call(t.Context(), at(now, order.CallQuery, "main"), store.Detail{}, &ans)
	require.NoError(t, ans.Err)
	require.Equal(t, [][]string{{"9001"}, {"9001"}}, [][]string{first.stores, south.stores})
	s.call(t.Context(), at(now, order.CallPlace, "gone"), store.Detail{}, &ans)
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(ans.Err), "an account that is configured no more is no other account")
}

// A shop that cannot be read is not placed at another, nor is a waybill looked for at another; what
// the carrier has given a number is asked about all the same.
func TestNothingIsPlacedAtAnUnknownShop(t *testing.T) {
	t.Parallel()
	now := clock.NewManual(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))
	first := &placing{account: "main"}
	s := &Stage{Clock: now, Carriers: carrier.Set{"uupt": first}, Live: live.New(desk{err: errors.New("away")}, now)}
	var ans turn.Answer
	s.call(t.Context(), at(now, order.CallPlace, "main"), store.Detail{}, &ans)
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(ans.Err))
	require.Empty(t, first.stores)
	ans = turn.Answer{}
	query := at(now, order.CallQuery, "main")
	s.call(t.Context(), query, store.Detail{}, &ans)
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(ans.Err), "not found there would release the hold of a rider on the way")
	require.Empty(t, first.stores)
	ans, query.Attempt.CarrierNo = turn.Answer{}, "c-1"
	s.call(t.Context(), query, store.Detail{}, &ans)
	require.NoError(t, ans.Err)
}

func TestPlacementsOverTheLimitWait(t *testing.T) {
	t.Parallel()
	now := clock.NewManual(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))
	away := cache.New(cache.Options{})
	t.Cleanup(func() { require.NoError(t, away.Close()) })
	s := &Stage{Clock: now, Live: live.New(desk{rules: []carrier.AccountRule{{Carrier: "uupt", Account: "main", PerSecond: 2}}}, now), Quota: quota.New(away, now.System)}
	planned := []turn.PlannedCall{at(now, order.CallPlace, "main"), at(now, order.CallCancel, "main"), at(now, order.CallPlace, "south"),
		at(now, order.CallPlace, "main"), at(now, order.CallPlace, "main"), at(now, order.CallQuery, "main")}
	require.Equal(t, map[int]bool{4: true}, s.overLimit(t.Context(), planned), "two of three placements; what is not a placement is never held back")
	require.Equal(t, map[int]bool{0: true, 3: true, 4: true}, s.overLimit(t.Context(), planned))
	now.Advance(time.Second)
	require.Equal(t, map[int]bool{4: true}, s.overLimit(t.Context(), planned))
}
