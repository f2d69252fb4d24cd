package clock_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/clock"
)

func TestOldWorkSlowsTheClockToOne(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Ceiling: 60}, func(t *testing.T, c *clock.Clock) {
		done := c.Busy("call")
		pass(c, 49*time.Millisecond)
		require.InDelta(t, 60, c.Pace(), 0)
		pass(c, time.Millisecond)
		require.InDelta(t, 1, c.Pace(), 0)
		slowed := c.Now()
		require.Equal(t, noon.Add(60*50*time.Millisecond), slowed)
		pass(c, time.Second)
		require.Equal(t, slowed.Add(time.Second), c.Now())
		s := c.Status()
		require.Equal(t, map[string]int{"call": 1}, s.Busy)
		require.Equal(t, 1050*time.Millisecond, s.Oldest)
		require.Equal(t, "call", s.OldestKind)
		require.InDelta(t, 1, s.Speed, 0)
		require.InDelta(t, 60, s.Ceiling, 0)

		done()
		done()
		synctest.Wait()
		require.InDelta(t, 60, c.Pace(), 0)
		require.Empty(t, c.Status().Busy)
		pass(c, time.Second)
		require.Equal(t, slowed.Add(61*time.Second), c.Now())
	})
}

func TestShortWorkWithoutPauseDoesNotSlow(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Ceiling: 60}, func(t *testing.T, c *clock.Clock) {
		done := c.Busy("message")
		for range 50 { // always something open, nothing for longer than 45 ms
			pass(c, 15*time.Millisecond)
			next := c.Busy("message")
			pass(c, 15*time.Millisecond)
			done()
			done = next
			require.InDelta(t, 60, c.Pace(), 0)
		}
		done()
		require.Equal(t, noon.Add(60*1500*time.Millisecond), c.Now())
	})
}

func TestTheClockStaysSlowUntilNothingOldIsLeft(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Ceiling: 60}, func(t *testing.T, c *clock.Clock) {
		first := c.Busy("a")
		pass(c, 30*time.Millisecond)
		second := c.Busy("b")
		pass(c, 30*time.Millisecond)
		require.InDelta(t, 1, c.Pace(), 0)
		first()
		synctest.Wait()
		require.InDelta(t, 60, c.Pace(), 0, "the second is young")
		pass(c, 20*time.Millisecond)
		require.InDelta(t, 1, c.Pace(), 0, "now it is old")
		third := c.Busy("c")
		pass(c, 50*time.Millisecond)
		third()
		synctest.Wait()
		require.InDelta(t, 1, c.Pace(), 0, "the end of a newer one changes nothing")
		second()
		synctest.Wait()
		require.InDelta(t, 60, c.Pace(), 0)
	})
}

func TestSlowMotionStaysSlowMotion(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Ceiling: 0.5, SlowAfter: time.Millisecond}, func(t *testing.T, c *clock.Clock) {
		defer c.Busy("call")()
		pass(c, time.Second)
		require.InDelta(t, 0.5, c.Pace(), 0)
		require.NoError(t, c.SetSpeed(100))
		require.InDelta(t, 1, c.Pace(), 0, "a new ceiling obeys the law at once")
	})
}

func TestJumpsToTheNextTimerWhenOnlyTimersRemain(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Ceiling: 2, Jump: true}, func(t *testing.T, c *clock.Clock) {
		var at []time.Duration
		work := make(chan func(), 1)
		c.AfterFunc(noon.Add(time.Hour), func() { at = append(at, c.Now().Sub(noon)); work <- c.Busy("message") })
		c.AfterFunc(noon.Add(2*time.Hour), func() { at = append(at, c.Now().Sub(noon)) })
		pass(c, 3*time.Millisecond)
		require.Equal(t, []time.Duration{time.Hour}, at)
		pass(c, time.Second)
		require.Len(t, at, 1, "work is open")
		done := <-work
		done()
		next := c.Busy("message") // what the message set off
		pass(c, time.Second)
		require.Len(t, at, 1, "work is open still")
		next()
		pass(c, time.Millisecond)
		require.Len(t, at, 1, "the grace is not over")
		pass(c, time.Millisecond)
		require.Equal(t, []time.Duration{time.Hour, 2 * time.Hour}, at)
		before := c.Now()
		pass(c, time.Second)
		require.Equal(t, before.Add(2*time.Second), c.Now(), "no timers, no jump")
	})
}

