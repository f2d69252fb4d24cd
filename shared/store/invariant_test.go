package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// world is a small history at rest: an order delivered, one cancelled at a cost, one whose
// race was lost and won, and a parked event that is decided.
type world struct {
	fixture
	delivered, cancelled, raced int64
	books                       []store.CarrierBook
	told                        map[store.ToldKey][]order.State
}

func healthy(t testing.TB) world {
	t.Helper()
	return healthyIn(t, open(t))
}

// healthyIn is a healthy world in a database that is open.
func healthyIn(t testing.TB, f fixture) world {
	t.Helper()
	w := world{fixture: f}
	w.shards(t, 100_000, 3)
	w.fixture.delivered(t)
	w.delivered = one[int64](t, w.fixture, "SELECT id FROM orders")
	w.cancelled, w.raced = w.cancelledOrder(t), w.racedOrder(t)
	ids := []int64{w.delivered, w.cancelled, w.raced}
	_, err := w.Settle(t.Context(), ids, now)
	require.NoError(t, err)
	w.post(t, ledger.BillDispute("1:7", "uupt", "main", 120, now))
	w.seal(t)
	w.exec(t, "INSERT INTO money_item (party, account, kind, state, source, source_id, theirs_fen, suspense_fen, owner, opened_at, k) VALUES ('uupt', 'main', 'overbilled', 'disputed', 'bill', 1, 120, 120, 'li', 1, 'i')")
	leased, err := w.LeaseReports(t.Context(), ids, "me", now, now.Add(time.Minute))
	require.NoError(t, err)
	var told []store.TellResult
	w.told = map[store.ToldKey][]order.State{}
	for _, l := range leased {
		for _, m := range l.Milestones {
			k := store.ToldKey{Platform: l.Order.Platform, No: l.Order.No}
			w.told[k] = append(w.told[k], m.State)
		}
		told = append(told, store.TellResult{Order: l.Order.ID, Told: l.Order.Milestone})
	}
	require.NoError(t, w.SaveTold(t.Context(), "me", told))
	parked, _ := event(t, "", "stranger", "h1")
	require.NoError(t, w.Park(t.Context(), []store.Parked{parked}, now.Add(-time.Hour)))
	require.Empty(t, w.take(t, now))
	w.books = []store.CarrierBook{
		{Carrier: "shansong", Account: "main", BalanceFen: 100_000 - 900 - 300 - 900, Orders: []store.CarrierBookOrder{
			{CarrierNo: order.OurNo(w.delivered, 1) + "-c", ClientNo: order.OurNo(w.delivered, 1), ChargedFen: 900},
			{CarrierNo: "tdh-c", ClientNo: order.OurNo(w.cancelled, 1), ChargedFen: 300, PenaltyFen: 300},
			{CarrierNo: "tdh-r", ClientNo: "lost by the carrier", ChargedFen: 900},
			{CarrierNo: "quoted only", ClientNo: order.OurNo(w.delivered, 9)},
		}},
		{Carrier: "uupt", Account: "main", BalanceFen: 50_000 - 40, Orders: []store.CarrierBookOrder{{CarrierNo: "uu-r", ClientNo: order.OurNo(w.raced, 2), ChargedFen: 40, PenaltyFen: 40}}},
	}
	return w
}

func of(carrier string, n int, kind string, amount money.Fen, cause string) order.Fact {
	return order.Fact{N: n, Kind: kind, Amount: amount, Party: carrier, Account: "main", Cause: cause}
}

