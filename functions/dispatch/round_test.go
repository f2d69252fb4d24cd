package dispatch

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// hauler is a carrier that takes every placement.
type hauler struct {
	carrier.Adapter
	placed chan string
}

func (h *hauler) Facts() carrier.Facts { return carrier.Facts{Account: "main", SignedPush: true} }

func (h *hauler) Place(_ context.Context, p carrier.PlaceRequest) (carrier.Placed, error) {
	h.placed <- p.OurNo
	return carrier.Placed{CarrierNo: "no-" + p.OurNo}, nil
}

// bus takes messages as its function says.
type bus func(ctx context.Context, messages []message.Message) error

func (b bus) Publish(ctx context.Context, messages ...message.Message) error { return b(ctx, messages) }

// rig is the stage over a database of its own.
type rig struct {
	*Stage
	t      *testing.T
	db     *sql.DB
	placed chan string
	lastID atomic.Int64
}

var names = []string{"shansong", "uupt", "sftc"}

// newRig prepays the carriers in the order of names, over four shards each.
func newRig(t *testing.T, free ...money.Fen) *rig {
	t.Helper()
	dsn := sqltest.Database(t)
	db, err := store.Open(store.Options{DSN: dsn, Key: []byte("0123456789abcdef0123456789abcdef")})
	require.NoError(t, err)
	raw, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(raw.Close(), db.Close())) })
	require.NoError(t, db.Migrate(t.Context()))
	r := &rig{t: t, db: raw, placed: make(chan string, 100)}
	r.lastID.Store(247_000_000_000_000_000)
	all := map[string]carrier.Adapter{}
	for i, name := range names {
		all[name] = &hauler{placed: r.placed}
		_, err := db.Deposit(t.Context(), "opening-"+name, name, "main", free[i], 4, time.Unix(1, 0))
		require.NoError(t, err)
	}
	silent := bus(func(context.Context, []message.Message) error { return nil })
	r.Stage = &Stage{Store: db, Bus: silent, Carriers: all, Clock: clock.Real(), Owner: "dispatch-test", Book: penalty.Default(), Live: live.New(db, clock.Real())}
	return r
}

// quoted stores orders with a closed quote round in which every carrier asks for price, and
// gives the message that says so.
func (r *rig) quoted(n int, price money.Fen) ([]int64, json.RawMessage) {
	r.t.Helper()
	now := r.Clock.Virtual()
	var ids []int64
	var orders []store.NewOrder
	var rounds []store.RoundResult
	var items []message.Item
	for range n {
		id := r.lastID.Add(1)
		o := order.Order{ID: id, Platform: "meituan", No: fmt.Sprint(id), City: "330100", State: order.Received, Version: 1, Round: 1, Fee: 1500, ReceivedAt: now,
			Strategy: strategy.Strategy{Name: "default", Mode: strategy.Sequential, Carriers: names, AcceptTimeout: strategy.Duration(time.Minute), GiveUpAfter: strategy.Duration(time.Hour)},
			Timers:   []order.Timer{{Kind: order.TimerQuote, Due: now.Add(time.Minute), Epoch: 1}}, ActAt: now.Add(time.Minute)}
		round := store.RoundResult{Key: store.RoundKey{Order: id, Round: 1}, Outcome: order.Outcome{Round: 1, Result: order.ResultQuoted}}
		for i, name := range names {
			round.Quotes = append(round.Quotes, order.Quote{Round: 1, Carrier: name, N: i + 1, Account: "main", Price: price, ExpiresAt: now.Add(time.Hour)})
		}
		ids, orders, rounds = append(ids, id), append(orders, store.NewOrder{Order: o, Hash: "h"}), append(rounds, round)
		items = append(items, message.Item{Key: fmt.Sprintf("%d:1", id), Order: id, Round: 1})
	}
	_, err := r.Store.Intake(r.t.Context(), fmt.Sprintf("b%d", ids[0]), orders, now)
	require.NoError(r.t, err)
	require.NoError(r.t, r.Store.SaveRounds(r.t.Context(), fmt.Sprintf("w%d", ids[0]), rounds, now))
	return ids, batchOf(r.t, message.OrderQuoted, items)
}

