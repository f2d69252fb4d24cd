package clock

import (
	"time"

	"github.com/chuandao/qianfan/shared/clock"
)

// longestSleep of the owner while a timer is armed: a wall clock that was set back is noticed by then.
const longestSleep = time.Second

// own is the owner's loop: it looks, acts, and sleeps until the earliest instant at which something can be due, or until
// somebody wakes it.
func (c *Clock) own() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-timer.C:
		case <-c.wake:
		}
		if sleep, ever := c.step(); ever {
			timer.Reset(sleep)
		} else {
			timer.Stop()
		}
	}
}

// step brings the speed, the timers and the waiters up to date. It returns how long nothing more can be due by itself.
func (c *Clock) step() (sleep time.Duration, ever bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, false
	}
	now := wall()
	if c.reading.Speed != c.speed(now) {
		c.rebase(time.Time{})
	}
	c.collect(c.virtual(now))
	if c.restful(now) {
		c.release()
		if c.mayJump() {
			c.move(c.timers[0].at)
		}
	}
	c.wakeAt = c.next()
	return min(max(c.wakeAt.Sub(wall()), 0), longestSleep), !c.wakeAt.IsZero()
}

// next is the earliest system instant at which step has something to do without being woken; zero = never.
func (c *Clock) next() time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if c.open.oldest != nil && c.reading.Speed > 1 {
		sooner(c.open.oldest.since.Add(c.slowAfter))
	}
	if len(c.timers) > 0 {
		if due, ever := c.reading.When(c.timers[0].at); ever {
			sooner(due)
		}
	}
	if c.settled != nil || c.mayJump() {
		if rest, ever := c.restAt(); ever {
			sooner(rest)
		}
	}
	return at
}

// speed is the law: the ceiling, or at most ×1 while the oldest open work is older than slowAfter.
func (c *Clock) speed(now time.Time) float64 {
	if c.open.oldest != nil && now.Sub(c.open.oldest.since) >= c.slowAfter {
		return min(c.ceiling, 1)
	}
	return c.ceiling
}

// restAt is when the system will be at rest if nothing new is opened, and whether that can be said yet. Without Jump the
// open work is real services', which the clock cannot wait for: only its own timers' functions count.
func (c *Clock) restAt() (time.Time, bool) {
	if !c.jump {
		return c.idleSince, c.firing == 0
	}
	return c.idleSince.Add(grace), c.open.oldest == nil
}

func (c *Clock) restful(now time.Time) bool {
	at, ever := c.restAt()
	return ever && !now.Before(at)
}

func (c *Clock) mayJump() bool {
	return c.jump && !c.linger && c.ceiling > 1 && !c.frozen && c.travellers == 0 && len(c.timers) > 0
}

// release lets those go on who wait for rest.
func (c *Clock) release() {
	if c.settled != nil {
		close(c.settled)
		c.settled = nil
	}
}

// virtual is the virtual time at now. A wall clock that was set back does not set virtual time back: it goes on from
// the greatest time given out.
func (c *Clock) virtual(now time.Time) time.Time {
	v := c.reading.At(now)
	if v.Before(c.last) {
		c.rebase(c.last)
		return c.reading.Virtual
	}
	c.last = v
	return v
}

// move takes virtual time forward to v, if it is not there yet, and collects the timers due by then.
func (c *Clock) move(v time.Time) {
	c.rebase(v)
	c.collect(c.reading.Virtual)
}

// rebase begins a new line at this instant, by the ceiling, the open work and the freeze that hold now, at the present
// virtual time or at v where that is later; and tells the file.
func (c *Clock) rebase(v time.Time) {
	line := func(old clock.Reading) clock.Reading {
		now := wall()
		return clock.Reading{
			System:  now,
			Virtual: later(later(old.At(now), c.last), v),
			Speed:   c.speed(now),
			Frozen:  c.frozen,
		}
	}
	if c.writer == nil {
		c.reading = line(c.reading)
	} else if r, err := c.writer.Update(line); err == nil { // fails only once closed, when the clock stands
		c.reading = r
	}
	c.last = c.reading.Virtual
}

// kick wakes the owner.
func (c *Clock) kick() {
	select {
	case c.wake <- struct{}{}:
	default: // it is awake already
	}
}

// kickBefore wakes the owner unless it looks by itself no later than at. Ten thousands of short pieces of work a second
// so wake it a few hundred times, not each.
func (c *Clock) kickBefore(at time.Time) {
	if c.wakeAt.IsZero() || at.Before(c.wakeAt) {
		c.wakeAt = at
		c.kick()
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
