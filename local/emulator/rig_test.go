package emulator_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the tests' own look into the database
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/local/sim/meituan"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sqlserver"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/strategy"
)

// rig is one running emulator and what a test looks at it with.
type rig struct {
	*emulator.Emulator
	t   *testing.T
	db  *sql.DB
	log *syncBuffer
}

// syncBuffer keeps what the emulator prints until a test fails.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// noon is an hour without night prices on both sides of a run.
var noon = time.Date(2026, 11, 4, 14, 0, 0, 0, world.Shanghai)

// running bounds how many emulators run side by side: each is a dozen processes.
var running = make(chan struct{}, 2)

// slot waits for its turn.
func slot(t *testing.T) {
	t.Helper()
	running <- struct{}{}
	t.Cleanup(func() { <-running })
}

// start runs an emulator of its own for one test.
func start(t *testing.T, o emulator.Options) *rig {
	t.Helper()
	slot(t)
	o.Root, o.NoBuild, o.ExitWhenSettled, o.Verbose = root, true, true, true
	o.Durability = sqlserver.Relaxed // commits survive a killed function, only a killed server could lose them
	if o.Seed == 0 {
		o.Seed = 7
	}
	if o.Start.IsZero() {
		o.Start = noon
	}
	t.Logf("seed %d", o.Seed)
	r := &rig{t: t, log: &syncBuffer{}}
	var err error
	r.Emulator, err = emulator.Start(t.Context(), o.Ephemeral(), r.log)
	require.NoError(t, err)
	t.Cleanup(func() {
		closed := r.Close()
		if t.Failed() || closed != nil {
			t.Log(r.log.String())
		}
		require.NoError(t, closed)
	})
	r.db, err = sql.Open("mysql", r.DSN())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.db.Close()) })
	return r
}

// twoCarriers are strategies by which it is known who carries: UU跑腿 the cheaper one, but in 上海 闪送 comes first.
func twoCarriers() []strategy.Strategy {
	var all []strategy.Strategy
	for _, x := range []struct {
		name, city string
		mode       strategy.Mode
	}{
		{"default", "330100", strategy.Cheapest}, {"shanghai-sequential", "310100", strategy.Sequential},
		{"guangzhou-race", "440100", strategy.Cheapest}, {"beijing-weighted", "110100", strategy.Cheapest},
	} {
		all = append(all, strategy.Strategy{
			Name: x.name, Mode: x.mode, Carriers: []string{"shansong", "uupt"}, Match: strategy.Match{City: []string{x.city}},
			Quote:         strategy.Quoting{Deadline: strategy.Duration(1500 * time.Millisecond)},
			AcceptTimeout: strategy.Duration(90 * time.Second), GiveUpAfter: strategy.Duration(15 * time.Minute), ReleaseLead: strategy.Duration(45 * time.Minute),
		})
	}
	return all
}

// startFrozen runs an emulator of two carriers whose virtual time moves only when the test says so.
func startFrozen(t *testing.T) *rig {
	t.Helper()
	r := start(t, emulator.Options{Speed: 60, Strategies: twoCarriers()})
	r.Clock.Freeze(true)
	return r
}

func (r *rig) script(scripts ...world.Script) {
	r.t.Helper()
	for _, s := range scripts {
		require.NoError(r.t, r.Faults.Direct(s))
	}
}

// push lets a customer order at 美团 and returns the order's number; the push is accepted.
func (r *rig) push(req world.OrderRequest) string {
	r.t.Helper()
	no, answered, err := r.Meituan().Begin(req)
	require.NoError(r.t, err)
	accepted, err := answered(r.t.Context())
	require.NoError(r.t, err)
	require.True(r.t, accepted, "order %s was refused", no)
	return no
}

// cancel lets the customer cancel at 美团; the push is answered.
func (r *rig) cancel(no string) {
	r.t.Helper()
	answered, err := r.Meituan().BeginCancel(no, "不想要了")
	require.NoError(r.t, err)
	accepted, err := answered(r.t.Context())
	require.NoError(r.t, err)
	require.True(r.t, accepted, "the cancel of %s was refused", no)
}

// patience is far more system time than anything here takes.
const patience = 30 * time.Second

