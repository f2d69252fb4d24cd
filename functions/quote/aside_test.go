package quote

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// settings is what people have set; it counts what it is asked about shops.
type settings struct {
	off   []store.Switch
	shops []store.Shop
	err   error
	asked int
}

func (s *settings) Strategies(context.Context) ([]strategy.Strategy, error) { return nil, s.err }
func (s *settings) SwitchedOff(context.Context) ([]store.Switch, error)     { return s.off, s.err }
func (s *settings) Accounts(context.Context) ([]carrier.AccountRule, error) { return nil, s.err }
func (s *settings) Prepaids(context.Context) ([]store.Prepaid, error)       { return nil, s.err }
func (s *settings) RuleBooks(context.Context, time.Time) ([]store.RuleBook, error) {
	return nil, s.err
}
func (s *settings) ShopsTouched(context.Context, time.Duration) ([]store.Shop, error) {
	return nil, s.err
}
func (s *settings) Shops(context.Context, []store.ShopKey) ([]store.Shop, error) {
	s.asked++
	return s.shops, s.err
}

func stageOf(s *settings) *Stage {
	c := clock.NewManual(noon)
	return &Stage{Clock: c, Live: live.New(s, c)}
}

func orderOf(shop string, carriers ...string) order.Order {
	return order.Order{Platform: "jd", ShopCode: shop, City: "330100", Strategy: strategy.Strategy{Carriers: carriers}}
}

func TestWhoIsTakenOutAndWhy(t *testing.T) {
	t.Parallel()
	set := &settings{
		off: []store.Switch{
			{Kind: store.SwitchCarrier, Subject: "uupt", Off: true, Reason: "暴雨", By: "li"}, {Kind: store.SwitchCarrierCity, Subject: "sftc:330100", Off: true, Reason: "no riders", By: "wang"},
			{Kind: store.SwitchCity, Subject: "330100", Off: true, Reason: "typhoon", By: "li"},
		},
		shops: []store.Shop{{Platform: "jd", Code: "s1", Excluded: []string{"shansong", "uupt"}}},
	}
	s := stageOf(set)
	all := []string{"uupt", "shansong", "sftc", "fengniao"}
	require.Equal(t, map[string]string{"uupt": "switched off: 暴雨 (by li)", "shansong": "excluded by the shop", "sftc": "switched off in 330100: no riders (by wang)"}, s.aside(t.Context(), orderOf("s1", all...)),
		"what a switched-off city has accepted is still carried")
	require.Equal(t, map[string]string{"uupt": "switched off: 暴雨 (by li)", "sftc": "switched off in 330100: no riders (by wang)"}, s.aside(t.Context(), orderOf("", all...)), "a shop that the order locates itself excludes nobody")
	require.Empty(t, s.aside(t.Context(), orderOf("gone", "shansong")))
	require.Empty(t, (&Stage{}).aside(t.Context(), orderOf("s1", all...)))
}

func TestABatchReadsItsShopsOnce(t *testing.T) {
	t.Parallel()
	set := &settings{shops: []store.Shop{{Platform: "jd", Code: "s1"}, {Platform: "jd", Code: "s2", Excluded: []string{"uupt"}}}}
	s := stageOf(set)
	jobs := map[store.RoundKey]store.QuoteJob{{Order: 1, Round: 1}: {Order: orderOf("s1")}, {Order: 2, Round: 1}: {Order: orderOf("s2")}, {Order: 3, Round: 1}: {Order: orderOf("")}}
	for range 3 {
		s.warm(t.Context(), jobs)
		for _, j := range jobs {
			_ = s.aside(t.Context(), j.Order)
		}
	}
	require.Equal(t, 1, set.asked)
	require.Equal(t, map[string]string{"uupt": "excluded by the shop"}, s.aside(t.Context(), orderOf("s2", "uupt")))
}

func TestTheShopsOwnNumberGoesToItsCarrier(t *testing.T) {
	t.Parallel()
	s := stageOf(&settings{shops: []store.Shop{{Platform: "jd", Code: "s1", Stores: map[string]string{"shansong": "2000"}}}})
	require.Equal(t, "2000", s.storeAt(t.Context(), orderOf("s1"), "shansong"))
	require.Empty(t, s.storeAt(t.Context(), orderOf("s1"), "uupt"))
	require.Empty(t, s.storeAt(t.Context(), orderOf(""), "shansong"))
	require.Empty(t, stageOf(&settings{err: errors.New("away")}).storeAt(t.Context(), orderOf("s1"), "shansong"))
	require.Empty(t, (&Stage{}).storeAt(t.Context(), orderOf("s1"), "shansong"))
}

// What cannot be read takes nobody out: whoever starts the attempt looks once more.
func TestUnreadableSettingsTakeNobodyOut(t *testing.T) {
	t.Parallel()
	s := stageOf(&settings{err: errors.New("away")})
	require.Empty(t, s.aside(t.Context(), orderOf("s1", "uupt")))
}

// A carrier that is off is not asked, and an open breaker then does not leave the order alone.
func TestSwitchedOffCarriersAreNotAsked(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	r.Live = live.New(r.Store, r.clock)
	_, err := r.Store.SetSwitch(t.Context(), store.Switch{Kind: store.SwitchCarrier, Subject: "shansong", Off: true, Reason: "暴雨", By: "li", At: noon})
	require.NoError(t, err)
	id := r.batch(1, "shansong", "uupt")[0]
	require.Equal(t, map[string]string{"shansong": "switched off: 暴雨 (by li)", "uupt": ""}, r.lines(id))
	require.Zero(t, r.shansong.calls.Load())
	r.uupt.says(broken)
	r.batch(12, "shansong", "uupt")
	before := r.uupt.calls.Load()
	id = r.batch(1, "shansong", "uupt")[0]
	require.Contains(t, r.lines(id)["uupt"], "unexpected EOF", "asked, since nobody else is left")
	require.Equal(t, before+1, r.uupt.calls.Load())

	_, err = r.Store.SetSwitch(t.Context(), store.Switch{Kind: store.SwitchCarrier, Subject: "shansong", By: "li", At: noon})
	require.NoError(t, err)
	r.clock.Advance(5 * time.Second)
	id = r.batch(1, "shansong", "uupt")[0]
	require.Equal(t, "", r.lines(id)["shansong"], "it is back")
}