// cancelledOrder is cancelled by its platform after placing: 违约金 300 out, 200 in.
func (f fixture) cancelledOrder(t testing.TB) int64 {
	t.Helper()
	id := f.orders(t, 1)[0]
	no := f.load(t, id).No
	_, err := f.Commands(t.Context(), []store.NewCommand{{Platform: "meituan", No: no, Command: cancel("c1")}}, now)
	require.NoError(t, err)
	f.change(t, id, []store.Hold{{Carrier: "shansong", Account: "main", Amount: 1000}}, func(x *turn.Turn) {
		step(x, "order", 0, "received", "quoted")
		step(x, "order", 0, "quoted", "dispatching")
		tell(x)
		step(x, "attempt", 1, "", "intent")
		step(x, "attempt", 1, "intent", "placed")
		step(x, "order", 0, "dispatching", "cancelling")
		step(x, "attempt", 1, "placed", "cancelling")
		step(x, "attempt", 1, "cancelling", "placed") // refused at first
		step(x, "attempt", 1, "placed", "cancelling")
		step(x, "attempt", 1, "cancelling", "cancelled")
		step(x, "order", 0, "cancelling", "cancelled")
		tell(x)
		fact(x, of("shansong", 1, order.FactHold, 1000, ""))
		fact(x, of("shansong", 1, order.FactPenalty, 300, order.CauseCancelled))
		fact(x, of("shansong", 1, order.FactRelease, 700, ""))
		fact(x, order.Fact{Kind: order.FactPenaltyIn, Amount: 200, Party: "meituan", Cause: "customer"})
		x.State, x.Goal, x.Penalty, x.ActAt, x.Timers = order.Cancelled, order.ToCancel, 200, time.Time{}, nil
		x.Attempts = []*order.Attempt{{N: 1, Carrier: "shansong", Account: "main", CarrierNo: "tdh-c", State: order.AttemptCancelled, Penalty: 300, Confirmed: true, Cause: order.CauseCancelled}}
		x.Changed[1] = true
		x.Refs = []turn.Ref{{Carrier: "shansong", CarrierNo: "tdh-c", N: 1}}
		x.Decided = []*order.Command{{Key: "c1", Applied: 5, Decision: order.Applied}}
	})
	return id
}

// racedOrder is delivered by 闪送; 跑腿 lost the race and kept 40.
func (f fixture) racedOrder(t testing.TB) int64 {
	t.Helper()
	_, err := f.Deposit(t.Context(), "uu", "uupt", "main", 50_000, 1, now)
	require.NoError(t, err)
	id := f.orders(t, 1)[0]
	f.change(t, id, []store.Hold{{Carrier: "shansong", Account: "main", Amount: 900}, {Carrier: "uupt", Account: "main", Amount: 880}}, func(x *turn.Turn) {
		step(x, "order", 0, "received", "quoted")
		step(x, "order", 0, "quoted", "dispatching")
		tell(x)
		for n := 1; n <= 2; n++ {
			step(x, "attempt", n, "", "intent")
			step(x, "attempt", n, "intent", "placed")
		}
		step(x, "attempt", 1, "placed", "accepted")
		step(x, "order", 1, "dispatching", "assigned")
		tell(x)
		step(x, "attempt", 2, "placed", "cancelling")
		step(x, "attempt", 2, "cancelling", "cancelled")
		step(x, "attempt", 1, "accepted", "delivered")
		step(x, "order", 1, "assigned", "delivered")
		tell(x)
		x.Events = append(x.Events, order.EventRow{Key: "again", N: 1, Kind: "callback", To: "delivered", Decision: order.Ignored, At: now})
		fact(x, of("shansong", 1, order.FactHold, 900, ""))
		fact(x, of("uupt", 2, order.FactHold, 880, ""))
		fact(x, of("uupt", 2, order.FactPenalty, 40, order.CauseLostRace))
		fact(x, of("uupt", 2, order.FactRelease, 840, ""))
		fact(x, of("shansong", 1, order.FactCapture, 900, ""))
		fact(x, order.Fact{Kind: order.FactIncome, Amount: 1200, Party: "meituan"})
		x.State, x.Winner, x.ActAt, x.Timers = order.Delivered, 1, time.Time{}, nil
		x.Attempts = []*order.Attempt{
			{N: 1, Carrier: "shansong", Account: "main", CarrierNo: "tdh-r", State: order.AttemptDelivered, Booked: 900, Confirmed: true},
			{N: 2, Carrier: "uupt", Account: "main", CarrierNo: "uu-r", State: order.AttemptCancelled, Penalty: 40, Confirmed: true, Cause: order.CauseLostRace, Resolved: true},
		}
		x.Changed = map[int]bool{1: true, 2: true}
		x.Refs = []turn.Ref{{Carrier: "shansong", CarrierNo: "tdh-r", N: 1}, {Carrier: "uupt", CarrierNo: "uu-r", N: 2}}
	})
	return id
}

