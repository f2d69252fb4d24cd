package world_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
	"github.com/chuandao/qianfan/shared/money"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, world.Shanghai)

func TestChanceDependsOnEverythingButTime(t *testing.T) {
	t.Parallel()
	c := world.NewChance(7, "uupt")
	first := c.Float("QF1", "accept", 0)
	require.InDelta(t, first, world.NewChance(7, "uupt").Float("QF1", "accept", 0), 0)
	for name, other := range map[string]float64{
		"seed":   world.NewChance(8, "uupt").Float("QF1", "accept", 0),
		"party":  world.NewChance(7, "shansong").Float("QF1", "accept", 0),
		"order":  c.Float("QF2", "accept", 0),
		"kind":   c.Float("QF1", "pickup", 0),
		"number": c.Float("QF1", "accept", 1),
	} {
		require.Greater(t, math.Abs(first-other), 1e-9, name)
	}
}

func TestChanceIsEven(t *testing.T) {
	t.Parallel()
	c := world.NewChance(1, "even")
	const draws = 20000
	var tenths [10]int
	for i := range draws {
		tenths[int(10*c.Float(fmt.Sprint(i), "x", 0))]++
	}
	for i, n := range tenths {
		require.InDelta(t, draws/10, n, draws/100, "tenth %d", i)
	}
}

func TestSpreadKeepsMedianAndEnds(t *testing.T) {
	t.Parallel()
	s := world.Spread{MedianS: 20, Sigma: .45, MinS: 5, MaxS: 60}
	c := world.NewChance(3, "spread")
	below, low, high := 0, time.Hour, time.Duration(0)
	for i := range 10000 {
		d := s.Draw(c, 1, fmt.Sprint(i), "accept", 0)
		low, high = min(low, d), max(high, d)
		if d < 20*time.Second {
			below++
		}
	}
	require.InDelta(t, 5000, below, 250)
	require.GreaterOrEqual(t, low, 5*time.Second)
	require.LessOrEqual(t, high, 60*time.Second)
}

func TestBD09ThereAndBack(t *testing.T) {
	t.Parallel()
	p := world.Point{Lng: 120.1551, Lat: 30.2741}
	bd := p.BD09()
	require.Greater(t, p.Metres(bd), 500.0, "BD-09 lies some hundred metres off")
	require.Less(t, p.Metres(world.FromBD09(bd)), 1.5)
	require.InDelta(t, 3000, p.Metres(p.Away(3000, 1)), 5)
	_, err := world.ParsePoint("30.27", "120.15")
	require.Error(t, err, "swapped")
}

func TestTariffItemises(t *testing.T) {
	t.Parallel()
	tariff := world.Tariff{Start: 1000, StartKm: 3, PerKm: 100, FreeKg: 5, PerKg: 50, Night: 300, Peak: 200, WeatherPercent: 120}
	morning, night := noon.Add(-2*time.Hour), noon.Add(11*time.Hour)
	stormy := tariff
	stormy.BadWeather = true
	for _, row := range []struct {
		tariff     world.Tariff
		metres, kg int
		tip        money.Fen
		at         time.Time
		want       []world.Line
	}{
		{tariff, 3000, 5, 0, morning, []world.Line{{"start", 1000}, {"distance", 0}}},
		{tariff, 3001, 5, 0, morning, []world.Line{{"start", 1000}, {"distance", 100}}},
		{tariff, 4001, 7, 0, noon, []world.Line{{"start", 1000}, {"distance", 200}, {"weight", 100}, {"peak", 200}}},
		{tariff, 100, 1, 500, night, []world.Line{{"start", 1000}, {"distance", 0}, {"night", 300}, {"tip", 500}}},
		{stormy, 100, 1, 500, morning, []world.Line{{"start", 1000}, {"distance", 0}, {"weather", 200}, {"tip", 500}}},
	} {
		require.Equal(t, row.want, row.tariff.Price(row.metres, row.kg, row.tip, row.at))
	}
}

