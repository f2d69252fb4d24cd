package store_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/turn"
)

// li changes things at this system time.
var li = store.Act{By: "li", At: now.Add(time.Hour)}

// lines are the audit's, oldest first, as "verb subject by".
func (f fixture) lines(t testing.TB, subject string) []string {
	t.Helper()
	rows, err := f.Audit(t.Context(), store.AuditFilter{Subject: subject})
	require.NoError(t, err)
	out := []string{}
	for i := len(rows) - 1; i >= 0; i-- {
		out = append(out, rows[i].Verb+" "+rows[i].Subject+" "+rows[i].By)
		require.True(t, json.Valid(rows[i].Detail))
	}
	return out
}

func TestASwitchGoesOffAndOn(t *testing.T) {
	t.Parallel()
	f := open(t)
	off := store.Switch{Kind: store.SwitchCarrier, Subject: "uupt", Off: true, Reason: "暴雨", By: "li", At: li.At}
	set := func(x store.Switch, want bool) {
		changed, err := f.SetSwitch(t.Context(), x)
		require.NoError(t, err)
		require.Equal(t, want, changed)
	}
	on := off
	on.Off, on.Reason = false, ""
	set(on, false)
	set(off, true)
	set(off, false)
	found, err := f.SwitchedOff(t.Context())
	require.NoError(t, err)
	require.Equal(t, []store.Switch{off}, found)
	again := off
	again.Reason, again.By = "台风", "wang"
	set(again, true)
	set(on, true)
	found, err = f.SwitchedOff(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
	all, err := f.Switches(t.Context())
	require.NoError(t, err)
	require.Equal(t, []store.Switch{on}, all)
	require.Equal(t, []string{"switch off carrier/uupt li", "switch off carrier/uupt wang", "switch on carrier/uupt li"}, f.lines(t, "carrier/uupt"))
	rows, err := f.Audit(t.Context(), store.AuditFilter{Limit: 1})
	require.NoError(t, err)
	var detail struct{ Before, After store.Switch }
	require.NoError(t, json.Unmarshal(rows[0].Detail, &detail))
	require.Equal(t, again, detail.Before)
	require.Equal(t, on, detail.After)
}

func TestASwitchThatMeansNothingIsRefused(t *testing.T) {
	t.Parallel()
	f := open(t)
	good := store.Switch{Kind: store.SwitchCarrierCity, Subject: "uupt:330100", Off: true, Reason: "r", By: "li", At: li.At}
	require.NoError(t, good.Check())
	for want, x := range map[string]store.Switch{
		`kind "shop"`:                 {Kind: "shop", Subject: "x"},
		`subject ""`:                  {Kind: "carrier"},
		`subject "a b"`:               {Kind: "carrier", Subject: "a b"},
		`city "hangzhou"`:             {Kind: "city", Subject: "hangzhou"},
		"no carrier and city":         {Kind: "carrier_city", Subject: "uupt"},
		"has a colon":                 {Kind: "carrier", Subject: "uupt:330100"},
		"say why":                     {Kind: "carrier", Subject: "uupt", Off: true},
		`"` + strings.Repeat("x", 65): {Kind: "carrier", Subject: strings.Repeat("x", 65)},
	} {
		x.By, x.At = "li", li.At
		_, err := f.SetSwitch(t.Context(), x)
		require.ErrorIs(t, err, store.ErrSwitch)
		require.ErrorContains(t, err, want)
	}
	good.By = ""
	_, err := f.SetSwitch(t.Context(), good)
	require.ErrorIs(t, err, store.ErrNobody)
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM live_switch"), "without its audit line nothing is changed")
	require.Empty(t, f.lines(t, ""))
}

func TestWhomASwitchConcerns(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 3)
	f.shards(t, 100_00, 1)
	f.change(t, ids[0], nil, func(x *turn.Turn) {
		step(x, "attempt", 1, "", "placed")
		x.Attempts = append(x.Attempts, &order.Attempt{N: 1, Carrier: "shansong", State: order.Placed, Account: "main"}, &order.Attempt{N: 2, Carrier: "uupt", State: order.AttemptRejected, Account: "main"})
		x.Changed[1], x.Changed[2] = true, true
	})
	f.exec(t, "UPDATE orders SET act_at = NULL, tell_at = NULL, post_at = NULL WHERE id = ?", ids[2])
	for _, c := range []struct {
		kind, subject string
		want          store.Reach
	}{
		{"platform", "meituan", store.Reach{Orders: 2, Attempts: 1}}, {"platform", "jd", store.Reach{}}, {"city", "330100", store.Reach{Orders: 2, Attempts: 1}},
		{"carrier", "shansong", store.Reach{Orders: 1, Attempts: 1}}, {"carrier", "uupt", store.Reach{}},
		{"carrier_city", "shansong:330100", store.Reach{Orders: 1, Attempts: 1}}, {"carrier_city", "shansong:310100", store.Reach{}},
	} {
		got, err := f.SwitchReach(t.Context(), c.kind, c.subject)
		require.NoError(t, err)
		require.Equal(t, c.want, got, c)
	}
}