// await waits for what happens without virtual time passing.
func (r *rig) await(what string, f func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for !f() { // on the test's own goroutine, so that f may fail the test
		if clock.System.Sleep(ctx, 5*time.Millisecond) != nil {
			require.Fail(r.t, "waited in vain for "+what, r.dump())
		}
	}
}

// rest waits until nothing is under way at this virtual instant.
func (r *rig) rest() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	require.NoError(r.t, r.Clock.Advance(ctx, 0))
}

// horizon is more virtual time than any of the scripted lives takes.
const horizon = 8 * time.Hour

// runUntil moves a frozen clock from timer to timer until f holds.
func (r *rig) runUntil(what string, f func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	end := r.Clock.Now().Add(horizon)
	for !f() {
		at, err := r.Clock.RunToNext(ctx)
		require.NoError(r.t, err, what)
		require.True(r.t, at.Before(end), "%s: not within %s of virtual time\n%s", what, horizon, r.dump())
	}
}

// settle lets time run until everything is closed, and checks all rules.
func (r *rig) settle() emulator.Summary {
	r.t.Helper()
	return r.settleFor(2 * time.Minute)
}

// settleFor is settle with a limit in system time.
func (r *rig) settleFor(limit time.Duration) emulator.Summary {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), limit)
	defer cancel()
	r.Clock.Freeze(false)
	require.NoError(r.t, r.Settle(ctx, r.log), "%s", r.dump())
	s, err := r.Summary(ctx, true)
	require.NoError(r.t, err)
	require.Empty(r.t, s.Invariants.Violated, "%s", r.dump())
	require.NotZero(r.t, s.Invariants.Checked)
	require.True(r.t, s.Ledger.Balanced)
	require.True(r.t, s.Books.Matched, "%v\n%s", s.Books.Details, r.dump())
	require.Zero(r.t, s.Orders.Open)
	return s
}

// one reads one value.
func one[T any](r *rig, query string, args ...any) T {
	r.t.Helper()
	var v T
	require.NoError(r.t, r.db.QueryRowContext(r.t.Context(), query, args...).Scan(&v), query)
	return v
}

// texts reads rows of text columns, each row joined by blanks.
func (r *rig) texts(query string, args ...any) []string {
	r.t.Helper()
	rows, err := r.db.QueryContext(r.t.Context(), query, args...)
	require.NoError(r.t, err, query)
	defer func() { _ = rows.Close() }()
	out := []string{}
	for rows.Next() {
		var s string
		require.NoError(r.t, rows.Scan(&s))
		out = append(out, s)
	}
	require.NoError(r.t, rows.Err())
	return out
}

// state is an order's state in our table.
func (r *rig) state(no string) string {
	r.t.Helper()
	return one[string](r, "SELECT state FROM orders WHERE no = ?", no)
}

func (r *rig) in(no, state string) func() bool {
	return func() bool { return r.state(no) == state }
}

// attempts are an order's attempts as "carrier state cause", in order of their placement.
func (r *rig) attempts(no string) []string {
	r.t.Helper()
	return r.texts("SELECT CONCAT_WS(' ', a.carrier, a.state, NULLIF(a.cause, '')) FROM attempt a JOIN orders o ON o.id = a.order_id WHERE o.no = ? ORDER BY a.placed_at IS NULL, a.placed_at", no)
}

func (r *rig) attemptIn(no, carrier, state string) func() bool {
	return func() bool {
		return one[int](r, "SELECT COUNT(*) FROM attempt a JOIN orders o ON o.id = a.order_id WHERE o.no = ? AND a.carrier = ? AND a.state = ?", no, carrier, state) > 0
	}
}

// told are the codes that 美团 was told about an order, repeats left out.
func (r *rig) told(no string) []int {
	r.t.Helper()
	codes := []int{}
	for _, told := range r.book(no).Told {
		if !told.Repeat {
			codes = append(codes, told.Status)
		}
	}
	return codes
}

// book is 美团's own record of an order.
func (r *rig) book(no string) meituan.BookOrder {
	r.t.Helper()
	all := r.Meituan().Books().Orders
	i := slices.IndexFunc(all, func(o meituan.BookOrder) bool { return o.No == no })
	require.GreaterOrEqual(r.t, i, 0, "%s is not in the platform's books", no)
	return all[i]
}

