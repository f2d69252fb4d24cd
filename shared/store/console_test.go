package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

func TestStatusCountsAddUp(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	open := w.orders(t, 2)
	w.change(t, open[0], nil, func(x *turn.Turn) {
		x.Attention = "look at me"
		x.Attempts = []*order.Attempt{{N: 1, Carrier: "uupt", State: order.AttemptRejected, Resolved: true}, {N: 2, Carrier: "uupt", State: order.Placed, Confirmed: true}}
		x.Changed = map[int]bool{1: true, 2: true}
	})
	counts, err := w.StatusCounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.StatusCounts{
		Orders:    map[string]int{"delivered": 2, "cancelled": 1, "received": 2},
		Attempts:  store.AttemptCounts{Placed: 5, Won: 2, Lost: 1, Cancelled: 1, Rejected: 1, UnknownResolved: 2},
		Open:      2,
		Attention: 1,
		Events:    2,
	}, counts, "one placed attempt is not over")
	n, err := w.OpenOrders(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, n)
	parked, err := w.OpenParked(t.Context())
	require.NoError(t, err)
	require.Zero(t, parked)
}

func TestADeliveredLoserCountsAsLost(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	w.exec(t, "UPDATE attempt SET state = 'delivered', cause = '' WHERE order_id = ? AND n = 2", w.raced)
	counts, err := w.StatusCounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.AttemptCounts{Placed: 4, Won: 2, Lost: 1, Cancelled: 1, UnknownResolved: 1}, counts.Attempts)
	w.exec(t, "UPDATE attempt SET state = 'returned', cause = 'rider' WHERE order_id = ? AND n = 2", w.raced)
	counts, err = w.StatusCounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.AttemptCounts{Placed: 4, Won: 2, Cancelled: 2, UnknownResolved: 1}, counts.Attempts)
}

