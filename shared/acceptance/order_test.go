package acceptance

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/tariff"
	"github.com/chuandao/qianfan/shared/upstream"
)

var now = time.Date(2026, 3, 4, 12, 0, 2, 0, time.UTC)

func scheduled(expected *time.Time) order.Order {
	o := received(1, "meituan", "1", now)
	schedule(&o, order.Plan{ExpectedAt: expected, Strategy: strategy.Strategy{
		GiveUpAfter: strategy.Duration(15 * time.Minute), ReleaseLead: strategy.Duration(45 * time.Minute)}}, now)
	return o
}

func TestOrderForNowStartsAtOnce(t *testing.T) {
	t.Parallel()
	soon := now.Add(45 * time.Minute) // exactly the lead: there is nothing to wait for
	for _, expected := range []*time.Time{nil, &soon} {
		o := scheduled(expected)
		require.Equal(t, 1, o.Round)
		require.Equal(t, []order.Timer{
			{Kind: order.TimerQuote, Due: now.Add(33 * time.Second), Epoch: 1},
			{Kind: order.TimerGiveUp, Due: now.Add(15*time.Minute + 3*time.Second), Epoch: 1},
		}, o.Timers)
		require.Equal(t, o.Timers[0].Due, o.ActAt, "the sweep finds it even if every message is lost")
		require.Zero(t, o.TimerSent)
	}
}

func TestScheduledOrderWaitsForItsRelease(t *testing.T) {
	t.Parallel()
	expected := now.Add(3 * time.Hour)
	o := scheduled(&expected)
	release := now.Add(2*time.Hour + 15*time.Minute + 3*time.Second)
	require.Zero(t, o.Round)
	require.Equal(t, []order.Timer{{Kind: order.TimerRelease, Due: release, Epoch: 1}}, o.Timers)
	require.Equal(t, release, o.ActAt)
	require.Equal(t, release, o.TimerSent)
}

// open is a catalogue in which nothing is switched off and nothing is registered.
type open struct{}

func (open) Strategies(context.Context) ([]strategy.Strategy, error)           { return nil, nil }
func (open) Accounts(context.Context) ([]carrier.AccountRule, error)           { return nil, nil }
func (open) Prepaids(context.Context) ([]store.Prepaid, error)                 { return nil, nil }
func (open) SwitchedOff(context.Context) ([]store.Switch, error)               { return nil, nil }
func (open) Shops(context.Context, []store.ShopKey) ([]store.Shop, error)      { return nil, nil }
func (open) RuleBooks(context.Context, time.Time) ([]store.RuleBook, error)    { return nil, nil }
func (open) ShopsTouched(context.Context, time.Duration) ([]store.Shop, error) { return nil, nil }

func desk() *Desk {
	c := clock.NewManual(now)
	return New(live.New(open{}, c), c, Limits{MaxValue: 100, MaxWeight: 100})
}

// A wrong year or unit is refused: such an order would be acknowledged and never delivered, and keep every day of orders
// from being dropped.
func TestOrdersForTheFarFutureAreRefused(t *testing.T) {
	t.Parallel()
	place := order.Stop{Point: geo.Point{Lng: 120.1551, Lat: 30.274}}
	for _, row := range []struct {
		ahead time.Duration
		field string
	}{{-time.Hour, ""}, {30 * 24 * time.Hour, ""}, {30*24*time.Hour + time.Second, "expected_at"}, {70 * 8760 * time.Hour, "expected_at"}} {
		at := now.Add(row.ahead)
		err := desk().check(order.Detail{From: place, To: place, ExpectedAt: &at}, now)
		if row.field == "" {
			require.NoError(t, err, row.ahead)
			continue
		}
		require.Equal(t, upstream.BadField, upstream.AsError(err).Reason)
		require.Equal(t, row.field, upstream.AsError(err).Field)
	}
}

// town has one shop and one strategy.
type town struct{ open }

func (town) Strategies(context.Context) ([]strategy.Strategy, error) {
	return []strategy.Strategy{{Name: "default", Carriers: []string{"uupt"}, GiveUpAfter: strategy.Duration(15 * time.Minute)}}, nil
}

