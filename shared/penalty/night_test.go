package penalty_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/penalty"
)

// The night is a span of hours in Shanghai that may, but need not, cross midnight.
func TestNight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to int
		hours    []int
	}{
		{22, 6, []int{22, 23, 0, 1, 2, 3, 4, 5}},
		{1, 4, []int{1, 2, 3}},
		{0, 0, nil}, // no night at all
		{23, 0, []int{23}},
	} {
		t.Run(fmt.Sprintf("%d to %d", c.from, c.to), func(t *testing.T) {
			t.Parallel()
			b := penalty.Book{Tariffs: []penalty.Tariff{{Platform: "*", Start: 100, StartKm: 99, FreeKg: 99, Night: 7, NightFrom: c.from, NightTo: c.to}}}
			want := map[int]money.Fen{}
			for _, h := range c.hours {
				want[h] = 7
			}
			for h := range 24 {
				at := time.Date(2026, 11, 23, h, 59, 59, 0, time.FixedZone("Asia/Shanghai", 8*3600))
				fee, err := b.Fee("jd", 1, 1, at.UTC())
				require.NoError(t, err)
				require.Equal(t, 100+want[h], fee, "at %d", h)
			}
		})
	}
}

// A rule's minutes are whole ones, its first inclusive and its last exclusive, and the
// first rule that matches decides.
func TestRuleBounds(t *testing.T) {
	t.Parallel()
	b := penalty.Book{Rules: []penalty.Rule{
		{Party: "carrier:a", State: []string{"accepted"}, FromMin: 1, ToMin: 3, Fixed: 1},
		{Party: "carrier:*", State: []string{"accepted"}, FromMin: 2, Fixed: 2},
	}}
	for after, want := range map[time.Duration]money.Fen{
		0: 0, time.Minute - 1: 0, time.Minute: 1, 2 * time.Minute: 1, 3*time.Minute - 1: 1, 3 * time.Minute: 2, time.Hour: 2,
	} {
		got, _ := b.Penalty(penalty.Case{Party: "carrier:a", State: "accepted", Accepted: after, Fee: 1000})
		require.Equal(t, want, got, "after %s", after)
	}
	got, note := b.Penalty(penalty.Case{Party: "platform:a", State: "accepted", Accepted: time.Hour, Fee: 1000})
	require.Zero(t, got)
	require.Equal(t, "no rule", note)
}