func TestAnEmptyDatabaseCounts(t *testing.T) {
	t.Parallel()
	f := open(t)
	counts, err := f.StatusCounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.StatusCounts{Orders: map[string]int{}}, counts)
	totals, err := f.LedgerTotals(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.LedgerTotals{Balanced: true}, totals)
	for _, list := range []any{must(f.Orders(t.Context(), store.OrderFilter{})), must(f.Balances(t.Context())), must(f.Entries(t.Context(), 0, 10)), must(f.DeadLetters(t.Context(), 10)), must(f.ParkedEvents(t.Context(), 10))} {
		raw, err := json.Marshal(list)
		require.NoError(t, err)
		require.Equal(t, "[]", string(raw), "an empty list is a list")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestOrdersAreFiltered(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	other := newOrder("jd-1")
	other.Order.Platform = "jd"
	_, err := w.Intake(t.Context(), "b-jd", []store.NewOrder{other}, now)
	require.NoError(t, err)
	w.exec(t, "UPDATE orders SET attention = 'look' WHERE id = ?", w.cancelled)
	ids := func(f store.OrderFilter) []int64 {
		lines, err := w.Orders(t.Context(), f)
		require.NoError(t, err)
		out := []int64{}
		for _, l := range lines {
			out = append(out, l.ID)
		}
		return out
	}
	all := []int64{other.Order.ID, w.raced, w.cancelled, w.delivered}
	require.Equal(t, all, ids(store.OrderFilter{}), "newest first")
	require.Equal(t, all[:2], ids(store.OrderFilter{Limit: 2}))
	require.Equal(t, all[2:], ids(store.OrderFilter{After: all[1]}))
	require.Equal(t, all[:1], ids(store.OrderFilter{Platform: "jd"}))
	require.Equal(t, []int64{w.raced, w.delivered}, ids(store.OrderFilter{State: "delivered"}))
	require.Equal(t, []int64{w.cancelled}, ids(store.OrderFilter{NeedsAttention: true}))
	require.Equal(t, all[:1], ids(store.OrderFilter{No: "jd-1"}))
	require.Empty(t, ids(store.OrderFilter{No: "jd-1", Platform: "meituan"}))
	require.Empty(t, ids(store.OrderFilter{No: "nobody's"}))

	lines, err := w.Orders(t.Context(), store.OrderFilter{State: "delivered", Limit: 1})
	require.NoError(t, err)
	raw, err := json.Marshal(lines[0])
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"id":"%d","platform":"meituan","no":%q,"shop_code":"qf-shop-0001","city":"330100","state":"delivered","carrier":"shansong","fee_fen":1200,"open":false,"received_at":"2026-11-11T03:30:00Z"}`, w.raced, lines[0].No), string(raw))
}

func TestAnOrdersViewHasEverythingAndNoPersonalData(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	require.NoError(t, w.SaveRounds(t.Context(), "w", []store.RoundResult{quoted(w.cancelled, 1, "secret token")}, now))
	w.change(t, w.cancelled, nil, func(x *turn.Turn) {
		x.Attempts[0].Rider = order.Rider{Name: "孙悟空", Phone: "13900001111"}
		x.Changed[1] = true
	})
	v, ok, err := w.OrderByID(t.Context(), w.cancelled)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, w.cancelled, v.Order.ID)
	require.Equal(t, "cancelled", v.Order.State)
	require.False(t, v.Order.Open)
	require.Equal(t, "default", v.Order.Strategy)
	require.Equal(t, "default", v.Why.Level)
	require.Equal(t, store.StopView{Name: "欧*", Phone: "138****5678", Address: "湖滨银泰***", Point: geo.Point{Lng: 120.16, Lat: 30.25}}, v.Delivery.To)
	require.Equal(t, "孙*", v.Attempts[0].RiderName)
	require.Equal(t, "139****1111", v.Attempts[0].RiderPhone)
	require.Equal(t, order.OurNo(w.cancelled, 1), v.Attempts[0].OurNo)
	require.Equal(t, []store.RoundView{{Round: 1, Result: "quoted", Reason: "two of three", At: now}}, v.Rounds)
	require.Equal(t, []store.QuoteView{{Round: 1, Carrier: "shansong", N: 1, PriceFen: 900, DistanceM: 2400}, {Round: 1, Carrier: "uupt", N: 2, PriceFen: 880, DistanceM: 2400}, {Round: 1, Carrier: "sftc", N: 3, Refused: "out of range"}}, v.Quotes)
	require.Len(t, v.History, v.Order.Version)
	for i, h := range v.History {
		require.Equal(t, i+1, h.Version, "in order")
	}
	require.Equal(t, []store.CommandView{{Key: "c1", Kind: "cancel", By: "customer", Reason: "changed my mind", ReceivedAt: now, Applied: 5, Decision: "applied"}}, v.Commands)
	require.Len(t, v.Facts, 4)
	require.Len(t, v.Entries, 8)
	require.Equal(t, "credit", v.Entries[1].Direction)
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	for _, private := range []string{customer, phone, address, "孙悟空", "13900001111", "secret token", "120.1551"} {
		require.NotContains(t, string(raw), private)
	}
	_, ok, err = w.OrderByID(t.Context(), 5)
	require.NoError(t, err)
	require.False(t, ok)

	v, _, err = w.OrderByID(t.Context(), w.raced)
	require.NoError(t, err)
	require.Equal(t, "shansong", v.Order.Carrier)
	require.Contains(t, v.History[len(v.History)-1].Key, "again", "what changed nothing stands at its instant")
}

func TestTheLedgerIsShown(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	balances, err := w.Balances(t.Context())
	require.NoError(t, err)
	require.Equal(t, []store.Balance{
		{"bank", -150_000}, {"carrier:shansong:main:held", 0}, {"carrier:shansong:main:prepaid", 97_900}, {"carrier:uupt:main:held", 0}, {"carrier:uupt:main:payable", -120},
		{"carrier:uupt:main:prepaid", 49_960},
		{"expense:delivery:shansong", 1800}, {"expense:penalty:shansong:order_cancelled", 300}, {"expense:penalty:uupt:lost_race", 40},
		{"income:delivery:meituan", -2400}, {"income:penalty:meituan", -200}, {"platform:meituan:penalty_receivable", 200}, {"platform:meituan:receivable", 2400}, {"suspense:uupt", 120},
	}, balances)
	totals, err := w.LedgerTotals(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.LedgerTotals{Entries: 34, Balanced: true, Income: 2600, Expense: 2140}, totals)
	w.exec(t, "UPDATE ledger_entry SET amount_fen = amount_fen + 1 ORDER BY id LIMIT 1")
	totals, err = w.LedgerTotals(t.Context())
	require.NoError(t, err)
	require.False(t, totals.Balanced)

	all, err := w.Entries(t.Context(), 0, 1_000_000)
	require.NoError(t, err)
	require.Len(t, all, 34)
	newest, err := w.Entries(t.Context(), 0, 3)
	require.NoError(t, err)
	require.Equal(t, all[31:], newest)
	mine, err := w.Entries(t.Context(), w.delivered, 100)
	require.NoError(t, err)
	require.Len(t, mine, 8)
	raw, err := json.Marshal(mine[0])
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"transaction":"fact:%[1]d:0:income:4","account":"platform:meituan:receivable","direction":"debit","amount_fen":1200,"order_id":"%[1]d","reason":"income","at":"2026-11-11T03:30:00Z","posted_at":"2026-11-11T03:30:00Z","period":"2026-11"}`, w.delivered), string(raw))
}

