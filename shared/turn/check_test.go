package turn_test

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/turn"
	"github.com/stretchr/testify/require"
)

// checkTurn checks what must hold after every turn, whatever its inputs were.
func checkTurn(d *desk, t *turn.Turn) {
	d.t.Helper()
	checkHistory(d, t)
	checkMoves(d, t)
	checkMoney(d, t)
	checkCalls(d, t)
	checkDue(d, t)
	checkOwed(d, t)
}

// Versions have no gaps, keys no repeats.
func checkHistory(d *desk, t *turn.Turn) {
	d.t.Helper()
	version, keys := d.agg.Version, map[string]bool{}
	for _, e := range t.Events {
		_, before := d.seen[e.Key]
		require.False(d.t, before || keys[e.Key], "input key %s is used twice", e.Key)
		require.LessOrEqual(d.t, len(e.Key), 96, "key %s does not fit its column", e.Key)
		require.LessOrEqual(d.t, max(len(e.Kind), len(e.From), len(e.To)), 16, "%+v does not fit its columns", e)
		keys[e.Key] = true
		require.Equal(d.t, e.Decision == order.Applied, e.Version > 0, "%+v", e)
		if e.Version > 0 {
			version++
			require.Equal(d.t, version, e.Version)
		}
		require.False(d.t, e.Milestone && e.Kind != "order", "%+v", e)
	}
	require.Equal(d.t, version, t.Version)
}

// Only legal transitions; final states never change; the order is what its history says.
func checkMoves(d *desk, t *turn.Turn) {
	d.t.Helper()
	at := d.agg.State
	states := map[int]order.AttemptState{}
	for _, a := range d.agg.Attempts {
		states[a.N] = a.State
	}
	for _, e := range t.Events {
		switch {
		case e.Kind == "order":
			require.Equal(d.t, string(at), e.From)
			require.True(d.t, legal(at, order.State(e.To)), "order %s → %s", e.From, e.To)
			at = order.State(e.To)
		case e.Kind == "attempt" && e.From == "":
			require.Equal(d.t, order.Intent, order.AttemptState(e.To))
			states[e.N] = order.Intent
		case e.Kind == "attempt":
			require.Equal(d.t, string(states[e.N]), e.From)
			require.True(d.t, legalAttempt(states[e.N], order.AttemptState(e.To)), "attempt %s → %s", e.From, e.To)
			states[e.N] = order.AttemptState(e.To)
		}
	}
	require.Equal(d.t, at, t.State)
	require.Len(d.t, t.Attempts, len(states))
	for _, a := range t.Attempts {
		require.Equal(d.t, states[a.N], a.State)
		if old := d.agg.Attempt(a.N); old == nil || !same(*old, *a) {
			require.True(d.t, t.Changed[a.N], "attempt %d has changed and would not be written", a.N)
		}
	}
}

func legal(from, to order.State) bool {
	return slices.ContainsFunc(order.Table, func(r order.Row) bool { return r.From == from && r.To == to })
}

func legalAttempt(from, to order.AttemptState) bool {
	return slices.ContainsFunc(order.AttemptTable, func(r order.AttemptRow) bool {
		return r.From == from && (r.To == to || r.To == order.Under)
	})
}

func same(a, b order.Attempt) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// What is held is what the facts say; nothing is held by an attempt that is over.
func checkMoney(d *desk, t *turn.Turn) {
	d.t.Helper()
	held, booked, fines := map[int]money.Fen{}, map[int]money.Fen{}, map[int]money.Fen{}
	seq := 0
	for _, f := range append(slices.Clone(d.facts), t.Facts...) {
		require.NotZero(d.t, f.Amount, "%+v says nothing", f)
		require.Greater(d.t, f.Seq, seq)
		seq = f.Seq
		switch f.Kind {
		case order.FactHold, order.FactOverdraw:
			require.Positive(d.t, f.Amount)
			held[f.N] += f.Amount
		case order.FactRelease:
			held[f.N] -= f.Amount
		case order.FactCapture, order.FactTip:
			held[f.N], booked[f.N] = held[f.N]-f.Amount, booked[f.N]+f.Amount
		case order.FactFault:
			held[f.N], fines[f.N] = held[f.N]+f.Amount, fines[f.N]-f.Amount
		case order.FactPenalty:
			held[f.N], fines[f.N] = held[f.N]-f.Amount, fines[f.N]+f.Amount
		}
	}
	require.Equal(d.t, t.FactSeq, seq)
	for _, a := range t.Attempts {
		require.Equal(d.t, a.Held, held[a.N], "attempt %d holds", a.N)
		require.GreaterOrEqual(d.t, a.Held, money.Fen(0))
		require.Equal(d.t, a.Booked+a.Penalty, booked[a.N]+fines[a.N], "attempt %d has cost", a.N)
		if a.State.Final() {
			require.Zero(d.t, a.Held, "attempt %d is over and holds", a.N)
		}
	}
}

