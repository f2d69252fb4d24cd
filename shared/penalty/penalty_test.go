package penalty_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
)

// parties are all that the built-in book may speak of.
var parties = []string{"carrier:uupt", "carrier:shansong", "carrier:sftc", "carrier:fengniao", "carrier:dada",
	"platform:jd", "platform:meituan", "platform:taobao", "platform:canonical"}

// Every row of the built-in book, at the minutes at which it begins and ends.
func TestDefaultBook(t *testing.T) {
	t.Parallel()
	b := penalty.Default()
	require.NoError(t, b.Validate(parties))
	require.Zero(t, b.Version)
	reached := map[int]bool{}
	for _, c := range []struct {
		party, state string
		after        time.Duration
		by           string
		want         money.Fen
	}{
		{"carrier:uupt", "placed", 0, "us", 0},
		{"carrier:uupt", "accepted", 119 * time.Second, "us", 0},
		{"carrier:uupt", "arrived", 2 * time.Minute, "us", 200},
		{"carrier:uupt", "picked_up", time.Hour, "us", 300},
		{"carrier:shansong", "accepted", 0, "us", 200},
		{"carrier:shansong", "accepted", 8*time.Minute - time.Second, "us", 200},
		{"carrier:shansong", "accepted", 8 * time.Minute, "customer", 500},
		{"carrier:shansong", "picked_up", 0, "us", 1600},
		{"carrier:shansong", "accepted", time.Hour, "rider", 0},
		{"carrier:shansong", "accepted", time.Hour, "carrier", 0},
		{"carrier:shansong", "placed", time.Hour, "no_rider", 0},
		{"carrier:sftc", "placed", 0, "us", 0},
		{"carrier:sftc", "arrived", time.Hour, "us", 200},
		{"carrier:sftc", "picked_up", 0, "us", 1600},
		{"carrier:fengniao", "accepted", 20*time.Minute - time.Second, "us", 200},
		{"carrier:fengniao", "accepted", 20 * time.Minute, "us", 0},
		{"carrier:fengniao", "picked_up", 0, "us", 1600},
		{"carrier:dada", "placed", 0, "us", 0},
		{"carrier:dada", "accepted", time.Minute - time.Second, "us", 0},
		{"carrier:dada", "accepted", time.Minute, "us", 200},
		{"carrier:dada", "accepted", 15*time.Minute - time.Second, "us", 200},
		{"carrier:dada", "accepted", 15 * time.Minute, "us", 0},
		{"carrier:dada", "arrived", 15 * time.Minute, "us", 200},
		{"carrier:dada", "picked_up", 0, "us", 1600},
		{"carrier:nobody", "picked_up", 0, "us", 0},
		{"platform:meituan", "received", 0, "platform", 0},
		{"platform:meituan", "assigned", 59 * time.Second, "customer", 0},
		{"platform:canonical", "assigned", time.Minute, "platform", 300},
		{"platform:meituan", "arrived", 0, "merchant", 500},
		{"platform:meituan", "picked_up", 0, "customer", 1600},
	} {
		v := b.Judge(penalty.Case{Party: c.party, State: c.state, Accepted: c.after, By: c.by, Fee: 1600})
		require.Equal(t, c.want, v.Amount, "%+v", c)
		require.Equal(t, c.want, v.Cost())
		require.NotEmpty(t, v.Note)
		require.NotEmpty(t, v.Source)
		require.Equal(t, int(c.after/time.Minute), v.Minutes)
		reached[v.Rule] = true
	}
	for i, r := range b.Rules {
		require.True(t, reached[i+1], "rule %d, %s, is in no row of this table", i+1, r.Note)
	}
}

// A rule's minutes are whole ones, its first inclusive and its last exclusive, and the
// first rule that matches decides.
func TestRuleBounds(t *testing.T) {
	t.Parallel()
	b := penalty.Book{Version: 4, Rules: []penalty.Rule{
		{Party: "carrier:a", State: []string{"accepted"}, FromMin: 1, ToMin: 3, Fixed: 1},
		{Party: "carrier:*", State: []string{"accepted"}, FromMin: 2, Fixed: 2},
	}}
	for after, want := range map[time.Duration][2]int{
		-time.Hour: {0, 0}, 0: {0, 0}, time.Minute - 1: {0, 0}, time.Minute: {1, 1}, 2 * time.Minute: {1, 1}, 3*time.Minute - 1: {1, 1}, 3 * time.Minute: {2, 2}, time.Hour: {2, 2},
	} {
		v := b.Judge(penalty.Case{Party: "carrier:a", State: "accepted", By: "us", Accepted: after, Fee: 1000})
		require.Equal(t, want, [2]int{int(v.Amount), v.Rule}, "after %s", after)
		require.Equal(t, 4, v.Version)
	}
	v := b.Judge(penalty.Case{Party: "platform:a", State: "accepted", By: "us", Accepted: time.Hour, Fee: 1000})
	require.Zero(t, v.Amount)
	require.Equal(t, "no rule", v.Note)
}

