package settle

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

// rig is the function on a real database, with facts planted as dispatch leaves them.
type rig struct {
	*Stage
	t          testing.TB
	db         *sql.DB
	statements atomic.Int64
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t}
	dsn := sqltest.Database(t)
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32), Observe: func(string) { r.statements.Add(1) }})
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context()))
	r.db, err = sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.db.Close()); require.NoError(t, db.Close()) })
	at := clock.NewManual(noon)
	r.Stage = &Stage{Store: db, Clock: at}
	_, err = db.Deposit(t.Context(), "opening", "uupt", "main", 1_000_000_00, 8, noon)
	require.NoError(t, err)
	return r
}

// placed and delivered are what an order's facts are in its two passes.
func placed() [][2]any { return [][2]any{{order.FactHold, 800}} }
func delivered() [][2]any {
	return [][2]any{{order.FactCapture, 700}, {order.FactRelease, 100}, {order.FactIncome, 1500}}
}

// plant leaves unposted facts of orders.
func (r *rig) plant(ids []int64, from int, facts [][2]any) {
	r.t.Helper()
	var rows []string
	for _, id := range ids {
		for i, f := range facts {
			n, party, account := 1, "uupt", "main"
			if f[0] == order.FactIncome {
				n, party, account = 0, "jd", ""
			}
			rows = append(rows, fmt.Sprintf("(%d,%d,'%s',%d,%d,'%s','%s',%d,'',%d)", id, n, f[0], from+i, f[1], party, account, id%8, noon.UnixMilli()))
		}
	}
	_, err := r.db.ExecContext(r.t.Context(), "INSERT INTO fact (order_id, n, kind, seq, amount, party, account, shard, cause, at) VALUES "+strings.Join(rows, ","))
	require.NoError(r.t, err)
}

// payload is a batch of settlement messages as the trigger hands it over.
func (r *rig) payload(ids []int64) json.RawMessage {
	r.t.Helper()
	items := make([]message.Item, len(ids))
	for i, id := range ids {
		items[i] = message.Item{Key: fmt.Sprint(id), Order: id}
	}
	body, err := message.Encode(message.Settlement, items)
	require.NoError(r.t, err)
	raw, err := json.Marshal([]map[string]any{{"id": "1", "data": map[string]any{"topic": message.Settlement, "systemProperties": map[string]any{"UNIQ_KEY": "k"}, "body": string(body)}}})
	require.NoError(r.t, err)
	return raw
}

func (r *rig) one(query string) (value string) {
	r.t.Helper()
	require.NoError(r.t, r.db.QueryRowContext(r.t.Context(), query).Scan(&value))
	return value
}

func TestABatchIsPostedOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ids := []int64{11, 12, 13}
	r.plant(ids, 1, placed())
	for range 2 { // messages come at least once
		require.NoError(t, r.Handle(t.Context(), r.payload(ids)))
	}
	r.plant(ids, 2, delivered())
	require.NoError(t, r.Handle(t.Context(), r.payload(append(ids, 12, 99))), "an order twice, and one that nobody knows")
	require.Equal(t, "26", r.one("SELECT COUNT(*) FROM ledger_entry"))
	require.Equal(t, "0", r.one("SELECT SUM(IF(debit, amount_fen, -amount_fen)) FROM ledger_entry"))
	require.Equal(t, "2100", r.one("SELECT SUM(amount_fen) FROM ledger_entry WHERE account = 'expense:delivery:uupt' AND debit"))
	require.Equal(t, "0", r.one("SELECT COUNT(*) FROM fact WHERE posted_at IS NULL"))
	require.Equal(t, "1", r.one("SELECT DISTINCT n FROM ledger_entry WHERE account LIKE 'expense:%'"), "entries name the attempt")
}

// A fact that no build knows stays unposted, is told, and holds up nobody else.
func TestAPoisonedOrderHoldsUpNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.plant([]int64{11, 12, 13}, 1, placed())
	_, err := r.db.ExecContext(t.Context(), "UPDATE fact SET kind = 'gift' WHERE order_id = 12")
	require.NoError(t, err)
	require.ErrorContains(t, r.Handle(t.Context(), r.payload([]int64{11, 12, 13})), `unknown fact kind: "gift"`)
	require.Equal(t, "12", r.one("SELECT GROUP_CONCAT(order_id) FROM fact WHERE posted_at IS NULL"))
	require.Equal(t, "4", r.one("SELECT COUNT(*) FROM ledger_entry WHERE order_id > 0"))
}

// A month that is closed gets nothing: what is posted later belongs to the next.
func TestWhatComesAfterACloseBelongsToTheNextMonth(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.db.ExecContext(t.Context(), "UPDATE ledger_mark SET closed = '2026-11'")
	require.NoError(t, err)
	r.plant([]int64{11}, 1, placed())
	require.NoError(t, r.Handle(t.Context(), r.payload([]int64{11})))
	require.Equal(t, "2026-12", r.one("SELECT DISTINCT period FROM ledger_entry WHERE order_id = 11"))
}

// An order's two passes (placed; delivered with what is released and what the platform owes),
// in batches: what one order costs of SQL statements, and of the process's CPU.
func BenchmarkSettle(b *testing.B) {
	for _, size := range []int{1, 20, 100} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			r := newRig(b)
			orders, next := 0, int64(1000)
			r.statements.Store(0)
			var spent time.Duration
			for b.Loop() {
				b.StopTimer()
				ids := make([]int64, size)
				for i := range ids {
					next++
					ids[i] = next
				}
				payload := r.payload(ids)
				for from, facts := range [][][2]any{placed(), delivered()} {
					r.plant(ids, 2*from+1, facts)
					b.StartTimer()
					began := cpu(b)
					require.NoError(b, r.Handle(b.Context(), payload))
					spent += cpu(b) - began
					b.StopTimer()
				}
				orders += size
				b.StartTimer()
			}
			b.ReportMetric(float64(r.statements.Load())/float64(orders), "statements/order")
			b.ReportMetric(float64(spent.Microseconds())/1000/float64(orders), "cpu-ms/order")
		})
	}
}
