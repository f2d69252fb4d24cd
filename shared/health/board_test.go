package health

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/clock"
)

var (
	noon     = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	hangzhou = Key{"shansong", "330100"}
	ningbo   = Key{"shansong", "330200"}
)

// bench is a board with the time by which it goes.
type bench struct {
	board
	pass func(time.Duration)
}

// Both boards say the same of the same story.
func TestBoards(t *testing.T) {
	t.Parallel()
	policy := DefaultPolicy()
	policy.Window = 4
	for name, make := range map[string]func(t *testing.T) bench{
		"local": func(*testing.T) bench {
			at := clock.NewManual(noon)
			return bench{newLocalBoard(policy, at.System), at.Advance}
		},
		"shared": func(t *testing.T) bench {
			server := miniredis.RunT(t)
			client := cache.New(cache.Options{Addr: server.Addr(), Timeout: 20 * time.Second})
			t.Cleanup(func() { require.NoError(t, client.Close()) })
			return bench{&sharedBoard{policy: policy, cache: client}, server.FastForward}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for story, tell := range map[string]func(*testing.T, bench){
				"the latest calls count": latestCount, "quiet breakers forget": quietForget, "open and closed": openAndClosed,
				"the first to open": firstToOpen, "a probe has one owner": oneOwner, "a probe that fails": probeFails,
			} {
				t.Run(story, func(t *testing.T) { t.Parallel(); tell(t, make(t)) })
			}
		})
	}
}

func apply(t *testing.T, b bench, c change) standing {
	t.Helper()
	s, err := b.apply(t.Context(), c)
	require.NoError(t, err)
	return s
}

func calls(k Key, failed ...bool) change { return change{calls: map[Key][]bool{k: failed}} }

func latestCount(t *testing.T, b bench) {
	require.Equal(t, map[Key]int{hangzhou: 1}, apply(t, b, calls(hangzhou, true, false)).failures)
	require.Equal(t, map[Key]int{ningbo: 1}, apply(t, b, calls(ningbo, true)).failures)
	require.Equal(t, map[Key]int{hangzhou: 2}, apply(t, b, calls(hangzhou, true)).failures)
	require.Equal(t, map[Key]int{hangzhou: 3}, apply(t, b, calls(hangzhou, true)).failures)
	require.Equal(t, map[Key]int{hangzhou: 3}, apply(t, b, calls(hangzhou, true)).failures, "the first of five has left the window of four")
	require.Equal(t, map[Key]int{hangzhou: 0}, apply(t, b, calls(hangzhou, true, true, false, false, false, false)).failures, "the latest are the last")
	require.Equal(t, map[Key]int{hangzhou: 1, ningbo: 2}, apply(t, b, change{calls: map[Key][]bool{hangzhou: {true}, ningbo: {true}}}).failures)
}

func quietForget(t *testing.T, b bench) {
	apply(t, b, calls(hangzhou, true, true))
	b.pass(time.Minute)
	require.Equal(t, 3, apply(t, b, calls(hangzhou, true)).failures[hangzhou])
	b.pass(2 * time.Minute)
	require.Equal(t, 1, apply(t, b, calls(hangzhou, true)).failures[hangzhou])
}

func openAndClosed(t *testing.T, b bench) {
	trip := Trip{Since: noon, Until: noon.Add(5 * time.Second)}
	apply(t, b, calls(hangzhou, true, true))
	require.NoError(t, b.open(t.Context(), map[Key]Trip{hangzhou: trip, ningbo: trip}))
	require.Equal(t, map[Key]Trip{hangzhou: trip, ningbo: trip}, apply(t, b, change{}).open)
	require.Equal(t, 1, apply(t, b, calls(hangzhou, true)).failures[hangzhou], "opening forgets the calls")
	require.Equal(t, map[Key]Trip{ningbo: trip}, apply(t, b, change{closed: []Key{hangzhou}}).open)
	require.Equal(t, 1, apply(t, b, calls(hangzhou, true)).failures[hangzhou], "and so does closing")
	require.Empty(t, apply(t, b, change{closed: []Key{hangzhou, ningbo}}).open)
}

