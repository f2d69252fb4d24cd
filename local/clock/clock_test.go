package clock_test

import (
	"context"
	"math"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/clock"
	shared "github.com/chuandao/qianfan/shared/clock"
)

var (
	_ shared.Clock = (*clock.Clock)(nil)
	_ shared.Pacer = (*clock.Clock)(nil)

	noon = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
)

// bubble runs f with system time under control: it moves only when every goroutine waits, and exactly to the next
// instant somebody waits for.
func bubble(t *testing.T, o clock.Options, f func(t *testing.T, c *clock.Clock)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Start.IsZero() {
			o.Start = noon
		}
		c, err := clock.New(o)
		require.NoError(t, err)
		defer c.Close()
		synctest.Wait()
		f(t, c)
	})
}

// pass lets d of system time go by and everything due then happen. The look at the clock orders what the test has read
// and written before what the clock's goroutine does next.
func pass(c *clock.Clock, d time.Duration) {
	c.Now()
	time.Sleep(d)
	synctest.Wait()
}

func TestVirtualTimeRunsAtItsSpeed(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Ceiling: 60}, func(t *testing.T, c *clock.Clock) {
		require.Equal(t, noon, c.Now())
		pass(c, time.Second)
		require.Equal(t, noon.Add(time.Minute), c.Now())
		require.NoError(t, c.SetSpeed(0.5))
		pass(c, 2*time.Second)
		require.Equal(t, noon.Add(time.Minute+time.Second), c.Virtual())
		require.InDelta(t, 0.5, c.Pace(), 0)
		require.WithinDuration(t, time.Now(), c.System(), 0)
	})
}

func TestStartsAtThePresentAtSpeedOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := clock.New(clock.Options{})
		require.NoError(t, err)
		defer c.Close()
		pass(c, time.Minute)
		require.True(t, c.Now().Equal(time.Now()))
		require.InDelta(t, 1, c.Status().Ceiling, 0)
	})
}

func TestSpeedsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, x := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, err := clock.New(clock.Options{Ceiling: x})
		require.ErrorContains(t, err, "want a finite number above 0")
	}
	bubble(t, clock.Options{}, func(t *testing.T, c *clock.Clock) {
		require.ErrorContains(t, c.SetSpeed(0), "freeze the clock")
		require.InDelta(t, 1, c.Pace(), 0)
	})
}

func TestFrozenTimeStandsAndGoesOn(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Ceiling: 10}, func(t *testing.T, c *clock.Clock) {
		fired := 0
		c.AfterFunc(noon.Add(10*time.Second), func() { fired++ })
		c.Freeze(true)
		pass(c, time.Hour)
		require.Equal(t, noon, c.Now())
		require.Zero(t, fired)
		s := c.Status()
		require.True(t, s.Frozen)
		require.Zero(t, s.Speed)
		require.Equal(t, noon.Add(10*time.Second), *s.Next)
		c.AfterFunc(noon, func() { fired += 10 })
		synctest.Wait()
		require.Equal(t, 10, fired, "what is already due fires on a frozen clock")
		c.Freeze(false)
		pass(c, time.Second)
		require.Equal(t, 11, fired)
		require.Equal(t, noon.Add(10*time.Second), c.Now())
	})
}

func TestTimersFireInOrderAtTheirInstants(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Ceiling: 10}, func(t *testing.T, c *clock.Clock) {
		type firing struct {
			name string
			at   time.Duration
		}
		var fired []firing
		arm := func(name string, in time.Duration) func() {
			return c.AfterFunc(noon.Add(in), func() { fired = append(fired, firing{name, c.Now().Sub(noon)}) })
		}
		arm("late", 30*time.Second)
		arm("first of two", 20*time.Second)
		arm("second of two", 20*time.Second)
		stop := arm("stopped", 15*time.Second)
		arm("early", 10*time.Second)
		arm("past", -time.Second)
		require.Equal(t, 6, c.Status().Timers)
		stop()
		stop()
		pass(c, time.Minute)
		require.Equal(t, []firing{
			{"past", 0}, {"early", 10 * time.Second}, {"first of two", 20 * time.Second}, {"second of two", 20 * time.Second}, {"late", 30 * time.Second},
		}, fired)
		require.Zero(t, c.Status().Timers)
		require.Nil(t, c.Status().Next)
	})
}