// carried are a carrier's own records of everything placed with it.
func (r *rig) carried(carrier string) []world.BookOrder { return r.Carriers[carrier].Books().Orders }

// carriedOne is the only record in a carrier's books.
func (r *rig) carriedOne(carrier string) world.BookOrder {
	r.t.Helper()
	all := r.carried(carrier)
	require.Len(r.t, all, 1, carrier)
	return all[0]
}

// net is what an order's ledger entries add up to by account, debit positive, zeros left out.
func (r *rig) net(no string) map[string]money.Fen {
	r.t.Helper()
	rows, err := r.db.QueryContext(r.t.Context(), `SELECT e.account, CAST(SUM(IF(e.debit, e.amount_fen, -e.amount_fen)) AS SIGNED)
 FROM ledger_entry e JOIN orders o ON o.id = e.order_id WHERE o.no = ? GROUP BY e.account`, no)
	require.NoError(r.t, err)
	defer func() { _ = rows.Close() }()
	out := map[string]money.Fen{}
	for rows.Next() {
		var account string
		var amount int64
		require.NoError(r.t, rows.Scan(&account, &amount))
		if amount != 0 {
			out[account] = money.Fen(amount)
		}
	}
	require.NoError(r.t, rows.Err())
	return out
}

// fee is what the platform pays for an order's delivery.
func (r *rig) fee(no string) money.Fen {
	r.t.Helper()
	return money.Fen(one[int64](r, "SELECT fee_fen FROM orders WHERE no = ?", no))
}

// stored counts the rows of everything that an input could leave behind.
func (r *rig) stored() map[string]int {
	r.t.Helper()
	out := map[string]int{}
	for _, table := range []string{"orders", "order_key", "order_detail", "order_command", "order_event", "parked_event",
		"attempt", "quote", "quote_outcome", "carrier_ref", "fact", "ledger_entry", "dead_letter"} {
		out[table] = one[int](r, "SELECT COUNT(*) FROM "+table)
	}
	return out
}

// dump is what a failure is understood by.
func (r *rig) dump() string {
	var b bytes.Buffer
	for _, query := range []string{
		"SELECT CONCAT_WS(' ', id, no, state, goal, round, winner, 'act', act_at, 'tell', tell_at, 'post', post_at, attention) FROM orders WHERE wake_at IS NOT NULL OR attention <> '' LIMIT 10",
		"SELECT CONCAT_WS(' ', a.order_id, a.n, a.carrier, a.state, a.cause, a.call_kind, a.call_doubt, a.want) FROM attempt a JOIN orders o ON o.id = a.order_id WHERE o.wake_at IS NOT NULL OR o.attention <> '' LIMIT 20",
		"SELECT CONCAT_WS(' ', e.order_id, e.at, e.input_key, e.kind, e.n, e.from_name, e.to_name, e.decision, e.detail) FROM order_event e JOIN orders o ON o.id = e.order_id WHERE o.wake_at IS NOT NULL OR o.attention <> '' ORDER BY e.order_id, e.at, e.version LIMIT 200",
	} {
		for _, line := range r.texts(query) {
			fmt.Fprintln(&b, line)
		}
	}
	fmt.Fprintf(&b, "%+v\n", r.Clock.Status())
	return b.String()
}

// refusal is what the console shows of a bad input.
type refusal struct {
	Function, Party, No, Reason, Field, Detail string
}

// refusals are the bad inputs that the console shows, newest first.
func (r *rig) refusals() []refusal {
	r.t.Helper()
	var out struct {
		Refused []refusal `json:"refused"`
	}
	r.console("/api/refused", &out)
	return out.Refused
}

// console reads the control API.
func (r *rig) console(path string, into any) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.URLs["console"]+path, nil)
	require.NoError(r.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(r.t, http.StatusOK, resp.StatusCode, path)
	require.NoError(r.t, json.NewDecoder(resp.Body).Decode(into), path)
}

// shops are those of the simulated world.
func shops() []world.Shop { return sim.Shops(1) }
