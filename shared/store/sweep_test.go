package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

const grace = 30 * time.Second

// sweep runs one page at an instant.
func (f fixture) sweep(t testing.TB, at time.Time) map[int64]store.Overdue {
	t.Helper()
	list, err := f.Sweep(t.Context(), at, grace, 100)
	require.NoError(t, err)
	out := map[int64]store.Overdue{}
	for _, o := range list {
		out[o.Order] = o
	}
	return out
}

// dueAt stores an order with exactly these due times.
func (f fixture) dueAt(t testing.TB, act, tell, post time.Time) int64 {
	t.Helper()
	id := f.orders(t, 1)[0]
	f.change(t, id, nil, func(x *turn.Turn) { x.ActAt, x.TellAt, x.PostAt, x.State, x.Round = act, tell, post, order.Assigned, 3 })
	return id
}

func TestSweepTakesEachColumnThatIsOverdue(t *testing.T) {
	t.Parallel()
	f := open(t)
	var none time.Time
	late, soon := now.Add(-time.Minute), now.Add(-20*time.Second)
	act, tell, post := f.dueAt(t, late, none, none), f.dueAt(t, none, late, none), f.dueAt(t, none, none, late)
	all, mixed, early := f.dueAt(t, late, late, late), f.dueAt(t, now, late, soon), f.dueAt(t, soon, now, none)
	require.Equal(t, map[int64]store.Overdue{
		act: {Order: act, Act: true}, tell: {Order: tell, Tell: true}, post: {Order: post, Post: true},
		all: {Order: all, Act: true, Tell: true, Post: true}, mixed: {Order: mixed, Tell: true},
	}, f.sweep(t, now))

	raised := now.Add(30 * time.Second)
	loaded := f.load(t, mixed)
	require.Equal(t, []time.Time{now, raised, soon}, []time.Time{loaded.ActAt, loaded.TellAt, loaded.PostAt}, "only what was overdue is raised")
	loaded = f.load(t, act)
	require.Equal(t, []time.Time{raised, none, none}, []time.Time{loaded.ActAt, loaded.TellAt, loaded.PostAt})
	require.Equal(t, 1, loaded.Redrives)
	require.Zero(t, f.load(t, early).Redrives)
	require.NotContains(t, f.sweep(t, now.Add(59*time.Second)), act, "not again before its new due time and the grace")
	require.Contains(t, f.sweep(t, now.Add(60*time.Second)), act)
}

func TestSweepBacksOffAndAsksForAPerson(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.dueAt(t, now.Add(-time.Minute), time.Time{}, time.Time{})
	at := now
	var gaps []time.Duration
	for i := range 12 {
		o, ok := f.sweep(t, at)[id]
		require.True(t, ok, "redrive %d", i)
		require.Equal(t, i, o.Redrives)
		loaded := f.load(t, id)
		gaps = append(gaps, loaded.ActAt.Sub(at))
		require.Equal(t, i >= 8, loaded.Attention == "no progress", "redrive %d: %q", i, loaded.Attention)
		at = loaded.ActAt.Add(grace)
	}
	require.Equal(t, 30*time.Second, gaps[0])
	require.Equal(t, 60*time.Second, gaps[1])
	require.Equal(t, 5*time.Minute, gaps[11])
}

func TestSweepSaysWhichQuoteRoundIsWanted(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 6)
	for i, edit := range []func(*turn.Turn){
		func(x *turn.Turn) {},
		func(x *turn.Turn) { x.State, x.Round = order.Dispatching, 2 },
		func(x *turn.Turn) { x.Round = 0 },
		func(x *turn.Turn) { x.Goal = order.ToCancel },
		func(x *turn.Turn) {
			x.State, x.Attempts, x.Changed[1] = order.Dispatching, []*order.Attempt{{N: 1, Carrier: "uupt", State: order.Placed}}, true
		},
		func(x *turn.Turn) {
			x.State, x.Attempts, x.Changed[1] = order.Dispatching, []*order.Attempt{{N: 1, Carrier: "uupt", State: order.AttemptRejected}}, true
		},
	} {
		f.change(t, ids[i], nil, func(x *turn.Turn) { x.ActAt = now.Add(-time.Hour); edit(x) })
	}
	require.NoError(t, f.SaveRounds(t.Context(), "w", []store.RoundResult{quoted(ids[0], 1, "t"), quoted(ids[1], 1, "t"), quoted(ids[5], 1, "t")}, now))
	got := f.sweep(t, now)
	for i, want := range []store.Overdue{{Round: 1, Quoted: true}, {Round: 2}, {}, {}, {Round: 0, Quoted: false}, {Round: 1, Quoted: true}} {
		want.Order, want.Act = ids[i], true
		require.Equal(t, want, got[ids[i]], "order %d", i)
	}
}

