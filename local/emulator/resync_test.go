package emulator_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/billimport"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/resync"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
)

// backup is the whole database at one moment, as a dump in a single transaction has it.
type backup struct {
	tables []string
	cols   map[string][]string
	rows   map[string][][]any
}

// backup reads every table in one snapshot.
func (r *rig) backup() backup {
	r.t.Helper()
	b := backup{cols: map[string][]string{}, rows: map[string][][]any{}}
	b.tables = r.texts("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'goose%' ORDER BY table_name")
	for _, table := range b.tables {
		b.cols[table] = r.texts("SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? AND generation_expression = '' OR table_schema = DATABASE() AND table_name = ? AND generation_expression IS NULL ORDER BY ordinal_position", table, table)
	}
	// Housekeeping adds partitions soon after the start, and ends a snapshot that is older.
	for range 100 {
		err := r.snapshot(b)
		var changed *mysql.MySQLError
		if errors.As(err, &changed) && changed.Number == 1412 {
			continue
		}
		require.NoError(r.t, err)
		return b
	}
	require.FailNow(r.t, "tables change all the time")
	return b
}

// snapshot fills a backup in one transaction.
func (r *rig) snapshot(b backup) error {
	tx, err := r.db.BeginTx(r.t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it only reads
	for _, table := range b.tables {
		if b.rows[table], err = r.all(tx, "SELECT `"+strings.Join(b.cols[table], "`,`")+"` FROM "+table, len(b.cols[table])); err != nil {
			return err
		}
	}
	return nil
}

// all reads rows as the server writes them.
func (r *rig) all(tx *sql.Tx, query string, cols int) ([][]any, error) {
	rows, err := tx.QueryContext(r.t.Context(), query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	kinds, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	var out [][]any
	for rows.Next() {
		row, at := make([]any, cols), make([]any, cols)
		for i := range row {
			at[i] = &row[i]
		}
		if err := rows.Scan(at...); err != nil {
			return nil, err
		}
		for i, v := range row {
			if raw, ok := v.([]byte); ok && !strings.Contains(kinds[i].DatabaseTypeName(), "BLOB") && !strings.Contains(kinds[i].DatabaseTypeName(), "BINARY") {
				row[i] = string(raw)
			}
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// restore makes the database what it was. Nobody else may be at work.
func (r *rig) restore(b backup) {
	r.t.Helper()
	tx, err := r.db.BeginTx(r.t.Context(), nil)
	require.NoError(r.t, err)
	defer func() { _ = tx.Rollback() }()
	for _, table := range b.tables {
		_, err := tx.ExecContext(r.t.Context(), "DELETE FROM "+table)
		require.NoError(r.t, err, table)
		mark := "(" + strings.TrimSuffix(strings.Repeat("?,", len(b.cols[table])), ",") + ")"
		for chunk := range slices.Chunk(b.rows[table], 100) {
			_, err := tx.ExecContext(r.t.Context(), "INSERT INTO "+table+" (`"+strings.Join(b.cols[table], "`,`")+"`) VALUES "+
				strings.TrimSuffix(strings.Repeat(mark+",", len(chunk)), ","), slices.Concat(chunk...)...)
			require.NoError(r.t, err, table)
		}
	}
	require.NoError(r.t, tx.Commit())
}

// bills are those of all carriers so far, without mistakes.
func (r *rig) bills() []resync.Bill {
	r.t.Helper()
	var all []resync.Bill
	for name, c := range r.Carriers {
		for _, day := range c.BillDays() {
			b, err := c.Bill(day, world.Mistakes{})
			require.NoError(r.t, err)
			m, err := bill.Default(name)
			require.NoError(r.t, err)
			all = append(all, resync.Bill{Carrier: name, Account: "main", Day: day, Name: name + " " + day, Mapping: m, File: bytes.NewReader(b.Body)})
		}
	}
	return all
}

// resync runs one beside the functions, as their own database user.
func (r *rig) resync(job resync.Job) resync.Result {
	r.t.Helper()
	env := r.CarrierEnv()
	key, err := base64.StdEncoding.DecodeString(env["QIANFAN_DATA_KEY"])
	require.NoError(r.t, err)
	db, err := store.Open(store.Options{DSN: r.AppDSN(), Key: key, MaxConns: 8})
	require.NoError(r.t, err)
	defer func() { require.NoError(r.t, db.Close()) }()
	set, err := carriers.FromEnv(func(name string) string { return env[name] }, settings.Deps{HTTP: stage.HTTP(), System: clock.System.Now, Vault: db.Vault("resync", clock.System.Now)})
	require.NoError(r.t, err)
	res, err := resync.Run(r.t.Context(), resync.Deps{Store: db, Carriers: set, Clock: bothClocks{r.Emulator}}, job)
	require.NoError(r.t, err)
	return res
}

// bothClocks is the emulator's clock as functions see it.
type bothClocks struct{ e *emulator.Emulator }

func (c bothClocks) System() time.Time  { return clock.System.Now() }
func (c bothClocks) Virtual() time.Time { return c.e.Clock.Now() }

// pushed lets n customers order at 美团, each some time after the one before.
func (r *rig) pushed(n int, apart time.Duration) []string {
	r.t.Helper()
	all := shops()
	var numbers []string
	for i := range n {
		numbers = append(numbers, r.push(world.OrderRequest{Shop: all[i%len(all)].Code}))
		if apart > 0 {
			ctx, cancel := context.WithTimeout(r.t.Context(), patience)
			require.NoError(r.t, r.Clock.Advance(ctx, apart))
			cancel()
		}
	}
	return numbers
}

// calm ends all faults.
func (r *rig) calm() {
	r.t.Helper()
	none := map[string]float64{}
	for _, k := range world.FaultKeys {
		none[k] = 0
	}
	require.NoError(r.t, r.Faults.Set(none))
}

// settled lets everything end, without any check, and stops time.
func (r *rig) settled() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	r.Clock.Freeze(false)
	require.NoError(r.t, r.Settle(ctx, r.log), "%s", r.dump())
	r.Clock.Freeze(true)
	r.rest()
}

// The database goes back to a moment at which orders were in all kinds of states. From what
// carriers know, resync and the functions bring every order to its end: no waybill is placed
// twice, and the books are the carriers' to the fen.
func TestResyncAfterARestore(t *testing.T) {
	t.Parallel()
	r := start(t, emulator.Options{Speed: 60, Faults: "standard", Seed: int64(fromEnv(t, "QIANFAN_RESYNC_SEED", 7))})
	r.Clock.Freeze(true)
	r.pushed(50, 5*time.Second)
	r.pushed(10, 0) // of these some are not even quoted
	since, before := r.Clock.Now(), r.backup()
	r.settled()
	r.calm()
	placed, ended := r.waybills(), r.ends()
	r.restore(before)
	const byState = "SELECT CONCAT(state, ' ', COUNT(*)) FROM orders GROUP BY state ORDER BY state"
	states := r.texts(byState)
	t.Logf("restored to: %v", states)

	dry := r.resync(resync.Job{Since: since, Bills: r.bills(), DryRun: true})
	require.Equal(t, states, r.texts(byState), "a dry run writes nothing")
	res := r.resync(resync.Job{Since: since, Bills: r.bills()})
	t.Logf("orders %d, queries %d, planted %d, asked again %d, gone %v, lost %v", res.Orders, res.Asked, res.PlantedCount, res.Told, res.Gone, res.LostOrders)
	require.Equal(t, dry.Planted, res.Planted, "the dry run told the same")
	require.Empty(t, res.Failed)
	require.Empty(t, res.LostOrders)
	require.Zero(t, res.StrayLines, "%v", res.Strays)
	require.NotZero(t, res.PlantedCount, "nothing was lost: the test proves nothing")
	require.NotZero(t, res.Told)
	require.NotEmpty(t, res.CouldNotKnow)

	again := r.resync(resync.Job{Since: since, Bills: r.bills()})
	require.Zero(t, again.PlantedCount, "planting again changes nothing: %v", again.Planted)

	s := r.settle()
	require.Equal(t, 60, s.Orders.Delivered+s.Orders.Cancelled+s.Orders.Failed+s.Orders.Returned)
	r.sameEnds(placed, ended)
}

// sameEnds requires that nothing was placed anew and that what was delivered is. One thing nobody
// can know: that a platform had cancelled an order of which no carrier ever had anything.
func (r *rig) sameEnds(placed []string, ended map[string]string) {
	r.t.Helper()
	now := r.waybills()
	for _, w := range placed {
		require.Contains(r.t, now, w)
	}
	unknowable := func(id string) bool {
		had := slices.ContainsFunc(placed, func(w string) bool { return strings.HasPrefix(w, id) })
		return ended[id] == "cancelled" && !had
	}
	for _, w := range now {
		number, _, _ := strings.Cut(w, " ")
		if id := number[:len(number)-3]; !slices.Contains(placed, w) {
			require.True(r.t, unknowable(id), "%s was placed anew; its order was %s", w, ended[id])
		}
	}
	for id, state := range r.ends() {
		require.True(r.t, (state == "delivered") == (ended[id] == "delivered") || unknowable(id), "order %s: %s, once %s", id, state, ended[id])
	}
}

// ends are the states of all orders, by id.
func (r *rig) ends() map[string]string {
	r.t.Helper()
	out := map[string]string{}
	for _, row := range r.texts("SELECT CONCAT(id, ' ', state) FROM orders") {
		id, state, _ := strings.Cut(row, " ")
		out[id] = state
	}
	return out
}

// waybills are our numbers in all carriers' books, sorted; none is there twice.
func (r *rig) waybills() []string {
	r.t.Helper()
	var all []string
	for name := range r.Carriers {
		for _, o := range r.carried(name) {
			all = append(all, fmt.Sprintf("%s %s %s", o.ClientNo, name, o.State))
		}
	}
	slices.Sort(all)
	return all
}

// Orders that came after the moment of the restore are gone, and their platform does not push
// again what was accepted: bills name each, and reconciling these disputes exactly their lines.
func TestResyncNamesOrdersThatAreGone(t *testing.T) {
	t.Parallel()
	r := start(t, emulator.Options{Speed: 60})
	r.Clock.Freeze(true)
	r.pushed(4, 5*time.Second)
	since, before := r.Clock.Now(), r.backup()
	gone := r.pushed(3, 5*time.Second)
	ids := r.texts("SELECT CAST(id AS CHAR) FROM orders WHERE no IN ('" + strings.Join(gone, "','") + "') ORDER BY id")
	r.settled()
	r.restore(before)

	require.Empty(t, r.resync(resync.Job{Since: since, DryRun: true}).LostOrders, "without a bill nobody names them")
	res := r.resync(resync.Job{Since: since, Bills: r.bills()})
	var named []string
	for _, o := range res.LostOrders {
		named = append(named, fmt.Sprint(o.ID))
	}
	require.Equal(t, ids, named)
	require.Equal(t, len(res.Strays), res.StrayLines)
	require.Contains(t, strings.Join(res.CouldNotKnow, "\n"), "3 orders that bills or carriers name")

	r.settled()
	require.Empty(t, r.texts("SELECT no FROM orders WHERE state <> 'delivered'"))
	require.Equal(t, 4, one[int](r, "SELECT COUNT(*) FROM orders"), "no platform pushed them again")
	var disputed []string
	for _, b := range r.bills() {
		done, err := billimport.Run(t.Context(), r.Store, store.Act{By: "test", At: clock.System.Now()}, b.File,
			billimport.Job{Carrier: b.Carrier, Account: b.Account, Day: b.Day, Mapping: b.Mapping, DryRun: true, Options: reconcile.Options{Limit: 1000, Late: 2 * time.Hour}}, r.Clock.Now())
		require.NoError(t, err)
		for _, f := range done.Findings {
			require.Equal(t, reconcile.UnknownWaybill, f.Why, "%+v", f)
			disputed = append(disputed, fmt.Sprintf("%s %d", b.Name, f.Line.No))
		}
	}
	var strays []string
	for _, s := range res.Strays {
		strays = append(strays, fmt.Sprintf("%s %d", s.Bill, s.Line))
	}
	require.ElementsMatch(t, strays, disputed)
}

// Of orders that are gone while riders carry them nobody follows the waybill. Their carriers go
// on to speak of them: a later run names each without any bill, and asks about nothing else.
func TestResyncHearsOfOrdersThatAreGone(t *testing.T) {
	t.Parallel()
	r := start(t, emulator.Options{Speed: 60})
	r.Clock.Freeze(true)
	since, before := r.Clock.Now(), r.backup()
	r.pushed(3, 20*time.Second)
	r.rest()
	ids := r.texts("SELECT CAST(id AS CHAR) FROM orders o WHERE EXISTS (SELECT 1 FROM attempt a WHERE a.order_id = o.id AND a.confirmed) ORDER BY id")
	require.NotEmpty(t, ids, "nobody carries anything: the test proves nothing")
	r.restore(before)
	require.Empty(t, r.resync(resync.Job{Since: since}).LostOrders, "nobody has said a word yet")
	r.settled()

	res := r.resync(resync.Job{Since: since})
	var named []string
	for _, o := range res.LostOrders {
		named = append(named, fmt.Sprint(o.ID))
	}
	require.Equal(t, ids, named)
	require.Empty(t, res.Failed)
	require.Zero(t, res.PlantedCount)
}

// An order of 京东 of which only the number had come by the moment of the restore, while 京东 did
// not say more of it, keeps the waybill that it got since, and learns once more what it is paid.
func TestResyncOfAnOrderThatWasOnlyANumber(t *testing.T) {
	t.Parallel()
	r := start(t, emulator.Options{Speed: 60})
	r.Clock.Freeze(true)
	r.script(world.Script{Party: "jd", Fault: world.CallHang, Times: 3})
	_, answered, err := r.JD().Begin(world.OrderRequest{Shop: shops()[0].Code})
	require.NoError(t, err)
	accepted, err := answered(t.Context())
	require.NoError(t, err)
	require.True(t, accepted)
	r.rest()
	since, before := r.Clock.Now(), r.backup()
	require.Equal(t, []string{"received 0"}, r.texts("SELECT CONCAT(state, ' ', fee_fen) FROM orders"), "京东 has told too much")
	r.runUntil("a placement", func() bool { return len(r.waybills()) > 0 })
	r.rest()
	placed := len(r.waybills())
	r.restore(before)

	res := r.resync(resync.Job{Since: since})
	require.Equal(t, 1, res.PlantedCount)
	require.Len(t, res.Unplanned, 1)
	s := r.settle()
	require.Equal(t, 1, s.Orders.Delivered)
	require.Len(t, r.waybills(), placed, "nobody was placed anew")
	require.Positive(t, one[int](r, "SELECT SUM(amount) FROM fact WHERE kind = 'income'"), "what 京东 pays is booked")
}