func TestAStoppedTimerThatIsAlreadyDueDoesNotFire(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{}, func(t *testing.T, c *clock.Clock) {
		fired := false
		var stop func()
		c.AfterFunc(noon.Add(time.Second), func() { stop() })
		stop = c.AfterFunc(noon.Add(time.Second), func() { fired = true })
		pass(c, 2*time.Second)
		require.False(t, fired)
		require.Empty(t, c.Status().Busy, "and is no open work")
	})
}

func TestATimerArmedFromATimer(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{}, func(t *testing.T, c *clock.Clock) {
		var at []time.Duration
		var tick func()
		tick = func() {
			at = append(at, c.Now().Sub(noon))
			if len(at) < 3 {
				c.AfterFunc(c.Now().Add(time.Second), tick)
			}
		}
		c.AfterFunc(noon.Add(time.Second), tick)
		pass(c, time.Minute)
		require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, at)
	})
}

func TestCloseWaitsForTheRunningFunctionAndDropsTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := clock.New(clock.Options{Start: noon})
		require.NoError(t, err)
		entered, leave, left, fired := make(chan struct{}), make(chan struct{}), false, false
		c.AfterFunc(noon, func() { close(entered); <-leave; left = true })
		c.AfterFunc(noon, func() { fired = true })
		armed := c.AfterFunc(noon.Add(time.Second), func() { fired = true })
		<-entered
		closed := make(chan struct{})
		go func() { c.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			require.Fail(t, "closed while a function ran")
		default:
		}
		close(leave)
		<-closed
		require.True(t, left)
		require.False(t, fired)

		armed()
		c.AfterFunc(noon, func() { fired = true })()
		c.Busy("late")()
		c.Freeze(false)
		require.ErrorIs(t, c.SetSpeed(2), clock.ErrClosed)
		require.ErrorIs(t, c.Advance(t.Context(), time.Second), clock.ErrClosed)
		stands := c.Now()
		pass(c, time.Minute)
		require.Equal(t, stands, c.Now())
		require.False(t, fired)
		c.Close()
	})
}

func TestOtherProcessesFollowThroughTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clock")
	bubble(t, clock.Options{Path: path, Ceiling: 60, Jump: true}, func(t *testing.T, c *clock.Clock) {
		f, closer, err := shared.Open(path)
		require.NoError(t, err)
		defer func() { require.NoError(t, closer.Close()) }()
		same := func(why string) {
			t.Helper()
			require.Equal(t, c.Now(), f.Virtual(), why)
			require.InDelta(t, c.Pace(), f.(shared.Pacer).Pace(), 0, why)
		}
		same("at first")
		pass(c, time.Second)
		same("as time goes by")
		require.Equal(t, noon.Add(time.Minute), f.Virtual())
		done := c.Busy("call")
		pass(c, time.Second)
		same("slowed")
		require.InDelta(t, 1, c.Pace(), 0)
		done()
		synctest.Wait()
		same("fast again")
		require.NoError(t, c.SetSpeed(7))
		c.Freeze(true)
		pass(c, time.Second)
		same("frozen")
		require.NoError(t, c.Advance(t.Context(), time.Hour))
		same("advanced")
		c.Freeze(false)
		c.AfterFunc(c.Now().Add(24*time.Hour), func() {})
		pass(c, 10*time.Millisecond)
		same("jumped")
		require.Greater(t, f.Virtual(), noon.Add(25*time.Hour))
		c.Close()
		pass(c, time.Hour)
		same("closed")
	})
}

func TestNewSaysWhyTheFileCannotBeMade(t *testing.T) {
	t.Parallel()
	_, err := clock.New(clock.Options{Path: filepath.Join(t.TempDir(), "missing", "clock")})
	require.ErrorContains(t, err, "create clock file")
}

func TestContextEndsWaitingForATurnToTravel(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Jump: true}, func(t *testing.T, c *clock.Clock) {
		c.Freeze(true)
		done := c.Busy("call")
		first := make(chan error)
		go func() { first <- c.Advance(t.Context(), time.Minute) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.Advance(ctx, time.Minute), context.DeadlineExceeded)
		done()
		require.NoError(t, <-first)
		require.Equal(t, noon.Add(time.Minute), c.Now())
	})
}
