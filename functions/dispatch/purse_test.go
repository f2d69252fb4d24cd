package dispatch

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

func purseOf(limits map[account]money.Fen) *purse {
	known := live.NewPurses([]store.Prepaid{{Carrier: "uupt", Account: "main", Shards: 8, Free: 1}})
	return &purse{instance: "dispatch-1", live: known, limits: limits, sums: map[account]*store.Hold{}}
}

func TestAPurseAddsUp(t *testing.T) {
	t.Parallel()
	p := purseOf(nil)
	home := store.Home("dispatch-1", "uupt", "main", 8)
	for range 3 {
		shard, ok := p.hold("uupt", "main", 800)
		require.True(t, ok)
		require.Equal(t, home, shard)
	}
	for _, amount := range []money.Fen{0, -800} {
		_, ok := p.hold("uupt", "main", amount)
		require.False(t, ok, "a hold of %d would give money back", amount)
	}
	shard, ok := p.hold("shansong", "main", 1400)
	require.True(t, ok)
	require.Zero(t, shard, "nobody knows how that one is split")
	require.ElementsMatch(t, []store.Hold{
		{Carrier: "uupt", Account: "main", Shard: home, Amount: 2400, N: 3}, {Carrier: "shansong", Account: "main", Amount: 1400, N: 1},
	}, p.holds(), "one shard, one conditional update per account")
}

func TestAPurseKeepsToItsLimits(t *testing.T) {
	t.Parallel()
	p := purseOf(map[account]money.Fen{{"uupt", "main"}: 1700, {"sftc", "main"}: -5})
	for _, want := range []bool{true, true, false} {
		_, ok := p.hold("uupt", "main", 800)
		require.Equal(t, want, ok)
	}
	_, ok := p.hold("uupt", "main", 100)
	require.True(t, ok, "what is less still fits")
	_, ok = p.hold("sftc", "main", 1)
	require.False(t, ok)
	_, ok = p.hold("shansong", "main", 9000)
	require.True(t, ok, "another account is not affected")
	require.Len(t, p.holds(), 2)
}

// Several instances place a storm of orders on accounts that pay for few of them: each order
// goes to one that can pay, to the last fen, and no account below zero.
func TestInstancesShareTheLastMoney(t *testing.T) {
	t.Parallel()
	const instances, each = 4, 6
	r := newRig(t, 10*8_00, 7*8_00, 1000_00)
	batches := make([][]byte, instances)
	for i := range batches {
		_, batches[i] = r.quoted(each, 8_00)
	}
	var work sync.WaitGroup
	for i := range instances {
		s := &Stage{Store: r.Store, Bus: r.Bus, Carriers: r.Carriers, Clock: r.Clock, Owner: fmt.Sprintf("dispatch-%d", i), Book: r.Book, Live: r.Live}
		work.Go(func() { assert.NoError(t, s.Handle(t.Context(), batches[i])) })
	}
	work.Wait()
	placed := r.attempts()
	total := 0
	for state, n := range placed {
		require.Contains(t, state, " placed")
		total += n
	}
	require.Equal(t, instances*each, total, "%v", placed)
	require.LessOrEqual(t, placed["shansong placed"], 10)
	require.LessOrEqual(t, placed["uupt placed"], 7)
	free := map[string]int{}
	all, err := r.Store.Prepaids(t.Context())
	require.NoError(t, err)
	for _, p := range all {
		free[p.Carrier] = int(p.Free)
	}
	require.Equal(t, map[string]int{"shansong": 80_00 - 800*placed["shansong placed"], "uupt": 56_00 - 800*placed["uupt placed"], "sftc": 1000_00 - 800*placed["sftc placed"]}, free)
}