func TestDoesNotJump(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]clock.Options{
		"at speed one":    {Ceiling: 1, Jump: true},
		"in slow motion":  {Ceiling: 0.1, Jump: true},
		"unless told to":  {Ceiling: 60},
		"on a dead clock": {Ceiling: 60, Jump: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, o, func(t *testing.T, c *clock.Clock) {
				if name == "on a dead clock" {
					c.Freeze(true)
				}
				fired := false
				c.AfterFunc(noon.Add(time.Hour), func() { fired = true })
				pass(c, 10*time.Second)
				require.False(t, fired)
			})
		})
	}
}

func TestATimerThatTakesLongSlowsTheClock(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Ceiling: 100, Jump: true}, func(t *testing.T, c *clock.Clock) {
		leave := make(chan struct{})
		c.AfterFunc(noon.Add(time.Second), func() { <-leave })
		c.AfterFunc(noon.Add(time.Hour), func() {})
		pass(c, time.Second)
		require.InDelta(t, 1, c.Pace(), 0)
		require.Equal(t, map[string]int{"timer": 1}, c.Status().Busy)
		require.Less(t, c.Now(), noon.Add(10*time.Second))
		close(leave)
		synctest.Wait()
		require.InDelta(t, 100, c.Pace(), 0)
	})
}

func TestAdvanceFiresTheTimersOnTheWay(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Jump: true}, func(t *testing.T, c *clock.Clock) {
		c.Freeze(true)
		var at []time.Duration
		var everyMinute func()
		everyMinute = func() {
			at = append(at, c.Now().Sub(noon))
			done := c.Busy("invocation")
			time.AfterFunc(5*time.Second, func() { // the work that the timer sets off arms the next
				c.AfterFunc(c.Now().Add(time.Minute), everyMinute)
				done()
			})
		}
		c.AfterFunc(noon.Add(time.Minute), everyMinute)
		require.NoError(t, c.Advance(t.Context(), 3*time.Minute+30*time.Second))
		require.Equal(t, []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute}, at)
		require.Equal(t, noon.Add(3*time.Minute+30*time.Second), c.Now())
		require.True(t, c.Status().Frozen)

		next, err := c.RunToNext(t.Context())
		require.NoError(t, err)
		require.Equal(t, noon.Add(4*time.Minute), next)
		require.Equal(t, next, c.Now())
		require.Len(t, at, 4)
		require.Equal(t, noon.Add(5*time.Minute), *c.Status().Next, "the work of the timer is done when RunToNext returns")
	})
}

func TestAdvanceOfZeroSettles(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Jump: true}, func(t *testing.T, c *clock.Clock) {
		c.Freeze(true)
		fired := false
		c.AfterFunc(noon, func() { fired = true })
		require.NoError(t, c.Advance(t.Context(), 0))
		require.True(t, fired)
		require.ErrorContains(t, c.Advance(t.Context(), -1), "never goes backwards")
	})
}

func TestWithoutJumpAdvanceWaitsForItsTimersOnly(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{}, func(t *testing.T, c *clock.Clock) {
		c.Freeze(true)
		defer c.Busy("a real service's message")()
		var fired atomic.Int32
		leave := make(chan struct{})
		c.AfterFunc(noon.Add(time.Second), func() { <-leave; fired.Add(1) })
		c.AfterFunc(noon.Add(2*time.Second), func() { fired.Add(1) })
		advanced := make(chan error)
		go func() { advanced <- c.Advance(t.Context(), time.Minute) }()
		synctest.Wait()
		require.Equal(t, noon.Add(time.Second), c.Now(), "the second waits for the first")
		close(leave)
		require.NoError(t, <-advanced)
		require.EqualValues(t, 2, fired.Load())
	})
}

