package clock

import "time"

// openWork is what Busy has reported and nobody has ended: counts by kind, and a list from the oldest to the newest.
type openWork struct {
	kinds          map[string]int
	oldest, newest *piece
}

type piece struct {
	kind         string
	since        time.Time // system time
	older, newer *piece
	ended        bool
}

func (w *openWork) add(kind string, now time.Time) *piece {
	p := &piece{kind: kind, since: now, older: w.newest}
	if w.newest == nil {
		w.oldest = p
	} else {
		w.newest.newer = p
	}
	w.newest = p
	w.kinds[kind]++
	return p
}

// remove takes p out and says whether it was there.
func (w *openWork) remove(p *piece) bool {
	if p.ended {
		return false
	}
	p.ended = true
	if p.older == nil {
		w.oldest = p.newer
	} else {
		p.older.newer = p.newer
	}
	if p.newer == nil {
		w.newest = p.older
	} else {
		p.newer.older = p.older
	}
	p.older, p.newer = nil, nil
	w.kinds[p.kind]--
	return true
}

func (w *openWork) counts() map[string]int {
	counts := map[string]int{}
	for kind, n := range w.kinds {
		if n > 0 {
			counts[kind] = n
		}
	}
	return counts
}

// Busy reports a piece of work as open until done is called: a message that may be received, a call or an invocation
// under way. Calling done again does nothing. kind is one of a few constants, for Status. It costs some 0.2 µs, so it
// may be called for every message.
func (c *Clock) Busy(kind string) (done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.begin(kind)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.end(p)
	}
}

func (c *Clock) begin(kind string) *piece {
	p := c.open.add(kind, wall())
	if c.reading.Speed > 1 {
		c.kickBefore(c.open.oldest.since.Add(c.slowAfter))
	}
	return p
}

func (c *Clock) end(p *piece) {
	wasOldest := p == c.open.oldest
	if !c.open.remove(p) {
		return
	}
	if wasOldest && c.reading.Speed < c.ceiling {
		c.kick() // slowed, perhaps because of this one
	}
	if c.open.oldest != nil {
		return
	}
	c.idleSince = wall()
	if c.settled != nil || c.mayJump() {
		c.kickBefore(c.idleSince.Add(grace))
	}
}
