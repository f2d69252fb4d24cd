package live

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/store"
)

func TestPursesThatCannotPay(t *testing.T) {
	t.Parallel()
	p := NewPurses([]store.Prepaid{
		{Carrier: "uupt", Account: "main", Shards: 8, Free: 900, Price: 800}, {Carrier: "uupt", Account: "south", Shards: 4, Free: 799, Price: 800},
		{Carrier: "sftc", Account: "main", Shards: 8, Free: 1}, {Carrier: "shansong", Account: "main", Shards: 8},
	})
	for _, c := range []struct {
		carrier, account string
		usedUp           bool
	}{{"uupt", "main", false}, {"uupt", "south", true}, {"sftc", "main", false}, {"shansong", "main", true}, {"uupt", "never prepaid", true}} {
		require.Equal(t, c.usedUp, p.UsedUp(c.carrier, c.account), "%s/%s", c.carrier, c.account)
		require.False(t, Purses{}.UsedUp(c.carrier, c.account), "nothing is known: the hold decides")
	}
	require.Equal(t, []int{8, 4, 0}, []int{p.Shards("uupt", "main"), p.Shards("uupt", "south"), p.Shards("dada", "main")})

	rules := []carrier.AccountRule{{Carrier: "uupt", Account: "main", Active: true, Weight: 1}, {Carrier: "uupt", Account: "south", Active: true, Weight: 1}}
	solvent := p.Solvent(rules)
	require.Equal(t, []bool{true, false}, []bool{solvent[0].Active, solvent[1].Active})
	require.True(t, rules[1].Active, "what everybody shares is not changed")
	require.Equal(t, rules, Purses{}.Solvent(rules))
}

func TestPursesAreReadEveryFewSeconds(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	f.prepaids = []store.Prepaid{{Carrier: "uupt", Account: "main", Shards: 8, Free: 900}}
	usedUp := func() bool {
		p, err := l.Purses(t.Context())
		require.NoError(t, err)
		return p.UsedUp("uupt", "main")
	}
	for range 9 {
		require.False(t, usedUp())
	}
	f.prepaids[0].Free = 0
	f.clock.Advance(fresh - time.Millisecond)
	require.False(t, usedUp())
	f.clock.Advance(time.Millisecond)
	require.True(t, usedUp())
	require.Equal(t, []string{"prepaids", "prepaids"}, f.took())
}
