package penalty_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/penalty"
)

func TestDefaultBook(t *testing.T) {
	t.Parallel()
	b := penalty.Default()
	for _, c := range []struct {
		party, state string
		after        time.Duration
		want         money.Fen
	}{
		{"carrier:uupt", "placed", 0, 0},
		{"carrier:uupt", "accepted", 119 * time.Second, 0},
		{"carrier:uupt", "arrived", 2 * time.Minute, 200},
		{"carrier:uupt", "picked_up", time.Hour, 300},
		{"carrier:shansong", "accepted", 0, 200},
		{"carrier:shansong", "accepted", 8*time.Minute - time.Second, 200},
		{"carrier:shansong", "accepted", 8 * time.Minute, 500},
		{"carrier:shansong", "picked_up", 0, 1600},
		{"carrier:sftc", "placed", 0, 0},
		{"carrier:sftc", "arrived", time.Hour, 200},
		{"carrier:sftc", "picked_up", 0, 0},
		{"carrier:fengniao", "accepted", 20*time.Minute - time.Second, 200},
		{"carrier:fengniao", "accepted", 20 * time.Minute, 0},
		{"carrier:fengniao", "picked_up", 0, 0},
		{"carrier:dada", "placed", 0, 0},
		{"carrier:dada", "accepted", time.Minute - time.Second, 0},
		{"carrier:dada", "accepted", time.Minute, 200},
		{"carrier:dada", "accepted", 15*time.Minute - time.Second, 200},
		{"carrier:dada", "accepted", 15 * time.Minute, 0},
		{"carrier:dada", "arrived", 15 * time.Minute, 200},
		{"carrier:dada", "picked_up", 0, 0},
		{"platform:meituan", "received", 0, 0},
		{"platform:meituan", "assigned", 59 * time.Second, 0},
		{"platform:canonical", "assigned", time.Minute, 300},
		{"platform:meituan", "arrived", 0, 500},
		{"platform:meituan", "picked_up", 0, 1600},
		{"carrier:nobody", "picked_up", 0, 0},
	} {
		got, note := b.Penalty(penalty.Case{Party: c.party, State: c.state, Accepted: c.after, Fee: 1600})
		require.Equal(t, c.want, got, "%+v", c)
		require.NotEmpty(t, note)
	}
}

func TestPercentIsCapped(t *testing.T) {
	t.Parallel()
	b := penalty.Book{Rules: []penalty.Rule{{Party: "carrier:*", Percent: 50, Fixed: 100, Cap: 700}}}
	got, _ := b.Penalty(penalty.Case{Party: "carrier:x", Fee: 1001})
	require.Equal(t, money.Fen(601), got)
	got, _ = b.Penalty(penalty.Case{Party: "carrier:x", Fee: 100_00})
	require.Equal(t, money.Fen(700), got)
}

func TestFee(t *testing.T) {
	t.Parallel()
	b := penalty.Default()
	noon := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)   // 12:00 in Shanghai
	night := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC) // 22:00
	for _, c := range []struct {
		metres, grams int
		at            time.Time
		want          money.Fen
	}{
		{0, 0, noon, 1500}, {3000, 5000, noon, 1500}, {3001, 5000, noon, 1700}, {5000, 5001, noon, 2050}, {100, 100, night, 1900},
	} {
		got, err := b.Fee("meituan", c.metres, c.grams, c.at)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%+v", c)
	}
	_, err := penalty.Book{}.Fee("meituan", 1, 1, noon)
	require.ErrorContains(t, err, "no tariff for platform meituan")
}