func TestAdvanceOfARunningClockComesOnTop(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Ceiling: 10, Jump: true}, func(t *testing.T, c *clock.Clock) {
		fired := 0
		c.AfterFunc(noon.Add(2*time.Hour), func() { fired++ })
		pass(c, 0)
		require.NoError(t, c.Advance(t.Context(), time.Hour))
		require.WithinRange(t, c.Now(), noon.Add(time.Hour), noon.Add(time.Hour+time.Second))
		require.Zero(t, fired, "travelling, the clock does not jump by itself")
		pass(c, 10*time.Millisecond)
		require.Equal(t, 1, fired, "afterwards it does")
	})
}

func TestAdvanceGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{Jump: true}, func(t *testing.T, c *clock.Clock) {
		c.Freeze(true)
		c.AfterFunc(noon.Add(time.Minute), func() { c.Busy("hung call") })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := c.Advance(ctx, time.Hour)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "map[hung call:1]")
		require.Equal(t, noon.Add(time.Minute), c.Now(), "time stays where it came to")
	})
}

func TestRunToNextWithoutTimers(t *testing.T) {
	t.Parallel()
	bubble(t, clock.Options{}, func(t *testing.T, c *clock.Clock) {
		_, err := c.RunToNext(t.Context())
		require.ErrorIs(t, err, clock.ErrNoTimer)
	})
}

// Everything at once, on the real system clock, for the race detector; and virtual time never goes backwards.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	c, err := clock.New(clock.Options{Path: t.TempDir() + "/clock", Start: noon, Ceiling: 1000, Jump: true, SlowAfter: time.Millisecond})
	require.NoError(t, err)
	defer c.Close()
	const parties, rounds = 4, 500
	var armed, fired atomic.Int64
	var wg sync.WaitGroup
	for party := range parties {
		wg.Go(func() {
			last := c.Now()
			for round := range rounds {
				done := c.Busy("work")
				armed.Add(1)
				c.AfterFunc(c.Now().Add(time.Duration(round%7)*100*time.Millisecond), func() { fired.Add(1); done() })
				c.AfterFunc(c.Now().Add(time.Hour), func() {})()
				if v := c.Now(); v.Before(last) {
					t.Errorf("virtual time went back from %v to %v", last, v)
				} else {
					last = v
				}
				switch (party + round) % 100 {
				case 0:
					if err := c.SetSpeed(float64(10 + round)); err != nil {
						t.Error(err)
					}
				case 25:
					c.Freeze(true)
				case 50:
					c.Freeze(false)
				case 75:
					c.Status()
				}
			}
		})
	}
	wg.Wait()
	c.Freeze(false)
	require.NoError(t, c.Advance(t.Context(), 2*time.Hour))
	require.Equal(t, armed.Load(), fired.Load())
}

func BenchmarkBusy(b *testing.B) {
	c, err := clock.New(clock.Options{Ceiling: 60, Jump: true})
	require.NoError(b, err)
	defer c.Close()
	c.AfterFunc(c.Now().AddDate(100, 0, 0), func() {})
	b.ReportAllocs()
	for b.Loop() {
		c.Busy("message")()
	}
}

func BenchmarkTimer(b *testing.B) {
	c, err := clock.New(clock.Options{})
	require.NoError(b, err)
	defer c.Close()
	at := c.Now().Add(time.Hour)
	for i := range 100_000 {
		c.AfterFunc(at.Add(time.Duration(i)), func() {})
	}
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Microsecond)
		c.AfterFunc(at, func() {})()
	}
}