func TestStrategiesHaveAHistory(t *testing.T) {
	t.Parallel()
	f := open(t)
	x := strategy.Strategy{Name: "default", Mode: strategy.Cheapest, Carriers: []string{"uupt"}}
	first, err := f.SetStrategy(t.Context(), li, "strategy set", x, 0)
	require.NoError(t, err)
	require.Equal(t, 1, first.Version)
	_, err = f.SetStrategy(t.Context(), li, "strategy set", x, 0)
	require.ErrorIs(t, err, store.ErrStale, "somebody was faster")
	x.Mode = strategy.Sequential
	second, err := f.SetStrategy(t.Context(), store.Act{By: "wang", At: li.At}, "strategy set", x, 1)
	require.NoError(t, err)
	require.Equal(t, 2, second.Version)
	third, err := f.SetStrategy(t.Context(), li, "strategy rollback", first, store.AnyVersion)
	require.NoError(t, err)
	require.Equal(t, 3, third.Version)
	active, err := f.Strategies(t.Context())
	require.NoError(t, err)
	require.Equal(t, []strategy.Strategy{third}, active)
	history, err := f.StrategyHistory(t.Context(), "default")
	require.NoError(t, err)
	require.Equal(t, []store.StrategyVersion{{third, true, "li", li.At}, {second, false, "wang", li.At}, {first, false, "li", li.At}}, history)

	require.NoError(t, f.RetireStrategy(t.Context(), li, "default"))
	active, err = f.Strategies(t.Context())
	require.NoError(t, err)
	require.Empty(t, active)
	require.ErrorIs(t, f.RetireStrategy(t.Context(), li, "default"), store.ErrNoStrategy)
	require.ErrorIs(t, f.RetireStrategy(t.Context(), li, "none"), store.ErrNoStrategy)
	fourth, err := f.SetStrategy(t.Context(), li, "strategy set", x, 0)
	require.NoError(t, err)
	require.Equal(t, 4, fourth.Version, "a version's number is never used again")
	require.Equal(t, []string{"strategy set default li", "strategy set default wang", "strategy rollback default li", "strategy retire default li", "strategy set default li"}, f.lines(t, "default"))
	_, err = f.SetStrategy(t.Context(), store.Act{}, "strategy set", x, store.AnyVersion)
	require.ErrorIs(t, err, store.ErrNobody)
	require.Equal(t, 4, one[int](t, f, "SELECT COUNT(*) FROM strategy"))
}

func shop(code string) store.Shop {
	return store.Shop{Platform: "jd", Code: code, City: "330100", CityName: "杭州市", Stop: order.Stop{Name: "奎元馆", Phone: "057187028626", Address: "解放路 154 号", Point: geo.Point{Lng: 120.1551, Lat: 30.2741}}}
}

func TestImportedShopsChangeOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	f := open(t)
	a, b := shop("a"), shop("b")
	a.Excluded, a.Stores = []string{"uupt"}, map[string]string{"shansong": "2000", "fengniao": "9"}
	imported := func(dry bool, shops ...store.Shop) store.ShopChanges {
		got, err := f.ImportShops(t.Context(), li, "shop import", shops, dry)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, store.ShopChanges{New: 2}, imported(true, b, a))
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM shop"))
	require.Equal(t, store.ShopChanges{New: 2}, imported(false, b, a))
	require.Equal(t, store.ShopChanges{Unchanged: 2}, imported(false, a, b))
	got, err := f.Shop(t.Context(), "jd", "a")
	require.NoError(t, err)
	require.Equal(t, a, got)

	plain := shop("a")
	require.Equal(t, store.ShopChanges{Unchanged: 1}, imported(false, plain), "what a file does not say stays")
	plain.Stores, plain.Stop.Address = map[string]string{"fengniao": "", "sftc": "7"}, "解放路 156 号"
	require.Equal(t, store.ShopChanges{Changed: 1, Unchanged: 1}, imported(false, plain, b))
	got, err = f.Shop(t.Context(), "jd", "a")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"shansong": "2000", "sftc": "7"}, got.Stores)
	require.Equal(t, []string{"uupt"}, got.Excluded)
	plain.Excluded = []string{}
	require.Equal(t, store.ShopChanges{Changed: 1}, imported(false, plain))
	got, err = f.Shop(t.Context(), "jd", "a")
	require.NoError(t, err)
	require.Empty(t, got.Excluded)

	changed, did, err := f.ChangeShop(t.Context(), li, "shop exclude", a.Key(), func(x *store.Shop) { x.Excluded = append(x.Excluded, "sftc") })
	require.NoError(t, err)
	require.True(t, did)
	require.Equal(t, []string{"sftc"}, changed.Excluded)
	_, did, err = f.ChangeShop(t.Context(), li, "shop exclude", a.Key(), func(*store.Shop) {})
	require.NoError(t, err)
	require.False(t, did)
	_, _, err = f.ChangeShop(t.Context(), li, "shop exclude", store.ShopKey{Platform: "jd", Code: "none"}, func(*store.Shop) {})
	require.ErrorIs(t, err, store.ErrNoShop)
	require.Equal(t, []string{"shop import jd/a li", "shop import jd/a li", "shop import jd/a li", "shop exclude jd/a li"}, f.lines(t, "jd/a"))
	require.NotContains(t, one[string](t, f, "SELECT GROUP_CONCAT(detail) FROM audit"), "057187028626", "a small shop's phone is a person's")

	list, err := f.ListShops(t.Context(), store.ShopFilter{Platform: "jd", Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "a", list[0].Code)
	list, err = f.ListShops(t.Context(), store.ShopFilter{City: "330100", After: list[0].Key()})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "b", list[0].Code)
}

func TestTouchedShopsAreFound(t *testing.T) {
	t.Parallel()
	f := open(t)
	require.NoError(t, f.SaveShops(t.Context(), []store.Shop{shop("a"), shop("b")}))
	f.exec(t, "UPDATE shop SET touched = CURRENT_TIMESTAMP(3) - INTERVAL 1 HOUR")
	touched := func() []string {
		found, err := f.ShopsTouched(t.Context(), time.Minute)
		require.NoError(t, err)
		out := []string{}
		for _, x := range found {
			out = append(out, x.Code)
		}
		return out
	}
	require.Empty(t, touched())
	b := shop("b")
	b.Stop.Address = "解放路 156 号"
	_, err := f.ImportShops(t.Context(), li, "shop import", []store.Shop{shop("a"), b}, false)
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, touched())
	f.exec(t, "UPDATE shop SET city = '310100' WHERE code = 'a'")
	require.ElementsMatch(t, []string{"a", "b"}, touched(), "whoever writes, an older build or a person")
}

func TestWhatWasAcceptedBeforeIsFound(t *testing.T) {
	t.Parallel()
	f := open(t)
	o := newOrder("n1")
	_, err := f.Intake(t.Context(), "b1", []store.NewOrder{o}, now)
	require.NoError(t, err)
	_, err = f.Commands(t.Context(), []store.NewCommand{{Platform: "meituan", No: "early", Command: order.Command{Key: "c", Kind: order.CommandCancel}}}, now)
	require.NoError(t, err)
	had, known, err := f.Accepted(t.Context(), "meituan", "n1", o.Hash)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, store.Stored{ID: o.Order.ID, State: order.Received, Repeat: true, Fee: 1200}, had)
	had, known, err = f.Accepted(t.Context(), "meituan", "n1", "other")
	require.NoError(t, err)
	require.True(t, known)
	require.True(t, had.Conflict)
	for _, no := range []string{"n2", "early"} {
		_, known, err = f.Accepted(t.Context(), "meituan", no, o.Hash)
		require.NoError(t, err)
		require.False(t, known, "nobody was told that %s is accepted", no)
	}
}