func firstToOpen(t *testing.T, b bench) {
	first, second := Trip{Since: noon, Until: noon.Add(time.Second)}, Trip{Since: noon.Add(time.Second), Until: noon.Add(time.Minute)}
	require.NoError(t, b.open(t.Context(), map[Key]Trip{hangzhou: first}))
	require.NoError(t, b.open(t.Context(), map[Key]Trip{hangzhou: second}))
	require.Equal(t, first, apply(t, b, change{}).open[hangzhou])
}

func oneOwner(t *testing.T, b bench) {
	claim := func(keys ...Key) map[Key]bool {
		got, err := b.claim(t.Context(), keys)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, map[Key]bool{hangzhou: true}, claim(hangzhou))
	require.Equal(t, map[Key]bool{ningbo: true}, claim(hangzhou, ningbo))
	require.Empty(t, claim(hangzhou, ningbo))
	apply(t, b, change{released: []Key{hangzhou}})
	require.Equal(t, map[Key]bool{hangzhou: true}, claim(hangzhou, ningbo))
	b.pass(probeLease)
	require.Equal(t, map[Key]bool{hangzhou: true, ningbo: true}, claim(hangzhou, ningbo), "whoever had them is gone")
	apply(t, b, change{closed: []Key{hangzhou}, again: map[Key]Trip{ningbo: {Since: noon, Until: noon}}})
	require.Equal(t, map[Key]bool{hangzhou: true, ningbo: true}, claim(hangzhou, ningbo), "told is done")
}

func probeFails(t *testing.T, b bench) {
	require.NoError(t, b.open(t.Context(), map[Key]Trip{hangzhou: {Since: noon, Until: noon.Add(5 * time.Second)}}))
	longer := Trip{Since: noon, Until: noon.Add(15 * time.Second), Probes: 1}
	require.Equal(t, longer, apply(t, b, change{again: map[Key]Trip{hangzhou: longer}}).open[hangzhou])
}

func TestWhatRedisHoldsExpires(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := cache.New(cache.Options{Addr: server.Addr(), Timeout: 20 * time.Second})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	b := bench{board: &sharedBoard{policy: DefaultPolicy(), cache: client}}
	apply(t, b, calls(hangzhou, true))
	require.NoError(t, b.open(t.Context(), map[Key]Trip{ningbo: {}}))
	_, err := b.claim(t.Context(), []Key{ningbo})
	require.NoError(t, err)
	keys := server.Keys()
	require.Equal(t, []string{"qf:breaker:v1:calls:shansong:330100", "qf:breaker:v1:open", "qf:breaker:v1:probe:shansong:330200"}, keys)
	for _, k := range keys {
		require.Positive(t, server.TTL(k), k)
	}
	server.FastForward(openMemory)
	require.Empty(t, server.Keys())
}

func TestWhatCannotBeReadIsClosed(t *testing.T) {
	t.Parallel()
	require.Equal(t, map[Key]Trip{hangzhou: {Since: noon, Until: noon}}, readTrips(map[string]string{
		"shansong:330100": `{"since":1772337600000,"until":1772337600000,"probes":-5,"later":true}`,
		"shansong:330200": `{"since":"noon"}`, "uupt": `{}`, "sftc:1": ``, "": `x`,
	}))
}

func TestPausesGrowToALimit(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy()
	trip := p.opened(noon)
	require.Equal(t, Trip{Since: noon, Until: noon.Add(5 * time.Second)}, trip)
	for i, pause := range []time.Duration{10, 20, 40, 60, 60} {
		trip = p.again(trip, noon.Add(time.Hour))
		require.Equal(t, Trip{Since: noon, Until: noon.Add(time.Hour + pause*time.Second), Probes: i + 1}, trip)
	}
	trip.Probes = 1 << 40
	require.Equal(t, time.Minute, p.again(trip, noon).Until.Sub(noon), "no overflow")
}