func (w world) check(t testing.TB) store.InvariantReport {
	t.Helper()
	report, err := w.CheckInvariants(t.Context(), now, store.InvariantOptions{AtRest: true, Books: w.books, Told: w.told})
	require.NoError(t, err)
	return report
}

func TestAHealthyWorldBreaksNoRule(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	report := w.check(t)
	require.Empty(t, report.Violated)
	require.Equal(t, store.BooksReport{Matched: true, Compared: 7, Details: []string{}}, report.Books)
	rules, sum := map[int]bool{}, 0
	for _, r := range report.Rules {
		require.Positive(t, r.Checked, "%d %s", r.Rule, r.Name)
		require.Contains(t, []string{store.Always, store.AtRest}, r.Kind)
		rules[r.Rule] = true
		sum += r.Checked
	}
	require.Len(t, rules, 12, "every rule is checked")
	require.Equal(t, sum, report.Checked)
}

// The rules hold in the middle of everything, not only at rest.
func TestRulesHoldBeforeAnythingIsPosted(t *testing.T) {
	t.Parallel()
	w := world{fixture: open(t)}
	w.shards(t, 100_000, 3)
	id := w.orders(t, 1)[0]
	w.change(t, id, []store.Hold{{Carrier: "shansong", Account: "main", Amount: 1000}}, func(x *turn.Turn) {
		step(x, "order", 0, "received", "quoted")
		step(x, "order", 0, "quoted", "dispatching")
		tell(x)
		step(x, "attempt", 1, "", "intent")
		fact(x, of("shansong", 1, order.FactHold, 1000, ""))
		x.State = order.Dispatching
		x.Attempts = []*order.Attempt{{N: 1, Carrier: "shansong", Account: "main", State: order.Intent, Held: 1000}}
		x.Changed[1] = true
	})
	w.fixture.delivered(t)
	for range 2 {
		report, err := w.CheckInvariants(t.Context(), now, store.InvariantOptions{})
		require.NoError(t, err)
		require.Empty(t, report.Violated)
		_, err = w.Settle(t.Context(), []int64{id}, now)
		require.NoError(t, err)
	}
}

func TestACheckOfNothingFails(t *testing.T) {
	t.Parallel()
	f := open(t)
	report, err := f.CheckInvariants(t.Context(), now, store.InvariantOptions{AtRest: true})
	require.ErrorIs(t, err, store.ErrNothingChecked)
	require.Empty(t, report.Violated)
}