func (town) Shops(_ context.Context, keys []store.ShopKey) ([]store.Shop, error) {
	return []store.Shop{{Platform: keys[0].Platform, Code: keys[0].Code, City: "330100", Stop: order.Stop{Phone: "1", Address: "x", Point: geo.Point{Lng: 120.1551, Lat: 30.274}}}}, nil
}

// An order that a platform could not tell completely is carried; a person has to see to what
// no rider can do without.
func TestWhatNoRiderCanDoWithoutNeedsAPerson(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(now)
	d := New(live.New(town{}, c), c, Limits{})
	for want, spoil := range map[string]func(*upstream.Create){
		"": func(c *upstream.Create) { c.Detail.Goods.Value, c.Degraded = 0, []string{"total"} },
		"the platform left out the recipient's phone":   func(c *upstream.Create) { c.Detail.To.Phone, c.Degraded = "", []string{"recipient_phone"} },
		"the platform left out the recipient's address": func(c *upstream.Create) { c.Detail.To.Address, c.Degraded = "", []string{"recipient_address"} },
	} {
		create := upstream.Create{ShopCode: "s1", Detail: order.Detail{To: order.Stop{Phone: "13800138000", Address: "文三路 90 号", Point: geo.Point{Lng: 120.165, Lat: 30.2741}}, Goods: order.Goods{WeightG: 800, Value: 3550}}}
		spoil(&create)
		n, err := d.Order(t.Context(), 5, pushes{}, upstream.Push{No: "7", Hash: "h", Create: &create})
		require.NoError(t, err)
		require.Equal(t, want, n.Order.Attention)
		require.Equal(t, order.Received, n.Order.State)
	}
}

// pushes only; fetches can be asked, too.
type (
	pushes  struct{ upstream.Adapter }
	fetches struct{ upstream.Fetcher }
)

func (pushes) Name() string  { return "pushes" }
func (fetches) Name() string { return "fetches" }

// What is to be asked for is stored with what the push says, and started all the same.
func TestThinOrdersAreStoredWithWhatIsKnown(t *testing.T) {
	t.Parallel()
	push := upstream.Push{No: "7", Hash: "h", Create: &upstream.Create{Thin: true}}
	n, err := desk().Order(t.Context(), 5, fetches{}, push)
	require.NoError(t, err)
	require.Equal(t, order.Order{ID: 5, Platform: "fetches", No: "7", State: order.Received, Version: 1, Round: 1, ReceivedAt: now, ActAt: now.Add(33 * time.Second),
		Timers: []order.Timer{{Kind: order.TimerQuote, Due: now.Add(33 * time.Second), Epoch: 1}, {Kind: order.TimerGiveUp, Due: now.Add(30*time.Minute + 3*time.Second), Epoch: 1}}}, n.Order)
	require.False(t, Planned(n.Order))
	require.Equal(t, "h", n.Hash)

	push.Create = &upstream.Create{ShopCode: "s", Degraded: []string{"total"}, Detail: order.Detail{Display: "12"}}
	n, err = desk().Order(t.Context(), 5, fetches{}, push)
	require.NoError(t, err)
	require.Equal(t, "s", n.Order.ShopCode)
	require.Equal(t, "12", n.Detail.Detail.Display)
	require.False(t, ToFetch(pushes{}, push.Create), "it cannot be asked for: priced with what there is")
	require.False(t, ToFetch(fetches{}, &upstream.Create{}))
}

// A strategy is that of the time at which the order is dispatched.
func TestScheduledOrdersGoByTheStrategyOfTheirRelease(t *testing.T) {
	t.Parallel()
	lead := strategy.Duration(30 * time.Minute)
	all := []strategy.Strategy{{Name: "day", ReleaseLead: lead}, {Name: "night", ReleaseLead: lead, Match: strategy.Match{Window: "22:00-23:00"}}}
	c := strategy.Case{At: now} // 20:00 in Shanghai
	for ahead, want := range map[time.Duration]string{0: "day", 2 * time.Hour: "day", 150 * time.Minute: "night", 4 * time.Hour: "day"} {
		expected := now.Add(ahead)
		got, _, err := pick(all, c, &expected)
		require.NoError(t, err)
		require.Equal(t, want, got.Name, ahead)
	}
	got, _, err := pick(all, c, nil)
	require.NoError(t, err)
	require.Equal(t, "day", got.Name)
}

