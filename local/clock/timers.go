package clock

import (
	"container/heap"
	"time"
)

// timer is one AfterFunc. It is in the heap (index ≥ 0), then in the due queue (index -1, piece set), then gone.
type timer struct {
	at     time.Time
	serial uint64
	f      func()
	index  int
	piece  *piece
}

// AfterFunc calls f when virtual time reaches at, at once when it already has. Functions run one after the other on the
// clock's own goroutine, in order of their instants, and count as open work of kind "timer" while due. f should be short:
// it may arm timers and open work, but must not call Advance, RunToNext or Close. stop disarms the timer unless f has begun;
// it does not wait for f. On a closed clock nothing fires.
func (c *Clock) AfterFunc(at time.Time, f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return func() {}
	}
	c.serial++
	t := &timer{at: at.UTC().Round(0), serial: c.serial, f: f}
	heap.Push(&c.timers, t)
	if t.index == 0 {
		c.kick()
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.disarm(t)
	}
}

func (c *Clock) disarm(t *timer) {
	t.f = nil // if it waits in the due queue, the worker passes over it
	if t.index >= 0 && !c.closed {
		heap.Remove(&c.timers, t.index)
	}
}

// collect hands the timers that are due at virtual time v to the worker.
func (c *Clock) collect(v time.Time) {
	for len(c.timers) > 0 && !c.timers[0].at.After(v) {
		t := heap.Pop(&c.timers).(*timer)
		t.piece = c.begin(timerWork)
		c.firing++
		c.due = append(c.due, t)
		c.dueAny.Signal()
	}
}

// fire is the worker's loop: it calls the functions of due timers.
func (c *Clock) fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for len(c.due) == 0 && !c.closed {
			c.dueAny.Wait()
		}
		if c.closed {
			return
		}
		t := c.due[0]
		c.due[0] = nil
		c.due = c.due[1:]
		if f := t.f; f != nil {
			c.mu.Unlock()
			f()
			c.mu.Lock()
		}
		c.firing--
		c.end(t.piece)
		if c.firing == 0 && c.settled != nil {
			c.kick()
		}
	}
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].serial < h[j].serial
	}
	return h[i].at.Before(h[j].at)
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push and Pop are for container/heap.
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
