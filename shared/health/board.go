package health

import (
	"context"
	"time"
)

// Key names a breaker: one carrier in one city.
type Key struct {
	Carrier string // "shansong"
	City    string // code: "330100"
}

// Trip is a breaker that is open. One that is closed has none.
type Trip struct {
	Since  time.Time // when it opened
	Until  time.Time // when a probe may be made
	Probes int       // how many have failed
}

// board is where the breakers are written down: in this instance, or for all of them.
type board interface {
	// apply writes what happened and reads how things stand afterwards.
	apply(ctx context.Context, c change) (standing, error)
	// claim takes the probes of breakers, each for probeLease; it returns those that nobody else has.
	claim(ctx context.Context, keys []Key) (map[Key]bool, error)
	// open opens those breakers that are closed and forgets their calls.
	open(ctx context.Context, trips map[Key]Trip) error
}

// change is what an instance has to tell.
type change struct {
	calls    map[Key][]bool // of breakers that are closed, oldest first; true = failed
	closed   []Key          // answered while open: closed, with no memory of calls
	again    map[Key]Trip   // the probe failed
	released []Key          // the probe told nothing: somebody else may
}

// standing is what a board says.
type standing struct {
	open     map[Key]Trip
	failures map[Key]int // among the latest calls of each breaker that the change named
}

func (c change) empty() bool {
	return len(c.calls)+len(c.closed)+len(c.again)+len(c.released) == 0
}
