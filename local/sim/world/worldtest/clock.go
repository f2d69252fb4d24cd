// Package worldtest has the hand-driven clock with which the simulated parties are
// tested.
package worldtest

import (
	"sync"
	"time"
)

// Clock is virtual time that moves only by hand. It implements world.Clock.
type Clock struct {
	mu     sync.Mutex
	idle   *sync.Cond
	now    time.Time
	timers map[*timer]struct{}
	serial int
	busy   map[string]int
	tokens int
}

type timer struct {
	at     time.Time
	serial int
	f      func()
}

// NewClock starts at an instant.
func NewClock(now time.Time) *Clock {
	c := &Clock{now: now, timers: map[*timer]struct{}{}, busy: map[string]int{}}
	c.idle = sync.NewCond(&c.mu)
	return c
}

// Now is the instant the hands point to.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc arms a timer, which Advance will run.
func (c *Clock) AfterFunc(at time.Time, f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	t := &timer{at, c.serial, f}
	c.timers[t] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, t)
	}
}

// Busy opens a token.
func (c *Clock) Busy(kind string) (done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy[kind]++
	c.tokens++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.busy[kind]--
		c.tokens--
		c.idle.Broadcast()
	})
}

// Open is how many tokens of a kind are open.
func (c *Clock) Open(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.busy[kind]
}

// Timers is how many timers are armed.
func (c *Clock) Timers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

// Settle waits until nothing is under way.
func (c *Clock) Settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.tokens > 0 {
		c.idle.Wait()
	}
}

// Advance lets settle what is under way and moves time on by d, stopping at every timer
// on the way to run it and to let what it set off settle.
func (c *Clock) Advance(d time.Duration) {
	c.Settle()
	c.mu.Lock()
	end := c.now.Add(d)
	c.mu.Unlock()
	for c.step(end) {
		c.Settle()
	}
}

// step runs the next timer up to end, or moves to end and reports false.
func (c *Clock) step(end time.Time) bool {
	c.mu.Lock()
	var next *timer
	for t := range c.timers {
		if !t.at.After(end) && (next == nil || t.at.Before(next.at) || t.at.Equal(next.at) && t.serial < next.serial) {
			next = t
		}
	}
	if next == nil {
		c.now = end
		c.mu.Unlock()
		return false
	}
	delete(c.timers, next)
	if next.at.After(c.now) {
		c.now = next.at
	}
	c.mu.Unlock()
	next.f()
	return true
}