func TestFaultsScriptsComeFirstAndAreUsedUp(t *testing.T) {
	t.Parallel()
	f, c := world.None(), world.NewChance(1, "uupt")
	require.NoError(t, f.Direct(world.Script{Party: "uupt", Order: "QF2", Fault: world.CarrierCancel, As: "reassign"}))
	require.NoError(t, f.Direct(world.Script{Party: "uupt", Fault: world.CallHang, Detail: "place", Times: 2}))

	hit, _ := f.Strike(c, world.CarrierCancel, "QF1", "", 0)
	require.False(t, hit, "another order")
	hit, as := f.Strike(c, world.CarrierCancel, "QF2001", "", 0)
	require.True(t, hit)
	require.Equal(t, "reassign", as)
	hit, _ = f.Strike(c, world.CarrierCancel, "QF2001", "", 0)
	require.False(t, hit, "used up")

	hit, _ = f.Strike(c, world.CallHang, "QF1", "query", 0)
	require.False(t, hit, "another call")
	hit, _ = f.StrikeScripted(world.NewChance(1, "shansong"), world.CallHang, "QF1", "place")
	require.False(t, hit, "another party")
	for range 2 {
		hit, _ = f.Strike(c, world.CallHang, "QF1", "place", 0)
		require.True(t, hit)
	}
	hit, _ = f.Strike(c, world.CallHang, "QF1", "place", 0)
	require.False(t, hit)
	require.Equal(t, 2, f.Counters()[world.CallHang])
}

func TestStandardFaultsStrikeInProportionAndBySeed(t *testing.T) {
	t.Parallel()
	strikes := func(seed int64) ([]bool, *world.Faults) {
		f, c := world.Standard(), world.NewChance(seed, "uupt")
		var all []bool
		for _, key := range world.FaultKeys {
			for i := range 2000 {
				hit, _ := f.Strike(c, key, fmt.Sprint("QF", i), "", 0)
				all = append(all, hit)
			}
		}
		return all, f
	}
	one, f := strikes(1)
	again, _ := strikes(1)
	other, _ := strikes(2)
	require.Equal(t, one, again)
	require.NotEqual(t, one, other)
	for _, key := range world.FaultKeys {
		p := f.Chances()[key]
		require.Positive(t, p, key)
		require.InDelta(t, p*2000, f.Counters()[key], 4*math.Sqrt(p*2000), key)
	}
}

func TestFaultsAsJSON(t *testing.T) {
	t.Parallel()
	f := world.Standard()
	require.NoError(t, f.Direct(world.Script{Party: "uupt", Fault: world.NoRider}))
	raw, err := json.Marshal(f)
	require.NoError(t, err)
	var back world.Faults
	require.NoError(t, json.Unmarshal(raw, &back))
	again, err := json.Marshal(&back)
	require.NoError(t, err)
	require.JSONEq(t, string(raw), string(again))

	for _, bad := range []string{
		`{"probabilities":{"no_such":0.1}}`, `{"probabilities":{"no_rider":1.5}}`, `{"scripts":[{"fault":"no_rider"}]}`,
		`{"scripts":[{"party":"uupt","fault":"nothing"}]}`, `[]`,
	} {
		require.ErrorIs(t, json.Unmarshal([]byte(bad), &back), world.ErrFault, bad)
	}
	f.Clear()
	require.Zero(t, f.Chances()[world.NoRider])
}

func TestWaitGivesUp(t *testing.T) {
	t.Parallel()
	clock := worldtest.NewClock(noon)
	quit := make(chan struct{})
	close(quit)
	require.False(t, world.Wait(clock, noon.Add(time.Hour), quit))
	require.Zero(t, clock.Timers())
	done := make(chan bool)
	go func() { done <- world.Wait(clock, noon.Add(time.Hour), nil) }()
	require.Eventually(t, func() bool { return clock.Timers() == 1 }, 5*time.Second, time.Millisecond)
	clock.Advance(time.Hour)
	require.True(t, <-done)
}
