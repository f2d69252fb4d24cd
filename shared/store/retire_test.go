package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// retention of these tests: a gap of months would have to be filled with partitions first.
const retention = 24 * time.Hour

// mint makes an order id of a system instant.
func mint(at time.Time) int64 {
	return order.NewIDs(func() time.Time { return at }, rand.New(rand.NewPCG(1, 2))).Next()
}

// kept is a healthy world whose day has its partitions, and the first instant at which that day may go.
func kept(t testing.TB) (world, time.Time) {
	t.Helper()
	w := healthy(t)
	w.housekeep(t, ofToday())
	return w, ofToday().Add(retention + 48*time.Hour)
}

// retire keeps house at a system instant, with a short retention.
func (w world) retire(t testing.TB, system time.Time) store.HousekeepReport {
	t.Helper()
	report, err := w.Housekeep(t.Context(), store.HousekeepOptions{System: system, Virtual: now, Retention: retention})
	require.NoError(t, err)
	return report
}

func dropped(report store.HousekeepReport) int { return len(report.Dropped) }

func TestADayPastItsRetentionGoesWithItsKeys(t *testing.T) {
	t.Parallel()
	w, late := kept(t)
	report := w.retire(t, late.Add(-49*time.Hour))
	require.Zero(t, dropped(report), "not a day too soon")

	young := w.later(t, late.Add(-time.Hour))
	report = w.retire(t, late)
	require.Empty(t, report.Kept)
	require.GreaterOrEqual(t, dropped(report), len(dayTables))
	for _, table := range dayTables {
		require.Contains(t, strings.Join(report.Dropped, " "), table+" p")
	}
	require.Equal(t, young, one[int64](t, w.fixture, "SELECT id FROM orders"), "only the young one is left")
	for _, query := range []string{"SELECT COUNT(*) FROM order_key WHERE order_id <> ?", "SELECT COUNT(*) FROM carrier_ref WHERE order_id <> ?", "SELECT COUNT(*) FROM fact WHERE order_id <> ?", "SELECT COUNT(*) FROM order_event WHERE order_id <> ?"} {
		require.Zero(t, one[int](t, w.fixture, query, young), query)
	}
	require.Equal(t, 3, report.Purged["order_key"])
	require.NotZero(t, one[int](t, w.fixture, "SELECT COUNT(*) FROM ledger_entry WHERE order_id > 0"), "the ledger stays")

	checked, err := w.CheckInvariants(t.Context(), now, store.InvariantOptions{AtRest: true, Books: w.books, Told: w.told})
	require.NoError(t, err)
	for _, v := range checked.Violated {
		require.Contains(t, v.Detail, "lost by the carrier", "only what cannot be traced without the attempt: %+v", v)
	}
	require.True(t, w.retire(t, late.Add(time.Hour)).Idle())
}

// later stores an order that was minted at an instant and is closed.
func (w world) later(t testing.TB, at time.Time) int64 {
	t.Helper()
	x := newOrder("later")
	x.Order.ID = mint(at)
	_, err := w.Intake(t.Context(), "later", []store.NewOrder{x}, now)
	require.NoError(t, err)
	return x.Order.ID
}

// What is owed keeps its day, and the days after it.
func TestADayInWhichSomethingIsOwedStays(t *testing.T) {
	t.Parallel()
	for what, plant := range map[string]string{
		"orders are not closed":     "UPDATE orders SET act_at = 5 WHERE id = ?",
		"facts are not posted":      "UPDATE fact SET posted_at = NULL WHERE order_id = ?",
		"commands are not answered": "INSERT INTO order_command SELECT id, 'c9', 'cancel', '', '', '', 0, 0, NULL, '', NULL FROM orders WHERE id = ?",
		"attempts hold money":       "UPDATE attempt SET held_fen = 7 WHERE order_id = ?",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w, late := kept(t)
			w.exec(t, plant, w.delivered)
			before := w.partitions(t, "orders")
			report := w.retire(t, late)
			require.Contains(t, report.Kept, what)
			require.False(t, report.Idle(), "somebody must be told")
			require.Zero(t, dropped(report))
			require.Contains(t, w.partitions(t, "orders"), strings.TrimSuffix(before, ",pmax"))
			require.Equal(t, 3, one[int](t, w.fixture, "SELECT COUNT(*) FROM orders"))
			require.Equal(t, 3, one[int](t, w.fixture, "SELECT COUNT(*) FROM order_key WHERE order_id > 0"))
		})
	}
}

// An instance that ends between two tables leaves the rest to the next.
func TestADayThatIsHalfGoneGoesOn(t *testing.T) {
	t.Parallel()
	w, late := kept(t)
	asked := 0
	o := store.HousekeepOptions{System: late, Virtual: now, Retention: retention, Late: func() bool { asked++; return asked > 8+4+3 }}
	report, err := w.Housekeep(t.Context(), o)
	require.NoError(t, err)
	require.True(t, report.Unfinished)
	require.Contains(t, report.Dropped[0], "orders p")
	require.Less(t, dropped(report), 4*len(dayTables))
	w.check(t) // no rule is broken in between
	o.Late = nil
	_, err = w.Housekeep(t.Context(), o)
	require.NoError(t, err)
	for _, table := range dayTables {
		column := "order_id"
		if table == "orders" {
			column = "id"
		}
		require.Zero(t, one[int](t, w.fixture, "SELECT COUNT("+column+") FROM "+table), table)
	}
}

