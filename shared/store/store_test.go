package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/turn"
)

// now is the virtual instant at which tests begin.
var now = time.Date(2026, 11, 11, 3, 30, 0, 0, time.UTC)

var key = []byte("0123456789abcdef0123456789abcdef")

// fixture is a migrated database with a view on its rows.
type fixture struct {
	*store.Store
	dsn string
	db  *sql.DB
}

func open(t testing.TB) fixture {
	t.Helper()
	f := unmigrated(t)
	f.prepare(t)
	return f
}

// prepared is the schema of the first database that a test migrated: the others copy it,
// which takes half the time.
var prepared struct {
	sync.Mutex
	script string
}

func (f fixture) prepare(t testing.TB) {
	t.Helper()
	prepared.Lock()
	script := prepared.script
	if script != "" {
		prepared.Unlock()
		f.run(t, script)
		return
	}
	defer prepared.Unlock()
	require.NoError(t, f.Migrate(t.Context()))
	for _, table := range f.strings(t, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()") {
		var name, create string
		require.NoError(t, f.db.QueryRowContext(t.Context(), "SHOW CREATE TABLE "+table).Scan(&name, &create))
		script += create + ";\n"
	}
	prepared.script = script + "INSERT INTO goose_db_version (version_id, is_applied) VALUES (" + strings.Join(f.strings(t, "SELECT version_id FROM goose_db_version ORDER BY id"), ", TRUE), (") + ", TRUE);\n" +
		"INSERT INTO ledger_mark (id, sealed_id, closed) VALUES (1, 0, '')"
}

// run executes a script of several statements.
func (f fixture) run(t testing.TB, script string) {
	t.Helper()
	db, err := sql.Open("mysql", f.dsn+"&multiStatements=true")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), script)
	require.NoError(t, err)
}

func unmigrated(t testing.TB) fixture {
	t.Helper()
	f := fixture{dsn: sqltest.Database(t)}
	f.Store = f.connect(t, store.Options{})
	db, err := sql.Open("mysql", f.dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	f.db = db
	return f
}

// connect opens the database once more.
func (f fixture) connect(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	o.DSN = f.dsn
	if o.Key == nil {
		o.Key = key
	}
	s, err := store.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// exec plants rows behind the store's back.
func (f fixture) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	_, err := f.db.ExecContext(t.Context(), query, args...)
	require.NoError(t, err, query)
}

// one reads a single value.
func one[T any](t testing.TB, f fixture, query string, args ...any) T {
	t.Helper()
	var v T
	require.NoError(t, f.db.QueryRowContext(t.Context(), query, args...).Scan(&v), query)
	return v
}

var lastID atomic.Int64

// newID is an order id of its own, the size of a real one.
func newID() int64 { return 247_000_000_000_000_000 + lastID.Add(1) }

const (
	customer = "欧阳询"
	phone    = "13812345678"
	address  = "湖滨银泰 in77 B 区 1204"
)

// newOrder is an order as intake would store it.
func newOrder(no string) store.NewOrder {
	id := newID()
	return store.NewOrder{
		Order: order.Order{
			ID: id, Platform: "meituan", No: no, ShopCode: "qf-shop-0001", City: "330100", State: order.Received, Version: 1, Round: 1,
			Strategy: strategy.Strategy{Name: "default", Mode: strategy.Cheapest, Carriers: []string{"shansong"}}, Fee: 1200,
			Timers:     []order.Timer{{Kind: order.TimerQuote, Due: now.Add(30 * time.Second), Epoch: 1}},
			ReceivedAt: now, ActAt: now.Add(30 * time.Second),
		},
		Detail: store.Detail{CityName: "杭州市", Detail: order.Detail{
			From:  order.Stop{Name: "奎元馆", Phone: "057187028626", Address: "解放路 154 号", Point: geo.Point{Lng: 120.1551, Lat: 30.2741}},
			To:    order.Stop{Name: customer, Phone: phone, Ext: "0042", Address: address, Point: geo.Point{Lng: 120.16, Lat: 30.25}},
			Goods: order.Goods{WeightG: 800, Value: 4500},
		}},
		Why: store.Why{Why: strategy.Why{Level: "default", Strategy: "default", Version: 1, Rivals: 2}}, Hash: "hash of " + no,
	}
}

// orders stores n new orders and gives their ids.
func (f fixture) orders(t testing.TB, n int) []int64 {
	t.Helper()
	batch := make([]store.NewOrder, n)
	ids := make([]int64, n)
	for i := range batch {
		batch[i] = newOrder(fmt.Sprintf("no-%d", newID()))
		ids[i] = batch[i].Order.ID
	}
	_, err := f.Intake(t.Context(), fmt.Sprintf("b%d", newID()), batch, now)
	require.NoError(t, err)
	return ids
}

// shards prepays an account of 闪送.
func (f fixture) shards(t testing.TB, amount money.Fen, shards int) {
	t.Helper()
	fresh, err := f.Deposit(t.Context(), fmt.Sprintf("opening-%d", newID()), "shansong", "main", amount, shards, now)
	require.NoError(t, err)
	require.True(t, fresh)
}

// change runs one dispatch transaction over one order: edit makes the turn.
func (f fixture) change(t testing.TB, id int64, holds []store.Hold, edit func(*turn.Turn)) {
	t.Helper()
	require.NoError(t, f.dispatch(t.Context(), id, holds, edit))
}

func (f fixture) dispatch(ctx context.Context, id int64, holds []store.Hold, edit func(*turn.Turn)) error {
	return f.Dispatch(ctx, []int64{id}, nil, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
		agg, ok := b.Orders[id]
		if !ok {
			return nil, nil, fmt.Errorf("order %d is not there", id)
		}
		x := newTurn(agg)
		edit(x)
		return []*turn.Turn{x}, holds, nil
	})
}

// newTurn is a turn whose results a test sets itself.
func newTurn(agg *order.Aggregate) *turn.Turn {
	return &turn.Turn{Aggregate: agg.Clone(), Changed: map[int]bool{}}
}

// load reads an order as dispatch sees it.
func (f fixture) load(t testing.TB, id int64) *order.Aggregate {
	t.Helper()
	var out *order.Aggregate
	require.NoError(t, f.Dispatch(t.Context(), []int64{id}, nil, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
		out = b.Orders[id]
		return nil, nil, nil
	}))
	require.NotNil(t, out)
	return out
}

// step appends one applied line of history to a turn: from → to of attempt n, or of the order when kind is "order".
func step(x *turn.Turn, kind string, n int, from, to string) *order.EventRow {
	x.Version++
	x.Events = append(x.Events, order.EventRow{Key: fmt.Sprintf("k:%d", x.Version), Version: x.Version, N: n, Kind: kind, From: from, To: to, Decision: order.Applied, At: now})
	return &x.Events[len(x.Events)-1]
}

// tell makes the last line of a turn a milestone.
func tell(x *turn.Turn) {
	x.Events[len(x.Events)-1].Milestone = true
	x.Milestone, x.TellAt = x.Version, now
}

// fact states one fact in a turn.
func fact(x *turn.Turn, f order.Fact) {
	x.FactSeq++
	f.Seq, f.At = x.FactSeq, now
	x.Facts = append(x.Facts, f)
	x.PostAt = now
}
