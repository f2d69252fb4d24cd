package rocketmq

import (
	"container/heap"
	"slices"
	"time"
)

// subscription is what one group still has to do with one topic. It is guarded by the store's lock.
type subscription struct {
	topic *topic
	group *Group
	// entries are all messages that the group has not finished with, by sequence number.
	entries map[uint64]*entry
	// lanes hold the ready ones: one per order lock for an ordered group, a single one otherwise. runnable are the lanes
	// that may be taken from.
	lanes    map[string]*lane
	runnable []*lane
	// attempts are the deliveries in flight by the receive that took them, for ordered groups: a repeated receive gets
	// them again.
	attempts map[string][]*entry
	waiters  []*waiter
	count    [finished]int // entries by state
}

// entryState is what an entry waits for.
type entryState uint8

const (
	ready    entryState = iota // a receive
	inFlight                   // its acknowledgement, or the end of its invisible time
	parked                     // the end of a time that the consumer has asked for
	finished                   // nothing: it is no longer in entries
)

// out reports whether a consumer holds the entry.
func (st entryState) out() bool { return st == inFlight || st == parked }

// entry is one message for one group.
type entry struct {
	m         *message
	sub       *subscription
	lane      *lane
	state     entryState
	handle    handle // of the latest delivery
	attemptID string
	client    string    // who holds it, when it is to be renewed
	renewEnd  time.Time // until when it is extended without being asked; zero means never
	done      func()    // closes the busy token
	alarm     alarm     // the end of its invisible time
}

// lane is a queue of ready entries by sequence number, behind one order lock.
type lane struct {
	key    string
	ready  entryHeap // may hold entries that were finished meanwhile
	out    int       // entries that consumers hold: the lock is held while there are any
	queued bool      // in runnable
}

// waiter is a receive that found nothing.
type waiter struct{ wake chan struct{} }

func newSubscription(t *topic, g *Group) *subscription {
	return &subscription{
		topic: t, group: g,
		entries: map[uint64]*entry{}, lanes: map[string]*lane{}, attempts: map[string][]*entry{},
	}
}

// add makes m an entry, ready.
func (s *subscription) add(m *message) *entry {
	key := ""
	if s.group.Ordered {
		key = m.lock()
	}
	l := s.lanes[key]
	if l == nil {
		l = &lane{key: key}
		s.lanes[key] = l
	}
	e := &entry{m: m, sub: s, lane: l}
	e.alarm.owner = e
	s.entries[m.seq] = e
	s.count[ready]++
	heap.Push(&l.ready, e)
	s.offer(l)
	return e
}

// setState moves e to another state and keeps everything that follows from it: counts, its lane, the order lock. An
// entry that becomes ready takes the place that its sequence number gives it.
func (s *subscription) setState(e *entry, to entryState) {
	from := e.state
	e.state = to
	s.count[from]--
	if to == finished {
		delete(s.entries, e.m.seq)
	} else {
		s.count[to]++
	}
	if from.out() && !to.out() {
		e.lane.out--
		s.forgetAttempt(e)
	}
	if to.out() && !from.out() {
		e.lane.out++
	}
	if to == ready && from != ready {
		heap.Push(&e.lane.ready, e)
	}
	s.offer(e.lane)
}

// offer lets receives take from l if there is something and its lock allows; a lane that is of no more use is dropped.
func (s *subscription) offer(l *lane) {
	switch {
	case l.queued:
	case len(l.ready) == 0 && l.out == 0:
		delete(s.lanes, l.key)
	case len(l.ready) > 0 && (!s.group.Ordered || l.out == 0):
		l.queued = true
		s.runnable = append(s.runnable, l)
		s.wakeOne()
	}
}

// take removes up to limit ready entries from the lanes, in order, and marks them in flight. Those that match refuses are
// returned apart and stay ready, outside any lane: the group is to skip them for good.
func (s *subscription) take(limit int, match func(*message) bool) (taken, skipped []*entry) {
	for len(taken) < limit && len(s.runnable) > 0 {
		l := s.runnable[0]
		s.runnable[0] = nil
		s.runnable = s.runnable[1:]
		// l still counts as queued: what follows must not queue it before it has been emptied as far as possible.
		for len(taken) < limit && len(l.ready) > 0 {
			e := heap.Pop(&l.ready).(*entry)
			switch {
			case e.state == finished:
			case match(e.m):
				s.setState(e, inFlight)
				taken = append(taken, e)
			default:
				skipped = append(skipped, e)
			}
		}
		l.queued = false
		s.offer(l)
	}
	s.wakeOne()
	return taken, skipped
}

// remember notes that the receive with that id took e.
func (s *subscription) remember(attemptID string, e *entry) {
	if attemptID == "" || !s.group.Ordered {
		return
	}
	e.attemptID = attemptID
	s.attempts[attemptID] = append(s.attempts[attemptID], e)
}

func (s *subscription) forgetAttempt(e *entry) {
	if e.attemptID == "" {
		return
	}
	rest := slices.DeleteFunc(s.attempts[e.attemptID], func(o *entry) bool { return o == e })
	if len(rest) == 0 {
		delete(s.attempts, e.attemptID)
	} else {
		s.attempts[e.attemptID] = rest
	}
	e.attemptID = ""
}

// wait puts w in line to be woken.
func (s *subscription) wait(w *waiter) { s.waiters = append(s.waiters, w) }

// leave takes w out of the line. If it had been woken meanwhile, the next one is woken in its place.
func (s *subscription) leave(w *waiter) {
	if i := slices.Index(s.waiters, w); i >= 0 {
		s.waiters = slices.Delete(s.waiters, i, i+1)
		return
	}
	s.wakeOne()
}

// wakeOne wakes the first in line if there is something to take.
func (s *subscription) wakeOne() {
	if len(s.runnable) == 0 || len(s.waiters) == 0 {
		return
	}
	w := s.waiters[0]
	s.waiters = slices.Delete(s.waiters, 0, 1)
	w.wake <- struct{}{} // buffered, and w is in line at most once
}

type entryHeap []*entry

func (h entryHeap) Len() int           { return len(h) }
func (h entryHeap) Less(i, j int) bool { return h[i].m.seq < h[j].m.seq }
func (h entryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *entryHeap) Push(x any)        { *h = append(*h, x.(*entry)) }
func (h *entryHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