// Every rule catches what breaks it.
func TestABrokenRuleIsCaught(t *testing.T) {
	t.Parallel()
	const delivered, cancelled, raced = "id = :delivered", "id = :cancelled", "id = :raced"
	for _, c := range []struct {
		rule  int
		name  string // of the check
		plant string // SQL; :delivered and so on are order ids
	}{
		{1, "every order wakes or is closed", "UPDATE orders SET state = 'assigned' WHERE " + delivered},
		{1, "every order wakes or is closed", "UPDATE orders SET told = 0 WHERE " + raced},
		{1, "every order wakes or is closed", "UPDATE attempt SET state = 'placed' WHERE order_id = :cancelled"},
		{1, "every order wakes or is closed", "UPDATE fact SET posted_at = NULL WHERE order_id = :cancelled AND seq = 1"},
		{1, "every order wakes or is closed", "UPDATE order_command SET applied_version = NULL"},
		{1, "every acknowledged number has its order", "INSERT INTO order_key (platform, no, order_id, hash) VALUES ('jd', 'lost', 77, '')"},
		{1, "every acknowledged command is answered", "UPDATE order_command SET applied_version = NULL"},
		{2, "one attempt at most is booked as the delivery", "UPDATE fact SET kind = 'capture' WHERE order_id = :raced AND kind = 'penalty'"},
		{2, "any other charge is itemised as lost race, with an alarm", "UPDATE attempt SET booked_fen = 40, penalty_fen = 0 WHERE order_id = :raced AND n = 2"},
		{2, "any other charge is itemised as lost race, with an alarm", "UPDATE orders SET winner = 2, attention = 'alarmed, but booked as a delivery' WHERE " + raced},
		{3, "debits equal credits in each transaction", "UPDATE ledger_entry SET amount_fen = amount_fen + 1 ORDER BY id DESC LIMIT 1"},
		{3, "debits equal credits in each transaction", "DELETE FROM ledger_entry WHERE order_id = :delivered ORDER BY id LIMIT 1"},
		{4, "shards equal the fold of entries", "UPDATE prepaid_shard SET free_fen = free_fen + 1 WHERE shard = 2"},
		{4, "shards equal the fold of entries", "DELETE FROM prepaid_shard WHERE carrier = 'uupt'"},
		{4, "what is held equals the fold of entries", "UPDATE attempt SET held_fen = 5 WHERE order_id = :raced AND n = 2"},
		{4, "sealed balances equal the fold of entries", "UPDATE ledger_balance SET debit_fen = debit_fen + 1 WHERE account = 'income:delivery:meituan'"},
		{4, "sealed balances equal the fold of entries", "DELETE FROM ledger_balance WHERE account = 'income:delivery:meituan'"},
		{5, "suspense is itemised", "UPDATE money_item SET suspense_fen = 119"},
		{5, "suspense is itemised", "UPDATE money_item SET state = 'resolved'"},
		{9, "statements and lines to come sum to what platforms owe", "UPDATE ledger_entry SET reason = 'gift' WHERE account = 'platform:meituan:receivable' LIMIT 1"},
		{6, "no hold on a closed order", "UPDATE attempt SET held_fen = 5 WHERE order_id = :raced AND n = 2"},
		{7, "versions have no gaps", "UPDATE orders SET version = version + 1 WHERE " + delivered},
		{7, "versions have no gaps", "DELETE FROM order_event WHERE order_id = :delivered AND version = 3"},
		{7, "versions have no gaps", "DELETE FROM order_event WHERE order_id = :delivered"},
		{7, "history leads to the order's state", "UPDATE orders SET state = 'failed' WHERE " + cancelled},
		{7, "history leads to the order's state", "UPDATE order_event SET from_name = 'quoted' WHERE order_id = :raced AND kind = 'order' AND from_name = 'assigned'"},
		{7, "history leads to the attempt's state", "UPDATE attempt SET state = 'returned' WHERE order_id = :cancelled"},
		{7, "only legal transitions", "UPDATE order_event SET to_name = 'assigned' WHERE order_id = :delivered AND to_name = 'quoted'"},
		{7, "only legal transitions", "INSERT INTO order_event VALUES (:delivered, 'zombie', 99, 0, 'order', 'delivered', 'dispatching', 'applied', FALSE, 0, NULL, NULL)"},
		{7, "only legal transitions", "INSERT INTO order_event VALUES (:delivered, 'zombie', 99, 1, 'attempt', 'delivered', 'placed', 'applied', FALSE, 0, NULL, NULL)"},
		{8, "a number is one order", "UPDATE orders SET no = (SELECT no FROM order_key WHERE order_id = :raced) WHERE " + delivered},
		{8, "facts are stated once", "INSERT INTO fact SELECT order_id, n, 'overdraw', seq, amount, party, account, shard, cause, at, posted_at FROM fact WHERE order_id = :delivered AND kind = 'hold'"},
		{8, "each posted fact is one transaction", "INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, reason, event_at, posted_at, period) SELECT CONCAT(tx, '!'), account, debit, amount_fen, order_id, reason, event_at, posted_at, period FROM ledger_entry WHERE order_id = :raced"},
		{9, "the platform owes what the order's end says", "UPDATE orders SET fee_fen = 1201 WHERE " + delivered},
		{9, "the platform owes what the order's end says", "UPDATE orders SET penalty_fen = 100 WHERE " + cancelled},
		{9, "the platform owes what the order's end says", "UPDATE orders SET goal = 'failed' WHERE " + cancelled},
		{9, "an attempt is the fold of its facts", "UPDATE attempt SET penalty_fen = 301 WHERE order_id = :cancelled"},
		{9, "orders sum to the accounts", "UPDATE ledger_entry SET account = 'income:delivery:jd' WHERE account = 'income:delivery:meituan' AND order_id = :raced"},
		{9, "orders sum to the accounts", "UPDATE fact SET kind = 'gift' WHERE kind = 'income' AND order_id = :raced"},
		{10, "a carrier's number is one attempt", "UPDATE attempt SET carrier_no = 'tdh-c' WHERE order_id = :delivered"},
		{10, "a carrier's number is one attempt", "DELETE FROM carrier_ref WHERE order_id = :cancelled"},
		{10, "every parked event is decided", "UPDATE parked_event SET due_at = 5"},
		{10, "every parked event is decided", "UPDATE parked_event SET decision = ''"},
		{10, "every input has one decision", "UPDATE order_event SET decision = '' WHERE input_key = 'again'"},
		{11, "the platform was told every milestone", "UPDATE orders SET told = 0, tell_at = 5 WHERE " + raced},
		{11, "the last milestone is known, and is the end of what is over", "UPDATE orders SET told = 3, milestone = 3 WHERE " + delivered},
		{11, "the last milestone is known, and is the end of what is over", "UPDATE order_event SET milestone = FALSE WHERE order_id = :cancelled AND to_name = 'cancelled'"},
		{11, "the platform heard every milestone in order", "UPDATE order_event SET milestone = TRUE WHERE order_id = :raced AND to_name = 'quoted'"},
		{12, "no hold was granted below the floor", "UPDATE prepaid_shard SET free_fen = IF(shard = 0, -1, free_fen) WHERE carrier = 'shansong'"},
	} {
		t.Run(fmt.Sprintf("%d %s", c.rule, c.name), func(t *testing.T) {
			t.Parallel()
			w := healthy(t)
			w.plantSQL(t, c.plant)
			w.requireBroken(t, w.check(t), c.rule, c.name)
		})
	}
}