func TestParkedEventsAreListedSealed(t *testing.T) {
	t.Parallel()
	f := open(t)
	e, _ := event(t, "", "tdh-1", "h1")
	require.NoError(t, f.Park(t.Context(), []store.Parked{e}, now))
	n, err := f.OpenParked(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	list, err := f.ParkedEvents(t.Context(), 5)
	require.NoError(t, err)
	require.Equal(t, []store.ParkedEvent{{ID: list[0].ID, Carrier: "shansong", CarrierNo: "tdh-1", FirstAt: now, DueAt: now.Add(time.Minute)}}, list)
}

func TestDeadLettersAreMarked(t *testing.T) {
	t.Parallel()
	f := open(t)
	require.NoError(t, f.SaveDeadLetters(t.Context(), []store.DeadLetter{{Key: "a", State: "waiting"}, {Key: "b", State: "waiting"}}, now))
	list, err := f.DeadLetters(t.Context(), 5)
	require.NoError(t, err)
	n, err := f.MarkDeadLetters(t.Context(), []int64{list[0].ID, 99}, "done")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	list, err = f.DeadLetters(t.Context(), 5)
	require.NoError(t, err)
	require.Equal(t, []string{"done", "waiting"}, []string{list[0].State, list[1].State})
	n, err = f.MarkDeadLetters(t.Context(), nil, "done")
	require.NoError(t, err)
	require.Zero(t, n)
}

// Nothing that names a person lies in any column of any table.
func TestNoPersonalDataLiesInClear(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	w.change(t, w.raced, nil, func(x *turn.Turn) {
		x.Attempts[0].Rider = order.Rider{Name: "孙悟空", Phone: "13900001111"}
		x.Changed[1] = true
	})
	parked, _ := event(t, "", "tdh-7", "h7")
	require.NoError(t, w.Park(t.Context(), []store.Parked{parked}, now))
	require.NoError(t, w.SaveDeadLetters(t.Context(), []store.DeadLetter{{Key: "k", Topic: "carrier-event", Body: string(parked.Item.Data), State: "waiting"}}, now))
	cells := 0
	for _, c := range w.columns(t) {
		for _, cell := range w.cells(t, c[0], c[1]) {
			cells++
			for _, private := range []string{customer, phone, address, "孙悟空", "13900001111"} {
				escaped, err := json.Marshal(private)
				require.NoError(t, err)
				require.NotContains(t, cell, private, "%s.%s", c[0], c[1])
				require.NotContains(t, cell, strings.Trim(string(escaped), `"`), "%s.%s", c[0], c[1])
			}
		}
	}
	require.Greater(t, cells, 500, "the tables are not empty")
}

// cells are the bytes of a column.
func (f fixture) cells(t testing.TB, table, column string) []string {
	t.Helper()
	rows, err := f.db.QueryContext(t.Context(), "SELECT CAST(`"+column+"` AS BINARY) FROM `"+table+"` WHERE `"+column+"` IS NOT NULL")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var out []string
	for rows.Next() {
		var cell []byte
		require.NoError(t, rows.Scan(&cell))
		out = append(out, string(cell))
	}
	require.NoError(t, rows.Err())
	return out
}

func (f fixture) columns(t testing.TB) [][2]string {
	t.Helper()
	rows, err := f.db.QueryContext(t.Context(), "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name <> 'shop'") // a shop's own address is public
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var out [][2]string
	for rows.Next() {
		var c [2]string
		require.NoError(t, rows.Scan(&c[0], &c[1]))
		out = append(out, c)
	}
	require.NoError(t, rows.Err())
	return out
}

func TestAnotherKeyOpensNothing(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	w.change(t, w.raced, nil, func(x *turn.Turn) {
		x.Attempts[0].Rider = order.Rider{Name: "孙悟空", Phone: "13900001111"}
		x.Changed[1] = true
	})
	require.NoError(t, w.SaveDeadLetters(t.Context(), []store.DeadLetter{{Key: "k", Body: "secret"}}, now))
	stranger := w.connect(t, store.Options{Key: []byte("another key of thirty-two bytes!")})
	_, err := stranger.Details(t.Context(), []int64{w.raced})
	require.ErrorIs(t, err, store.ErrSealed)
	_, _, err = stranger.OrderByID(t.Context(), w.raced)
	require.ErrorIs(t, err, store.ErrSealed)
	_, _, _, err = stranger.View(t.Context(), "meituan", w.load(t, w.raced).No)
	require.ErrorIs(t, err, store.ErrSealed)
	_, err = stranger.DeadLetters(t.Context(), 1)
	require.ErrorIs(t, err, store.ErrSealed)
}

func TestAPlatformSeesItsOrder(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	no := w.load(t, w.raced).No
	o, winner, ok, err := w.View(t.Context(), "meituan", no)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, w.raced, o.ID)
	require.Equal(t, "shansong", winner.Carrier)
	_, winner, ok, err = w.View(t.Context(), "meituan", w.load(t, w.cancelled).No)
	require.NoError(t, err)
	require.True(t, ok)
	require.Nil(t, winner)
	_, _, ok, err = w.View(t.Context(), "jd", no)
	require.NoError(t, err)
	require.False(t, ok)
}