func TestDepositsByHandAreAudited(t *testing.T) {
	t.Parallel()
	f := open(t)
	p := store.Payment{Key: "transfer-1", Carrier: "uupt", Account: "main", Amount: 100_01, Shards: 4, At: now}
	fresh, err := f.DepositBy(t.Context(), li, p)
	require.NoError(t, err)
	require.True(t, fresh)
	fresh, err = f.DepositBy(t.Context(), li, p)
	require.NoError(t, err)
	require.False(t, fresh)
	p.Amount = 1
	_, err = f.DepositBy(t.Context(), li, p)
	require.ErrorIs(t, err, store.ErrConflict)
	require.Equal(t, []string{"account deposit uupt/main li"}, f.lines(t, "uupt/main"))
	all, err := f.Prepaids(t.Context())
	require.NoError(t, err)
	require.Equal(t, []store.Prepaid{{Carrier: "uupt", Account: "main", Shards: 4, Free: 100_01}}, all)
	p.Key = "transfer-2"
	_, err = f.DepositBy(t.Context(), store.Act{}, p)
	require.ErrorIs(t, err, store.ErrNobody)
	require.Equal(t, money.Fen(100_01), money.Fen(one[int64](t, f, "SELECT SUM(free_fen) FROM prepaid_shard")), "no money without its line")
}

func TestPastOrdersHaveTheirFirstQuotesAndCosts(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 3)
	quoted := func(id int64, round int, result string, quotes ...order.Quote) {
		require.NoError(t, f.SaveRounds(t.Context(), "w", []store.RoundResult{{Key: store.RoundKey{Order: id, Round: round}, Outcome: order.Outcome{Round: round, Result: result}, Quotes: quotes}}, now.Add(time.Duration(round)*time.Second)))
	}
	quote := order.Quote{Carrier: "shansong", N: 9, Price: 900, AcceptIn: time.Minute, DeliverIn: time.Hour, ExpiresAt: now.Add(time.Hour)}
	quoted(ids[0], 1, order.ResultNone, order.Quote{Carrier: "shansong", N: 1, Refused: "closed", ExpiresAt: now})
	quoted(ids[0], 2, order.ResultQuoted, quote, order.Quote{Carrier: "uupt", N: 10, Refused: "closed", ExpiresAt: now})
	quoted(ids[0], 3, order.ResultQuoted, order.Quote{Carrier: "shansong", N: 17, Price: 1, ExpiresAt: now})
	f.change(t, ids[0], nil, func(x *turn.Turn) {
		step(x, "order", 0, "received", "delivered")
		x.State, x.Winner = order.Delivered, 9
		x.Attempts = append(x.Attempts, &order.Attempt{N: 9, Carrier: "shansong", State: order.AttemptDelivered, Account: "main", Price: 900, PlacedAt: now, AcceptedAt: now.Add(70 * time.Second)})
		x.Changed[9] = true
	})
	f.exec(t, "INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, reason, event_at, posted_at, period) VALUES ('a','expense:delivery:shansong',TRUE,900,?,'x',0,0,'2026-11'),('b','expense:tip:shansong',TRUE,100,?,'x',0,0,'2026-11'),('b','carrier:shansong:main:held',FALSE,100,?,'x',0,0,'2026-11')", ids[0], ids[0], ids[0])
	past, err := f.PastOrders(t.Context(), now, now.Add(time.Hour), 2)
	require.NoError(t, err)
	require.Len(t, past, 2, "the newest")
	past, err = f.PastOrders(t.Context(), now, now.Add(time.Hour), 10)
	require.NoError(t, err)
	require.Len(t, past, 3)
	require.Equal(t, store.PastOrder{
		ID: ids[0], Platform: "meituan", City: "330100", ShopCode: "qf-shop-0001", Fee: 1200, Delivered: true, QuotedAt: now.Add(2 * time.Second), Carrier: "shansong", Price: 900,
		AcceptIn: 70 * time.Second, Paid: 1000, Quotes: []store.PastQuote{
			{N: 9, Carrier: "shansong", Price: 900, AcceptIn: time.Minute, DeliverIn: time.Hour, ExpiresAt: now.Add(time.Hour)}, {N: 10, Carrier: "uupt", Refused: "closed", ExpiresAt: now},
		},
	}, past[2])
	require.Equal(t, now, past[0].QuotedAt)
	none, err := f.PastOrders(t.Context(), now.Add(time.Hour), now.Add(2*time.Hour), 10)
	require.NoError(t, err)
	require.Empty(t, none)
}