func TestSweepLeavesWhatOthersHold(t *testing.T) {
	t.Parallel()
	f := open(t)
	held, free := f.dueAt(t, now.Add(-time.Hour), time.Time{}, time.Time{}), f.dueAt(t, now.Add(-time.Hour), time.Time{}, time.Time{})
	tx, err := f.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	var id int64
	require.NoError(t, tx.QueryRowContext(t.Context(), "SELECT id FROM orders WHERE id = ? FOR UPDATE", held).Scan(&id))
	got := f.sweep(t, now)
	require.Contains(t, got, free)
	require.NotContains(t, got, held)
}

func TestSweepPagesByUrgency(t *testing.T) {
	t.Parallel()
	f := open(t)
	young, old := f.dueAt(t, now.Add(-time.Minute), time.Time{}, time.Time{}), f.dueAt(t, now.Add(-time.Hour), time.Time{}, time.Time{})
	for _, want := range []int64{old, young} {
		page, err := f.Sweep(t.Context(), now, grace, 1)
		require.NoError(t, err)
		require.Len(t, page, 1)
		require.Equal(t, want, page[0].Order)
	}
	page, err := f.Sweep(t.Context(), now, grace, 1)
	require.NoError(t, err)
	require.Empty(t, page)
}

func TestHurryOnlyLowersWhatIsSet(t *testing.T) {
	t.Parallel()
	f := open(t)
	var none time.Time
	early := now.Add(-time.Hour)
	id, closed := f.dueAt(t, now.Add(time.Hour), none, early), f.dueAt(t, none, none, none)
	require.NoError(t, f.Hurry(t.Context(), []int64{id, closed, id}, now))
	loaded := f.load(t, id)
	require.Equal(t, []time.Time{now, none, early}, []time.Time{loaded.ActAt, loaded.TellAt, loaded.PostAt})
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM orders WHERE id = ? AND wake_at IS NOT NULL", closed), "a closed order stays closed")
	require.NoError(t, f.Hurry(t.Context(), nil, now))
}

func TestArmedTimersAreThoseOfTheRow(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 2)
	timers := []order.Timer{{Kind: order.TimerWatch, N: 2, Due: now.Add(time.Hour), Epoch: 7}, {Kind: order.TimerGiveUp, Due: now, Epoch: 1}}
	f.change(t, ids[0], nil, func(x *turn.Turn) { x.Timers = timers })
	f.change(t, ids[1], nil, func(x *turn.Turn) { x.Timers = nil })
	armed, err := f.ArmedTimers(t.Context(), append(ids, 5))
	require.NoError(t, err)
	require.Equal(t, map[int64][]order.Timer{ids[0]: timers, ids[1]: {}}, armed)
	armed, err = f.ArmedTimers(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, armed)
}