// Who ended it and why are conditions as any other; without them a rule is about our side.
func TestWhoAndWhy(t *testing.T) {
	t.Parallel()
	b := penalty.Book{Rules: []penalty.Rule{
		{Party: "carrier:*", Cause: []string{order.CauseLostRace}, Fixed: 50},
		{Party: "carrier:*", By: []string{penalty.ByRider}, State: []string{"accepted"}, Fixed: 300, PaysUs: true, Cap: 200},
		{Party: "carrier:*", By: []string{penalty.ByCustomer}, Whole: true},
		{Party: "carrier:*", Percent: 50, Fixed: 100, Cap: 700},
	}}
	for _, c := range []struct {
		by, cause string
		fee, want money.Fen
	}{
		{"us", "lost_race", 1000, 50}, {"rider", "rider", 1000, -200}, {"carrier", "carrier", 1000, 0}, {"customer", "order_cancelled", 1000, 1000},
		{"us", "give_up", 1001, 601}, {"us", "give_up", 100_00, 700}, {"us", "give_up", -5, 100},
	} {
		require.Equal(t, c.want, b.Judge(penalty.Case{Party: "carrier:x", State: "accepted", By: c.by, Cause: c.cause, Fee: c.fee}).Cost(), "%+v", c)
	}
}

func TestFreeWindow(t *testing.T) {
	t.Parallel()
	b := penalty.Default()
	for _, c := range []struct {
		party string
		after time.Duration
		want  penalty.Window
	}{
		{"carrier:uupt", 0, penalty.Window{Free: true, Ends: true, End: 2 * time.Minute}},
		{"carrier:uupt", 2*time.Minute - 1, penalty.Window{Free: true, Ends: true, End: 2 * time.Minute}},
		{"carrier:uupt", 2 * time.Minute, penalty.Window{}},
		{"carrier:shansong", 0, penalty.Window{}},
		{"carrier:dada", 30 * time.Second, penalty.Window{Free: true, Ends: true, End: time.Minute}},
		{"carrier:dada", time.Minute, penalty.Window{}},
		{"carrier:dada", 15 * time.Minute, penalty.Window{Free: true}},
		{"carrier:fengniao", 25 * time.Minute, penalty.Window{Free: true}},
		{"carrier:nobody", 0, penalty.Window{Free: true}},
	} {
		require.Equal(t, c.want, b.Free(penalty.Case{Party: c.party, State: "accepted", By: "us", Accepted: c.after, Fee: 800}), "%+v", c)
	}
}

// Whatever the rules and the case: never negative, never above the cap, and the same again.
func TestAmountsAreBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fen := func(name string, from int64) money.Fen {
			return money.Fen(rapid.Int64Range(from, 100_00).Draw(t, name))
		}
		r := penalty.Rule{Party: "carrier:*", By: penalty.Enders, Fixed: fen("fixed", 0), Percent: rapid.Int64Range(0, 100).Draw(t, "percent"), Cap: fen("cap", 0),
			PaysUs: rapid.Bool().Draw(t, "pays us"), Whole: rapid.Bool().Draw(t, "whole")}
		c := penalty.Case{Party: "carrier:a", By: rapid.SampledFrom(penalty.Enders).Draw(t, "by"), Fee: fen("fee", -100), Accepted: time.Duration(rapid.Int64().Draw(t, "after"))}
		b := penalty.Book{Rules: []penalty.Rule{r}}
		v := b.Judge(c)
		require.GreaterOrEqual(t, v.Amount, money.Fen(0))
		require.Equal(t, 1, v.Rule)
		if r.Cap > 0 {
			require.LessOrEqual(t, v.Amount, r.Cap)
		}
		require.Equal(t, r.PaysUs && v.Amount > 0, v.Cost() < 0)
		require.Equal(t, v, b.Judge(c))
	})
}

func TestWaits(t *testing.T) {
	t.Parallel()
	require.Equal(t, []time.Duration{10 * time.Minute, 20 * time.Minute}, []time.Duration{penalty.Default().Wait(1), penalty.Default().Wait(2)})
	b := penalty.Book{Figure: penalty.Waits{FirstMin: 3}}
	require.Equal(t, []time.Duration{3 * time.Minute, 20 * time.Minute}, []time.Duration{b.Wait(1), b.Wait(2)})
}