// A platform that cancels an order of which only the number is left hears that nobody knows it.
func TestACommandForARetiredOrderLeavesNoRow(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.exec(t, "INSERT INTO order_key (platform, no, order_id, hash) VALUES ('meituan', 'old', 5, '')")
	stored, err := f.Commands(t.Context(), []store.NewCommand{{Platform: "meituan", No: "old", Command: cancel("c1")}}, now)
	require.NoError(t, err)
	require.Equal(t, []store.CommandStored{{Tombstone: true}}, stored)
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM order_command"))
}

func TestSmallTablesArePurgedByAge(t *testing.T) {
	t.Parallel()
	f := open(t)
	ms := func(age time.Duration) int64 { return now.Add(-age).UnixMilli() }
	day := 24 * time.Hour
	f.exec(t, "INSERT INTO intake_batch SELECT CONCAT('old', n), TRUE, ? FROM ("+numbers(2500)+") x", ms(7*day+time.Second))
	f.exec(t, "INSERT INTO intake_batch VALUES ('young', TRUE, ?)", ms(7*day-time.Second))
	parked := "INSERT INTO parked_event (carrier, our_no, carrier_no, hash, item, first_at, due_at, decision) VALUES ('uupt', '', '', ?, 'x', ?, ?, ?)"
	f.exec(t, parked, "decided and old", ms(31*day), nil, "late")
	f.exec(t, parked, "decided", ms(29*day), nil, "late")
	f.exec(t, parked, "undecided", ms(31*day), ms(0), "")
	letter := "INSERT INTO dead_letter (msg_key, topic, body, at, tries, state) VALUES (?, 'order-status', 'x', ?, 0, ?)"
	f.exec(t, letter, "done and old", ms(31*day), "done")
	f.exec(t, letter, "done", ms(29*day), "done")
	f.exec(t, letter, "redriven", ms(31*day), "redriven")
	f.exec(t, letter, "redriven and old", ms(93*day), "redriven")
	f.exec(t, letter, "waiting", ms(300*day), "waiting")
	tombstone := "INSERT INTO order_key (platform, no, order_id, hash, tombstone_at) VALUES ('jd', ?, 0, '', ?)"
	f.exec(t, tombstone, "old", ms(93*day))
	f.exec(t, tombstone, "young", ms(91*day))

	report := f.housekeep(t, ofToday())
	require.Equal(t, map[string]int{"intake_batch": 2500, "parked_event": 1, "dead_letter": 2, "order_key": 1}, report.Purged)
	require.Equal(t, "young", one[string](t, f, "SELECT id FROM intake_batch"))
	require.Equal(t, "decided,undecided", one[string](t, f, "SELECT GROUP_CONCAT(hash ORDER BY hash) FROM parked_event"))
	require.Equal(t, "done,redriven,waiting", one[string](t, f, "SELECT GROUP_CONCAT(msg_key ORDER BY msg_key) FROM dead_letter"))
	require.Equal(t, "young", one[string](t, f, "SELECT no FROM order_key"))
}

// Whoever reads and writes while days come and go notices nothing: a snapshot that met a change begins again.
func TestDaysComeAndGoUnderReadersAndWriters(t *testing.T) {
	t.Parallel()
	w, late := kept(t)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var turns [3]int
	for i, work := range []func(ctx context.Context) error{
		func(ctx context.Context) error {
			report, err := w.CheckInvariants(ctx, now, store.InvariantOptions{})
			if err == nil && len(report.Violated) > 0 {
				err = fmt.Errorf("violated: %+v", report.Violated)
			}
			return err
		},
		func(ctx context.Context) error { _, _, err := w.OrderByID(ctx, w.delivered); return err },
		func(ctx context.Context) error {
			x := newOrder(fmt.Sprintf("n%d", turns[2]))
			x.Order.ID = mint(late) + int64(turns[2])
			_, err := w.Intake(ctx, "b"+x.Order.No, []store.NewOrder{x}, now)
			return err
		},
	} {
		group.Go(func() {
			for ; ctx.Err() == nil; turns[i]++ {
				if err := work(context.WithoutCancel(ctx)); err != nil {
					t.Errorf("worker %d: %v", i, err)
					return
				}
			}
		})
	}
	gone := 0
	for day := range 3 { // what is too busy to be changed now is changed the next time
		report, err := w.Housekeep(t.Context(), store.HousekeepOptions{System: late.Add(time.Duration(day) * 24 * time.Hour), Virtual: now, Retention: retention})
		t.Logf("day %d: created %d, dropped %d, %v", day, len(report.Created), len(report.Dropped), err)
		gone += dropped(report)
	}
	cancel()
	group.Wait()
	require.Positive(t, gone)
	for _, n := range turns {
		require.Positive(t, n)
	}
	require.Equal(t, turns[2], one[int](t, w.fixture, "SELECT COUNT(*) FROM orders WHERE no LIKE 'n%'"))
}