// What runs each minute or each batch must find its rows by an index, however many orders there are.
func TestBusyStatementsUseIndexes(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.exec(t, "INSERT INTO orders (id, platform, no, shop_code, city, state, version, goal, goal_cause, goal_key, penalty_fen, round, winner, strategy, fee_fen, timers, fact_seq, milestone, told, received_at, act_at, tell_at)"+
		" SELECT n, 'jd', n, 's', '330100', 'delivered', 1, '', '', '', 0, 1, 1, '{}', 100, '[]', 0, 1, 1, 0, IF(n % 50 = 0, n, NULL), NULL FROM ("+numbers(4000)+") x")
	f.exec(t, "INSERT INTO order_event SELECT id, 'create', 1, 0, 'order', '', 'received', 'applied', FALSE, 0, NULL, NULL FROM orders")
	f.exec(t, "INSERT INTO order_key (platform, no, order_id, hash) SELECT platform, no, id, '' FROM orders")
	f.exec(t, "INSERT INTO carrier_ref SELECT 'shansong', id, id, 1 FROM orders")
	f.exec(t, "INSERT INTO quote_outcome SELECT id, 1, 'quoted', '', 'w', 0, NULL FROM orders")
	f.exec(t, "INSERT INTO order_command SELECT id, 'c', 'cancel', '', '', '', 0, 0, NULL, '', NULL FROM orders")
	f.exec(t, "INSERT INTO fact SELECT id, 0, 'income', 1, 100, 'jd', '', 0, '', 0, NULL FROM orders")
	f.exec(t, "ANALYZE TABLE orders, order_event, order_key, carrier_ref, quote_outcome, order_command, fact")
	for name, q := range map[string]string{
		"sweep":         "SELECT id FROM orders WHERE wake_at <= 2000 ORDER BY wake_at LIMIT 500 FOR UPDATE SKIP LOCKED",
		"lock orders":   "SELECT id FROM orders WHERE id IN (5, 6, 7) ORDER BY id FOR UPDATE",
		"lease reports": "UPDATE orders SET tell_owner = 'x', tell_until = 5 WHERE tell_at IS NOT NULL AND tell_until < 5 AND id IN (5, 6, 7)",
		"leased":        "SELECT id FROM orders WHERE tell_owner = 'x' AND tell_until = 5 AND id IN (5, 6, 7)",
		"seen inputs":   "SELECT order_id FROM order_event WHERE (order_id, input_key) IN ((5, 'create'), (6, 'q:1'), (7, 'q:1'))",
		"order keys":    "SELECT order_id FROM order_key WHERE (platform, no) IN (('jd', '5'), ('jd', '6')) ORDER BY platform, no FOR UPDATE",
		"carrier refs":  "SELECT order_id, n FROM carrier_ref WHERE (carrier, carrier_no) IN (('shansong', '5'), ('uupt', '6'))",
		"outcomes":      "SELECT order_id FROM quote_outcome WHERE (order_id, round) IN ((5, 1), (6, 1))",
		"commands":      "SELECT order_id FROM order_command WHERE order_id IN (5, 6) AND applied_version IS NULL",
		"facts":         "SELECT order_id FROM fact WHERE posted_at IS NULL AND order_id IN (5, 6) ORDER BY order_id, n, seq FOR UPDATE",
		"milestones":    "SELECT e.order_id FROM order_event e JOIN orders o ON o.id = e.order_id WHERE e.milestone AND e.version > o.told AND e.order_id IN (5, 6)",
		"attention":     "SELECT id FROM orders WHERE attention > '' ORDER BY id DESC LIMIT 50",
		"a number":      "SELECT order_id FROM order_key WHERE platform IN ('jd', 'meituan') AND no = '5'",
		"open":          "SELECT COUNT(*) FROM orders WHERE wake_at IS NOT NULL",
	} {
		for _, row := range f.explain(t, q) {
			require.NotEqual(t, "ALL", row.kind, "%s scans a table: %+v", name, row)
			require.Less(t, row.rows, 1000, "%s reads too much: %+v", name, row)
		}
	}
}

type plan struct {
	table, kind, key, partitions string
	rows                         int
}

func (f fixture) explain(t testing.TB, query string) []plan {
	t.Helper()
	return f.explainWith(t, "EXPLAIN ", query)
}

func (f fixture) explainWith(t testing.TB, explain, query string) []plan {
	t.Helper()
	rows, err := f.db.QueryContext(t.Context(), explain+query)
	require.NoError(t, err, query)
	defer func() { require.NoError(t, rows.Close()) }()
	cols, err := rows.Columns()
	require.NoError(t, err)
	var out []plan
	for rows.Next() {
		values := make([]*string, len(cols))
		dest := make([]any, len(cols))
		for i := range values {
			dest[i] = &values[i]
		}
		require.NoError(t, rows.Scan(dest...))
		var p plan
		for i, c := range cols {
			switch v := values[i]; {
			case v == nil:
			case c == "table":
				p.table = *v
			case c == "type":
				p.kind = *v
			case c == "partitions":
				p.partitions = *v
			case c == "key":
				p.key = *v
			case c == "rows":
				_, err := fmt.Sscan(*v, &p.rows)
				require.NoError(t, err)
			}
		}
		out = append(out, p)
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, out)
	return out
}

// numbers is a query of 1 … n, n ≤ 100,000, without a server's own sequences.
func numbers(n int) string {
	digit := "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
	return fmt.Sprintf("SELECT n FROM (SELECT e.d * 10000 + a.d * 1000 + b.d * 100 + c.d * 10 + d.d + 1 AS n FROM %[1]s a, %[1]s b, %[1]s c, %[1]s d, %[1]s e) x WHERE n <= %[2]d", digit, n)
}
