package clock

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNoTimer is RunToNext's error when no timer is armed.
var ErrNoTimer = errors.New("no timer is armed")

// Advance moves virtual time forward by d, firing the timers on the way, each at its instant. Between two instants, and
// before returning, it waits for what the timers' functions began: until they return, and with Jump until no work is
// open. It works on a frozen clock, which stays frozen. An error of ctx leaves time where it came to; the message says
// what was still open.
func (c *Clock) Advance(ctx context.Context, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("advance virtual time by %v: it never goes backwards", d)
	}
	back, err := c.depart(ctx)
	if err != nil {
		return fmt.Errorf("advance virtual time by %v: %w", d, err)
	}
	defer back()
	target := c.Now().Add(d)
	for more := true; more; {
		if err := c.settle(ctx); err != nil {
			return fmt.Errorf("advance virtual time to %s: %w", target.Format(time.RFC3339), err)
		}
		more = c.hop(target)
	}
	if err := c.settle(ctx); err != nil {
		return fmt.Errorf("advanced virtual time to %s: %w", target.Format(time.RFC3339), err)
	}
	return nil
}

// RunToNext moves virtual time forward to the next timer, fires it and waits as Advance does. It returns the timer's
// instant, or ErrNoTimer.
func (c *Clock) RunToNext(ctx context.Context) (time.Time, error) {
	back, err := c.depart(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("run to the next timer: %w", err)
	}
	defer back()
	if err := c.settle(ctx); err != nil {
		return time.Time{}, fmt.Errorf("run to the next timer: %w", err)
	}
	c.mu.Lock()
	if len(c.timers) == 0 {
		c.mu.Unlock()
		return time.Time{}, fmt.Errorf("run to the next timer: %w", ErrNoTimer)
	}
	at := c.timers[0].at
	c.move(at)
	c.mu.Unlock()
	if err := c.settle(ctx); err != nil {
		return at, fmt.Errorf("ran to the timer at %s: %w", at.Format(time.RFC3339), err)
	}
	return at, nil
}

// depart waits for its turn to travel; meanwhile the clock does not jump by itself.
func (c *Clock) depart(ctx context.Context) (back func(), err error) {
	select {
	case c.travel <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.done:
		return nil, ErrClosed
	}
	c.travelling(1)
	return func() {
		c.travelling(-1)
		<-c.travel
	}, nil
}

func (c *Clock) travelling(by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.travellers += by
	c.kick()
}

// hop moves to the next timer, if it is due by target and says so; otherwise to target.
func (c *Clock) hop(target time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if len(c.timers) > 0 && !c.timers[0].at.After(target) {
		c.move(c.timers[0].at)
		return true
	}
	c.move(target)
	return false
}

// settle waits until the system is at rest.
func (c *Clock) settle(ctx context.Context) error {
	c.mu.Lock()
	if c.settled == nil {
		c.settled = make(chan struct{})
	}
	settled := c.settled
	c.kick()
	c.mu.Unlock()
	select {
	case <-settled:
		return nil
	case <-c.done:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("%w while waiting for open work %v", ctx.Err(), c.Status().Busy)
	}
}