func (w world) plantSQL(t testing.TB, query string) {
	t.Helper()
	for name, id := range map[string]int64{":delivered": w.delivered, ":cancelled": w.cancelled, ":raced": w.raced} {
		query = strings.ReplaceAll(query, name, fmt.Sprint(id))
	}
	res, err := w.db.ExecContext(t.Context(), query)
	require.NoError(t, err, query)
	n, err := res.RowsAffected()
	require.NoError(t, err)
	require.Positive(t, n, "nothing was planted: %s", query)
}

func (w world) requireBroken(t testing.TB, report store.InvariantReport, rule int, name string) {
	t.Helper()
	for _, v := range report.Violated {
		if v.Rule == rule && v.Name == name {
			require.NotEmpty(t, v.Detail)
			return
		}
	}
	require.Fail(t, "not caught", "%d %s among %+v", rule, name, report.Violated)
}

func TestBooksThatDifferAreCaught(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	for name, c := range map[string]struct {
		rule   int
		check  string
		change func(b []store.CarrierBook)
	}{
		"another balance":       {5, "prepaid equals the carrier's balance", func(b []store.CarrierBook) { b[1].BalanceFen++ }},
		"another charge":        {10, "every carrier charge is one attempt's", func(b []store.CarrierBook) { b[0].Orders[1].ChargedFen++ }},
		"charged for nobody":    {10, "every carrier charge is one attempt's", func(b []store.CarrierBook) { b[0].Orders[3].ChargedFen = 7 }},
		"charged twice":         {10, "every carrier charge is one attempt's", func(b []store.CarrierBook) { b[0].Orders = append(b[0].Orders, b[0].Orders[0]) }},
		"booked, never charged": {10, "every carrier charge is one attempt's", func(b []store.CarrierBook) { b[1].Orders = nil }},
		"in the wrong account":  {10, "every carrier charge is one attempt's", func(b []store.CarrierBook) { b[1].Account = "other" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mine := w
			mine.books = nil
			for _, b := range w.books {
				b.Orders = append([]store.CarrierBookOrder{}, b.Orders...)
				mine.books = append(mine.books, b)
			}
			c.change(mine.books)
			report := mine.check(t)
			w.requireBroken(t, report, c.rule, c.check)
			require.False(t, report.Books.Matched)
			require.Positive(t, report.Books.Differences)
			require.NotEmpty(t, report.Books.Details)
		})
	}
}

