package order_test

import (
	"slices"
	"testing"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/stretchr/testify/require"
)

// The tables have every state × event either as one row or not at all.
func TestOrderTableIsExhaustive(t *testing.T) {
	t.Parallel()
	listed := map[order.State]map[order.Event]order.Row{}
	for _, r := range order.Table {
		require.Contains(t, order.States, r.From)
		require.Contains(t, order.States, r.To)
		require.Contains(t, order.Events, r.On)
		require.NotContains(t, listed[r.From], r.On, "%s on %s is listed twice", r.From, r.On)
		if listed[r.From] == nil {
			listed[r.From] = map[order.Event]order.Row{}
		}
		listed[r.From][r.On] = r
	}
	for _, from := range order.States {
		for _, on := range order.Events {
			row, ok := order.Next(from, on)
			want, is := listed[from][on]
			require.Equal(t, is, ok, "%s on %s", from, on)
			require.Equal(t, want, row, "%s on %s", from, on)
			require.False(t, ok && from.Final(), "%s is final, yet %s leads on", from, on)
		}
	}
	require.Empty(t, listed[order.Delivered])
}

func TestAttemptTableIsExhaustive(t *testing.T) {
	t.Parallel()
	listed := map[order.AttemptState]map[order.AttemptEvent]order.AttemptRow{}
	targets := append([]order.AttemptState{order.Under}, order.AttemptStates...)
	for _, r := range order.AttemptTable {
		require.Contains(t, order.AttemptStates, r.From)
		require.Contains(t, targets, r.To)
		require.Contains(t, order.AttemptEvents, r.On)
		require.NotContains(t, listed[r.From], r.On, "%s on %s is listed twice", r.From, r.On)
		if listed[r.From] == nil {
			listed[r.From] = map[order.AttemptEvent]order.AttemptRow{}
		}
		listed[r.From][r.On] = r
	}
	for _, from := range order.AttemptStates {
		for _, on := range order.AttemptEvents {
			row, ok := order.NextAttempt(from, on)
			want, is := listed[from][on]
			require.Equal(t, is, ok, "%s on %s", from, on)
			require.Equal(t, want, row, "%s on %s", from, on)
			// A rejected attempt alone can be revived, and only by the carrier's word.
			require.False(t, ok && from.Final() && from != order.AttemptRejected, "%s is final, yet %s leads on", from, on)
		}
	}
	for _, on := range []order.AttemptEvent{order.AtCancelWanted, order.AtCancelRefused, order.AtRefused, order.AtDoubt, order.AtNeverPlaced} {
		require.NotContains(t, listed[order.AttemptRejected], on, "our own doing revives nothing")
	}
}

// Only these lead back: 改派, a goal that is dropped or overtaken, a return called off.
func TestOrderGoesBackOnlyByRedispatchOrDroppedGoal(t *testing.T) {
	t.Parallel()
	rank := func(s order.State) int { return slices.Index(order.States, s) }
	for _, r := range order.Table {
		if rank(r.To) < rank(r.From) {
			back := r.On == order.OnRedispatch || r.From == order.Cancelling || r.From == order.Returning
			require.True(t, back, "%s on %s leads back to %s", r.From, r.On, r.To)
		}
	}
}

func TestEveryStateIsReachableAndEnds(t *testing.T) {
	t.Parallel()
	next := map[string][]string{}
	for _, r := range order.Table {
		next[string(r.From)] = append(next[string(r.From)], string(r.To))
	}
	for _, s := range order.States {
		require.Contains(t, reach(next, string(order.Received)), string(s))
		if !s.Final() {
			require.True(t, ends(reach(next, string(s)), finalOrder), "%s never ends", s)
		}
	}
	next = map[string][]string{}
	for _, r := range order.AttemptTable {
		if r.To != order.Under {
			next[string(r.From)] = append(next[string(r.From)], string(r.To))
		}
	}
	for _, s := range order.AttemptStates {
		require.Contains(t, reach(next, string(order.Intent)), string(s))
		if !s.Final() {
			require.True(t, ends(reach(next, string(s)), finalAttempt), "%s never ends", s)
		}
	}
}

func finalOrder(s string) bool   { return order.State(s).Final() }
func finalAttempt(s string) bool { return order.AttemptState(s).Final() }

func reach(next map[string][]string, from string) []string {
	seen, open := []string{from}, []string{from}
	for len(open) > 0 {
		var more []string
		for _, s := range next[open[0]] {
			if !slices.Contains(seen, s) {
				seen, more = append(seen, s), append(more, s)
			}
		}
		open = append(open[1:], more...)
	}
	return seen
}

func ends(states []string, final func(string) bool) bool { return slices.ContainsFunc(states, final) }

func TestTimersAreArmedAndCleared(t *testing.T) {
	t.Parallel()
	var armed, cleared []string
	note := func(timers order.Timers, row any) {
		armed, cleared = append(armed, timers.Arm...), append(cleared, timers.Clear...)
		for _, kind := range timers.Arm {
			require.Contains(t, order.TimerKinds, kind)
			require.NotContains(t, timers.Clear, kind, "%v both arms and clears", row)
			require.NotContains(t, order.ArmedInCode, kind, "%v arms what the code arms", row)
		}
	}
	for _, r := range order.Table {
		note(r.Timers, r)
		if r.To.Final() {
			require.Subset(t, r.Clear, []string{order.TimerRelease, order.TimerQuote, order.TimerGiveUp, order.TimerWiden}, "%v leaves a timer armed", r)
			require.Empty(t, r.Arm)
		}
	}
	for _, r := range order.AttemptTable {
		note(r.Timers, r)
		if r.To.Final() {
			require.Subset(t, r.Clear, []string{order.TimerAccept, order.TimerWatch, order.TimerRetry, order.TimerConfirm, order.TimerTip, order.TimerPickup, order.TimerDeliver}, "%v leaves a timer armed", r)
			require.Empty(t, r.Arm)
		}
		if r.From.Final() && !r.To.Final() {
			require.Contains(t, r.Arm, order.TimerWatch, "%v: nobody would ever ask", r)
		}
	}
	for _, kind := range order.TimerKinds {
		_, inCode := order.ArmedInCode[kind]
		require.True(t, inCode || slices.Contains(armed, kind), "%s is armed nowhere", kind)
		require.Contains(t, cleared, kind, "%s is cleared nowhere", kind)
	}
}

// An attempt that is placed, or in doubt, is watched until it is over.
func TestEveryLiveAttemptIsWatched(t *testing.T) {
	t.Parallel()
	for _, r := range order.AttemptTable {
		if r.From == order.Intent && !r.To.Final() { // until now its call's lease was the watch
			require.Contains(t, r.Arm, order.TimerWatch, "%v", r)
		}
		if slices.Contains(r.Clear, order.TimerWatch) {
			require.True(t, r.To.Final(), "%v clears the watch of a live attempt", r)
		}
	}
}
