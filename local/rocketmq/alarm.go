package rocketmq

import (
	"container/heap"
	"time"
)

// ringer is something that waits for an instant of system time.
type ringer interface {
	// ring is called under the store's lock once the instant has come.
	ring(s *store, now time.Time)
}

// alarm is one ringer's place in the queue of instants. It is embedded by value; owner is set once.
type alarm struct {
	at    time.Time
	owner ringer
	index int // place in the heap plus one; 0 when not set
}

// alarms is the queue of all instants of system time that the broker waits for. One goroutine sleeps until the first.
type alarms struct {
	queue alarmHeap
	// sooner has a value when the first instant has changed since the sleeper looked.
	sooner chan struct{}
}

func newAlarms() alarms { return alarms{sooner: make(chan struct{}, 1)} }

// set moves a to the given instant, whether it was set or not.
func (q *alarms) set(a *alarm, at time.Time) {
	a.at = at
	if a.index == 0 {
		heap.Push(&q.queue, a)
	} else {
		heap.Fix(&q.queue, a.index-1)
	}
	if a.index == 1 {
		q.poke()
	}
}

// clear takes a out of the queue; clearing one that is not set does nothing.
func (q *alarms) clear(a *alarm) {
	if a.index != 0 {
		heap.Remove(&q.queue, a.index-1)
	}
}

// due takes the first alarm whose instant has come, or returns nil.
func (q *alarms) due(now time.Time) *alarm {
	if len(q.queue) == 0 || q.queue[0].at.After(now) {
		return nil
	}
	return heap.Pop(&q.queue).(*alarm)
}

// next is the first instant waited for.
func (q *alarms) next() (at time.Time, any bool) {
	if len(q.queue) == 0 {
		return time.Time{}, false
	}
	return q.queue[0].at, true
}

// poke makes the sleeper look again.
func (q *alarms) poke() {
	select {
	case q.sooner <- struct{}{}:
	default:
	}
}

type alarmHeap []*alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h alarmHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

func (h *alarmHeap) Push(x any) {
	a := x.(*alarm)
	*h = append(*h, a)
	a.index = len(*h)
}

func (h *alarmHeap) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	a.index = 0
	return a
}
