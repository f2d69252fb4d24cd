package clock

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)

func TestRealTimesAreSystemTime(t *testing.T) {
	t.Parallel()
	c := Real()
	before := time.Now()
	system, virtual := c.System(), c.Virtual()
	require.WithinRange(t, system, before, time.Now())
	require.WithinRange(t, virtual, before, time.Now())
	require.Equal(t, time.UTC, system.Location())
	require.Equal(t, virtual, virtual.Round(0), "virtual time carries no monotonic reading")
}

func TestManual(t *testing.T) {
	t.Parallel()
	m := NewManual(noon)
	m.Advance(time.Minute)
	require.Equal(t, noon.Add(time.Minute), m.System())
	require.Equal(t, noon.Add(time.Minute), m.Virtual())
	m.SetVirtual(noon.Add(time.Hour))
	require.Equal(t, noon.Add(time.Minute), m.System())
	require.Equal(t, noon.Add(time.Hour), m.Virtual())
}

func TestReadingIsALine(t *testing.T) {
	t.Parallel()
	r := Reading{System: noon, Virtual: noon.Add(time.Hour), Speed: 60}
	require.Equal(t, noon.Add(time.Hour), r.At(noon.Add(-time.Hour)), "no past")
	require.Equal(t, noon.Add(time.Hour), r.At(noon))
	require.Equal(t, noon.Add(2*time.Hour), r.At(noon.Add(time.Minute)))
	r.Frozen = true
	require.Equal(t, noon.Add(time.Hour), r.At(noon.Add(time.Minute)))
	require.Equal(t, noon.Add(time.Hour), Reading{System: noon, Virtual: noon.Add(time.Hour), Speed: math.MaxFloat64, Frozen: true}.At(noon.Add(1)))
}

func TestWhenIsTheInverseOfAt(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{0.1, 1, 3, 7.3, 60, 1000, 1e6} {
		r := Reading{System: noon, Virtual: noon.Add(time.Hour), Speed: speed}
		for _, left := range []time.Duration{1, 999, time.Second, 7 * time.Minute, 26*time.Hour + 1} {
			when, ever := r.When(r.Virtual.Add(left))
			require.True(t, ever)
			require.False(t, r.At(when).Before(r.Virtual.Add(left)), "speed %v left %v", speed, left)
			require.True(t, r.At(when.Add(-time.Duration(2/speed)-2)).Before(r.Virtual.Add(left)), "speed %v left %v: no later than needed", speed, left)
		}
	}
	frozen := Reading{System: noon, Virtual: noon, Speed: 1, Frozen: true}
	_, ever := frozen.When(noon.Add(1))
	require.False(t, ever)
	when, ever := frozen.When(noon)
	require.True(t, ever)
	require.Equal(t, noon, when)
}

type paced struct {
	*Manual
	pace float64
}

func (p paced) Pace() float64 { return p.pace }

func TestToSystem(t *testing.T) {
	t.Parallel()
	m := NewManual(noon)
	require.Equal(t, noon.Add(time.Minute), ToSystem(m, noon.Add(time.Minute)))
	m.SetVirtual(noon.Add(time.Hour))
	fast := paced{m, 60}
	require.Equal(t, noon.Add(time.Minute), ToSystem(fast, noon.Add(2*time.Hour)))
	require.Equal(t, noon.Add(-time.Minute), ToSystem(fast, noon), "the virtual past is the system past")
	require.True(t, ToSystem(paced{m, 1e-12}, noon.Add(3*time.Hour)).After(noon.AddDate(100, 0, 0)), "no overflow")
}

func TestMillis(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, noon.Unix()*1000+7, Millis(noon.Add(7*time.Millisecond+999*time.Microsecond)))
	require.Equal(t, noon.Add(7*time.Millisecond), FromMillis(noon.Unix()*1000+7))
}

func TestFromEnvWithoutFileIsReal(t *testing.T) {
	t.Parallel()
	c, closer, err := FromEnv(func(string) string { return "" })
	require.NoError(t, err)
	require.Equal(t, Real(), c)
	require.NoError(t, closer.Close())
}

func TestSleepEndsWithItsContext(t *testing.T) {
	t.Parallel()
	require.NoError(t, System.Sleep(t.Context(), time.Microsecond))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, System.Sleep(ctx, time.Hour), context.Canceled)
}