// At most one call is under way per attempt, and a turn leases at most one.
func checkCalls(d *desk, t *turn.Turn) {
	d.t.Helper()
	leased := map[int]bool{}
	for _, c := range t.Calls {
		require.False(d.t, leased[c.Attempt.N], "two calls of attempt %d", c.Attempt.N)
		leased[c.Attempt.N] = true
		old := d.agg.Attempt(c.Attempt.N)
		free := old == nil || old.Call.Kind == "" || !old.Call.Until.After(d.now) || t.Attempt(c.Attempt.N).Call.Seq > old.Call.Seq
		require.True(d.t, free, "a call of attempt %d is under way", c.Attempt.N)
		require.Equal(d.t, t.Attempt(c.Attempt.N).Call, c.Attempt.Call)
		require.Equal(d.t, c.Seq, c.Attempt.Call.Seq)
		require.Equal(d.t, d.now.Add(leaseTime), c.Until)
	}
	sailing := 0
	for _, a := range t.Attempts {
		if a.Live() && a.Confirmed && a.Want.Cancel == "" {
			sailing++
			require.True(d.t, t.Winner == 0 || t.Winner == a.N, "attempt %d is under way beside the winner", a.N)
		}
		require.False(d.t, a.State == order.Intent && a.Call.Kind == "", "attempt %d waits for a call that nobody makes", a.N)
	}
	// A forced carrier narrows the race; who was in it before may stay because its carrier keeps it.
	d.widest = max(d.widest, 1, t.Strategy.Wide(), t.Width)
	require.LessOrEqual(d.t, sailing, d.widest, "more attempts are under way than the strategy wants")
}

// Closed means over; what is open has a due time ahead.
func checkDue(d *desk, t *turn.Turn) {
	d.t.Helper()
	if t.ActAt.IsZero() {
		require.True(d.t, t.State.Final(), "an open order is forgotten")
		require.Empty(d.t, t.Timers)
		for _, a := range t.Attempts {
			require.False(d.t, a.Live() || a.Call.Kind != "" || a.Want.Query || a.Want.Figure > 0, "attempt %d of a closed order is open", a.N)
		}
	} else {
		require.True(d.t, t.ActAt.After(d.now), "due at once again: %s", t.ActAt)
	}
	armed := map[string]bool{}
	for _, x := range t.Timers {
		key := x.Kind + string(rune('0'+x.N))
		require.False(d.t, armed[key], "timer %s of %d is armed twice", x.Kind, x.N)
		armed[key] = true
		require.True(d.t, x.Due.After(d.now), "timer %+v is due already", x)
		require.False(d.t, t.ActAt.After(x.Due), "timer %+v is overlooked", x)
		require.True(d.t, x.Due.Equal(x.Due.Truncate(time.Second)), "timer %+v has a message of its own", x)
	}
	for _, a := range t.Attempts {
		if a.Live() && a.State != order.Intent {
			require.True(d.t, armed[order.TimerWatch+string(rune('0'+a.N))], "nobody watches attempt %d, %s", a.N, a.State)
		}
	}
}

// Milestones and facts have their due times and messages; so has the earliest timer.
func checkOwed(d *desk, t *turn.Turn) {
	d.t.Helper()
	owes := func(topic string) bool {
		return slices.ContainsFunc(t.Owed, func(o message.Owed) bool { return o.Topic == topic })
	}
	for _, e := range t.Events {
		if e.Milestone {
			require.False(d.t, t.TellAt.IsZero())
			require.True(d.t, owes(message.OrderStatus))
			require.GreaterOrEqual(d.t, t.Milestone, e.Version)
		}
	}
	if len(t.Facts) > 0 {
		require.False(d.t, t.PostAt.IsZero())
		require.True(d.t, owes(message.Settlement))
	}
	if t.Round > d.agg.Round {
		require.True(d.t, owes(message.QuoteWanted))
	}
	first := time.Time{}
	for _, x := range t.Timers {
		if first.IsZero() || x.Due.Before(first) {
			first = x.Due
		}
	}
	for _, x := range t.Timers {
		known := slices.ContainsFunc(d.agg.Timers, x.Same) && d.agg.TimerSent.Equal(first)
		sent := slices.ContainsFunc(t.Owed, func(o message.Owed) bool {
			return o.Topic == message.OrderTimer && o.Due.Equal(x.Due) && o.Item.Timer == x.Kind && o.Item.N == x.N && o.Item.Epoch == x.Epoch
		})
		require.True(d.t, !x.Due.Equal(first) || known || sent, "no message wakes timer %+v", x)
	}
}