func batchOf(t *testing.T, topic string, items []message.Item) json.RawMessage {
	t.Helper()
	body, err := message.Encode(topic, items)
	require.NoError(t, err)
	raw, err := json.Marshal([]map[string]any{{"id": "1", "data": map[string]any{"topic": topic, "systemProperties": map[string]any{"UNIQ_KEY": "k"}, "body": string(body)}}})
	require.NoError(t, err)
	return raw
}

// attempts counts the attempts of each carrier by state.
func (r *rig) attempts() map[string]int {
	r.t.Helper()
	rows, err := r.db.QueryContext(r.t.Context(), "SELECT CONCAT(carrier, ' ', state), COUNT(*) FROM attempt GROUP BY 1")
	require.NoError(r.t, err)
	defer func() { require.NoError(r.t, rows.Close()) }()
	out := map[string]int{}
	for rows.Next() {
		var k string
		var n int
		require.NoError(r.t, rows.Scan(&k, &n))
		out[k] = n
	}
	require.NoError(r.t, rows.Err())
	return out
}

// A batch whose holds are more than several accounts have is still committed: each account
// grants what it has, the rest goes to the next carrier, and nothing is granted twice.
func TestSeveralAccountsAreShortAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, 5_00, 8_00*8, 1000_00)
	_, batch := r.quoted(9, 8_00)
	require.NoError(t, r.Handle(t.Context(), batch))
	require.Equal(t, map[string]int{"uupt placed": 8, "sftc placed": 1}, r.attempts(), "uupt has eight prices, in whatever shards they lie")

	_, more := r.quoted(3, 900_00)
	require.NoError(t, r.Handle(t.Context(), more), "nobody can pay for these: they wait, the batch does not fail")
	var free, attention int
	require.NoError(t, r.db.QueryRowContext(t.Context(), "SELECT MIN(free_fen) FROM prepaid_shard").Scan(&free))
	require.GreaterOrEqual(t, free, 0)
	require.NoError(t, r.db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM orders WHERE attention <> '' AND act_at IS NOT NULL AND fee_fen = 1500 AND state = 'dispatching' AND winner = 0").Scan(&attention))
	require.GreaterOrEqual(t, attention, 3)
}

// An order that cannot be read fails its batch, and none of its neighbours.
func TestABadOrderHoldsUpNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1000_00, 1, 1)
	ids, batch := r.quoted(5, 8_00)
	_, err := r.db.ExecContext(t.Context(), `UPDATE orders SET timers = '{}' WHERE id = ?`, ids[2])
	require.NoError(t, err)
	require.ErrorContains(t, r.Handle(t.Context(), batch), fmt.Sprintf("order %d", ids[2]))
	require.Equal(t, map[string]int{"shansong placed": 4}, r.attempts())

	_, err = r.db.ExecContext(t.Context(), `UPDATE orders SET timers = '[]' WHERE id = ?`, ids[2])
	require.NoError(t, err)
	require.NoError(t, r.Handle(t.Context(), batch), "the batch comes again")
	require.Equal(t, map[string]int{"shansong placed": 5}, r.attempts())
	require.Len(t, r.placed, 5, "nobody was placed twice")
}

// A broker that is away must not eat the leases of calls that are decided already.
func TestCallsBeginBeforeTheirMessagesAreSent(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1000_00, 1, 1)
	away := errors.New("the broker is away")
	r.Bus = bus(func(ctx context.Context, messages []message.Message) error {
		if len(messages) == 0 {
			return nil
		}
		select {
		case no := <-r.placed:
			r.placed <- no
			return away
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, batch := r.quoted(1, 8_00)
	err := r.Handle(ctx, batch)
	require.ErrorIs(t, err, away, "the batch has to come again")
	require.NotErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, map[string]int{"shansong placed": 1}, r.attempts())

	topics := map[string]int{}
	r.Bus = bus(func(_ context.Context, messages []message.Message) error {
		for _, m := range messages {
			topics[m.Topic]++
		}
		return nil
	})
	require.NoError(t, r.Handle(t.Context(), batch))
	require.NotZero(t, topics[message.OrderStatus], "the repeat sends what is owed")
	require.NotZero(t, topics[message.Settlement])
	require.Len(t, r.placed, 1)
}