// A scheduled order needs its release, an order that its cancel overtook needs its report;
// repeats and plain orders need nothing.
func TestNewOrdersSendWhatTheyNeedAtOnce(t *testing.T) {
	t.Parallel()
	due := now.Add(time.Hour)
	release := []order.Timer{{Kind: order.TimerRelease, Due: due, Epoch: 1}}
	plain := func(id int64, round int) store.NewOrder {
		return store.NewOrder{Order: order.Order{ID: id, Round: round, Timers: release}}
	}
	owed := Owed([]store.NewOrder{plain(1, 1), plain(2, 0), plain(3, 0), plain(4, 1), plain(5, 0)}, []store.Stored{
		{ID: 1, State: order.Received}, {ID: 2, State: order.Received}, {ID: 3, State: order.Cancelled}, {ID: 4, State: order.Cancelled},
		{ID: 99, State: order.Received, Repeat: true},
	})
	require.Equal(t, []message.Owed{
		{Topic: message.OrderTimer, Due: due, Item: message.Item{Key: "2:release:0:1", Order: 2, Timer: order.TimerRelease, Epoch: 1}},
		{Topic: message.OrderStatus, Item: message.Item{Key: "3", Order: 3}}, {Topic: message.OrderStatus, Item: message.Item{Key: "4", Order: 4}},
	}, owed)

	commands := []store.NewCommand{{}, {Command: order.Command{Kind: order.CommandCancel}}, {}}
	require.Equal(t, []message.Owed{{Topic: message.OrderCommand, Item: message.Item{Key: "8", Order: 8, Command: order.CommandCancel}}},
		OwedCommands(commands, []store.CommandStored{{OrderID: 7, Repeat: true}, {OrderID: 8}, {Tombstone: true}}))
}

// priced is a town whose tariffs change.
type priced struct {
	town
	books []store.RuleBook
}

func (p priced) RuleBooks(context.Context, time.Time) ([]store.RuleBook, error) { return p.books, nil }

// An order's fee is that of the tariffs in force when it is accepted, and how it came about
// stays with it; one for later pays what the hour of its release costs.
func TestFeeIsFixedAtAcceptance(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(now)
	body := `{"rates":[{"name":"new","start_fen":900,"start_km":99,"free_kg":99,"surcharges":[{"name":"夜间","window":"22:00-06:00","fixed_fen":300}]}]}`
	d := New(live.New(priced{books: []store.RuleBook{{Kind: store.BookTariff, Version: 6, From: now.Add(time.Hour), Body: json.RawMessage(body)}}}, c), c, Limits{})
	accept := func(expected *time.Time) store.NewOrder {
		create := upstream.Create{ShopCode: "s1", Detail: order.Detail{To: order.Stop{Phone: "13800138000", Address: "x", Point: geo.Point{Lng: 120.165, Lat: 30.2741}}, Goods: order.Goods{WeightG: 800, Value: 3550}, ExpectedAt: expected}}
		n, err := d.Order(t.Context(), 5, pushes{}, upstream.Push{No: "7", Hash: "h", Create: &create})
		require.NoError(t, err)
		require.Equal(t, n.Order.Fee, n.Why.Tariff.Fee)
		return n
	}
	n := accept(nil)
	require.Equal(t, []any{money.Fen(1500), 0, "standard", 951}, []any{n.Order.Fee, n.Why.Tariff.Version, n.Why.Tariff.Rate, n.Why.Tariff.DistanceM})
	c.Set(now.Add(time.Hour - 1))
	require.Equal(t, money.Fen(1500), accept(nil).Order.Fee)
	c.Set(now.Add(time.Hour))
	n = accept(nil)
	require.Equal(t, []any{money.Fen(900), 6, "new"}, []any{n.Order.Fee, n.Why.Tariff.Version, n.Why.Tariff.Rate})
	night := now.Add(4 * time.Hour)
	n = accept(&night)
	require.Equal(t, money.Fen(1200), n.Order.Fee, "at midnight in Shanghai")
	require.Equal(t, []tariff.Line{{Name: "start", Amount: 900}, {Name: "夜间", Amount: 300}}, n.Why.Tariff.Lines)
	require.True(t, night.Equal(n.Why.Tariff.At))
	raw, err := json.Marshal(n.Why)
	require.NoError(t, err)
	require.Contains(t, string(raw), `"strategy":"default"`, "as older builds read it")
}