func TestWhatThePlatformHeard(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	no := w.load(t, w.raced).No
	key := store.ToldKey{Platform: "meituan", No: no}
	const d, a, x = order.Dispatching, order.Assigned, order.Delivered
	heard := func(states ...order.State) bool {
		told := map[store.ToldKey][]order.State{}
		for k, v := range w.told {
			told[k] = v
		}
		told[key] = states
		report, err := w.CheckInvariants(t.Context(), now, store.InvariantOptions{AtRest: true, Told: told})
		require.NoError(t, err)
		return len(report.Violated) == 0
	}
	require.True(t, heard(d, a, x))
	require.True(t, heard(d, a, d, a, x), "a crash repeats")
	require.True(t, heard(d, d, a, x, x))
	require.False(t, heard(), "nothing was heard")
	require.False(t, heard(d, x), "one was skipped")
	require.False(t, heard(a, d, x), "out of order")
	require.False(t, heard(d, a), "the end is missing")
	require.False(t, heard(d, a, x, a), "the last word is not the last milestone")
	require.False(t, heard(d, a, x, order.Failed), "never said")

	// A platform that has no word for a state is not told it.
	told := w.told
	told[key] = []order.State{a, x}
	for k, v := range told {
		if k != key {
			told[k] = v[1:]
		}
	}
	report, err := w.CheckInvariants(t.Context(), now, store.InvariantOptions{AtRest: true, Told: told, Heard: func(_ string, s order.State) bool { return s != d }})
	require.NoError(t, err)
	require.Empty(t, report.Violated)
}

// While the system works, rules of rest are asked only of what is older than five minutes.
func TestRulesOfRestWaitFiveMinutes(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	w.plantSQL(t, "UPDATE order_command SET applied_version = NULL")
	w.plantSQL(t, "UPDATE orders SET act_at = 5, tell_at = 5, told = 0 WHERE id = :cancelled")
	books := []store.CarrierBook{{Carrier: "shansong", Account: "main"}}
	count := func(at time.Time) int {
		report, err := w.CheckInvariants(t.Context(), at, store.InvariantOptions{Books: books})
		require.NoError(t, err)
		return len(report.Violated)
	}
	require.Zero(t, count(now.Add(4*time.Minute)))
	// The command, the milestones, and three attempts that the carrier's book does not know.
	require.Equal(t, 5, count(now.Add(6*time.Minute)))
}
