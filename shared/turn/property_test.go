package turn_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// In any lawful world, however unlucky, every order comes to an end at which nothing is
// held, nothing is booked that the carrier did not take, and the platform was told in order.
func TestEveryOrderEndsWell(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		play := rapid.SampledFrom(slices.Sorted(maps.Keys(plays))).Draw(t, "strategy")
		w := newWorld(t, drawRates(t), rapid.Uint64Range(0, 1<<20).Draw(t, "seed"), play)
		w.live()
		checkRest(w)
	})
}

// The same in a world that is not unlucky at all: the plain case must be plain.
func TestEveryOrderEndsPlainly(t *testing.T) {
	t.Parallel()
	for play := range plays {
		for seed := range uint64(200) {
			w := newWorld(t, rates{}, seed, play)
			w.live()
			checkRest(w)
			if w.agg.State == order.Delivered && play != "with tips and timeouts" && play != "in free windows" {
				require.Len(t, w.agg.Attempts, len(w.bills), "seed %d", seed)
				require.Empty(t, w.agg.Attention, "%s, seed %d: %s", play, seed, w.attempts())
			}
		}
	}
}

func drawRates(t *rapid.T) rates {
	// Levels, not ranges: small numbers would be drawn far too often, and a trouble matters
	// when it meets another.
	percent := func(name string, most int) int {
		return rapid.SampledFrom([]int{0, most / 4, most / 2, most}).Draw(t, name)
	}
	return rates{
		Refuse: percent("refuse", 30), PlaceDoubt: percent("place doubt", 60), Slow: percent("slow", 60), CallDoubt: percent("call doubt", 40),
		CancelRefuse: percent("cancel refuse", 50), Crash: percent("crash", 20), LateAnswer: percent("late answer", 30),
		Lost: percent("lost", 60), Doubled: percent("doubled", 30), Delayed: percent("delayed", 50), LostMessage: percent("lost message", 60),
		CarrierCancel: percent("carrier cancel", 30), Reassign: percent("reassign", 30), NoRider: percent("no rider", 50),
		Return: percent("return", 20), CalledOff: percent("called off", 40), Dearer: percent("dearer", 30), NoFigure: percent("no figure", 60),
		PlatformCancels: percent("platform cancels", 80),
		Meddles:         percent("meddles", 80), SwitchedOff: percent("switched off", 60), Thin: percent("thin", 50), Short: percent("short", 40),
		Mute: percent("mute", 60),
	}
}

// checkRest checks what must hold when nothing is due any more.
func checkRest(w *world) {
	w.t.Helper()
	story := func() string {
		return fmt.Sprintf("%s; %s; %s; %s; %s; %s", w.agg.State, w.attempts(), w.money(), w.milestones(), w.called(), w.agg.Attention)
	}
	require.True(w.t, w.agg.State.Final(), story())
	require.Empty(w.t, w.agg.Commands, "a command is neither applied nor refused: %s", story())
	for key, decision := range w.decided {
		require.True(w.t, strings.HasPrefix(decision, order.Applied) || strings.HasPrefix(decision, order.Refused), "%s: %s", key, decision)
	}
	checkBooks(w, story)
	checkPlatform(w, story)
	checkPeople(w, story)
}

// Carrier's books and ours agree, attempt by attempt.
func checkBooks(w *world, story func() string) {
	w.t.Helper()
	captures := map[int]money.Fen{}
	for _, f := range w.facts {
		if f.Kind == order.FactCapture || f.Kind == order.FactTip {
			captures[f.N] += f.Amount
		}
	}
	carrying := 0
	for _, amount := range captures {
		if amount != 0 {
			carrying++
		}
	}
	require.LessOrEqual(w.t, carrying, 1, "two attempts are booked as delivery: %s", story())
	for _, a := range w.agg.Attempts {
		require.True(w.t, a.State.Final(), story())
		require.Zero(w.t, a.Held, story())
		b, ok := w.bills[a.N]
		if !ok {
			require.Equal(w.t, order.AttemptRejected, a.State, story())
			require.Zero(w.t, a.Booked+a.Penalty, story())
			continue
		}
		require.Equal(w.t, b.charged+b.fine, a.Booked+a.Penalty, "attempt %d, %s at the carrier, took other money: %s", a.N, b.state, story())
		require.Equal(w.t, b.state == carrier.Delivered, a.State == order.AttemptDelivered, "attempt %d: %s", a.N, story())
	}
	for _, b := range w.sorted() {
		require.True(w.t, b.state.Final(), "waybill %d runs on, %s: %s", b.n, b.state, story())
	}
	if w.agg.State == order.Delivered {
		require.Equal(w.t, order.AttemptDelivered, w.agg.Attempt(w.agg.Winner).State, story())
	}
}

// The platform pays once for what it got, and hears its milestones in order.
func checkPlatform(w *world, story func() string) {
	w.t.Helper()
	income, fines := 0, 0
	for _, f := range w.facts {
		switch f.Kind {
		case order.FactIncome:
			income++
			require.Equal(w.t, fee, f.Amount)
		case order.FactPenaltyIn:
			fines++
		}
	}
	require.Equal(w.t, w.agg.State == order.Delivered, income == 1, story())
	require.LessOrEqual(w.t, income, 1, story())
	require.LessOrEqual(w.t, fines, 1, story())
	if fines > 0 {
		require.Contains(w.t, []order.State{order.Cancelled, order.Returned}, w.agg.State, story())
		require.Equal(w.t, order.ToCancel, w.agg.Goal, story())
	}
	told := order.Received
	for _, e := range w.events {
		if !e.Milestone {
			continue
		}
		back := slices.Index(order.States, order.State(e.To)) < slices.Index(order.States, told)
		dropped := e.From == string(order.Cancelling) || e.From == string(order.Returning)
		require.True(w.t, !back || dropped || e.To == string(order.Dispatching), "told %s after %s: %s", e.To, told, story())
		told = order.State(e.To)
	}
	require.Equal(w.t, w.agg.State, told, "the end was not told: %s", story())
}

// Nobody is tipped more than was wanted, and goods that went to an old place did so with a
// person's knowledge.
func checkPeople(w *world, story func() string) {
	w.t.Helper()
	wanted := map[int]money.Fen{}
	for _, e := range w.events {
		if e.Kind == "tip" && e.From == "" && e.Decision == order.Applied {
			most, err := money.ParseYuan(e.To)
			require.NoError(w.t, err)
			wanted[e.N] = max(wanted[e.N], most)
		}
	}
	told := slices.ContainsFunc(w.alarms, func(s string) bool {
		return strings.Contains(s, "tell the rider") || strings.Contains(s, "keeps its rider") || strings.Contains(s, "lost the race")
	})
	right := 0
	for n, key := range w.moves {
		if w.decided[key] == order.Applied {
			right = max(right, n)
		}
	}
	for _, b := range w.sorted() {
		require.LessOrEqual(w.t, b.tip, wanted[b.n], "waybill %d was tipped twice: %s", b.n, story())
		require.True(w.t, b.state != carrier.Delivered || b.place >= right || told, "waybill %d went to the place before the change: %s", b.n, story())
	}
}
