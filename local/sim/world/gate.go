package world

import (
	"hash/maphash"
	"net/http"
	"sync"
	"time"
)

// Gate stands before a party's calls: some of them it lets hang, of some it keeps the
// answer.
type Gate struct {
	chance  Chance
	clock   Clock
	faults  *Faults
	latency Spread
	strike  func(key, order, call string, n int) bool
	quit    chan struct{}
	once    sync.Once

	mu       sync.Mutex
	seed     maphash.Seed
	counts   map[uint64]int // by call and order
	previous map[uint64]int // the generation before: memory stays bounded
}

// NewGate returns the gate of a carrier. A zero latency answers at once.
func NewGate(party string, clock Clock, faults *Faults, seed int64, latency Spread) *Gate {
	g := newGate(party, clock, faults, seed, latency)
	g.strike = func(key, order, call string, n int) bool {
		hit, _ := g.faults.Strike(g.chance, key, order, call, n)
		return hit
	}
	return g
}

// NewPlatformGate returns the gate of a platform. The probabilities of call faults are
// those of carriers' calls; a platform's fail only when a script says so.
func NewPlatformGate(party string, clock Clock, faults *Faults, seed int64) *Gate {
	g := newGate(party, clock, faults, seed, Spread{})
	g.strike = func(key, order, call string, _ int) bool {
		hit, _ := g.faults.StrikeScripted(g.chance, key, order, call)
		return hit
	}
	return g
}

func newGate(party string, clock Clock, faults *Faults, seed int64, latency Spread) *Gate {
	return &Gate{
		chance: NewChance(seed, party), clock: clock, faults: faults, latency: latency, quit: make(chan struct{}),
		seed: maphash.MakeSeed(), counts: map[uint64]int{}, previous: map[uint64]int{},
	}
}

// Serve carries a call out and answers it as JSON, unless a fault has it otherwise.
// call is the canonical name (place, cancel, query …), order the client's number.
func (g *Gate) Serve(w http.ResponseWriter, r *http.Request, call, order string, do func() []byte) {
	n := g.number(call, order)
	if g.strike(CallHang, order, call, n) {
		g.hang(r)
	}
	silent := g.strike(CallTimeout, order, call, n)
	answer := do()
	if silent {
		g.hang(r)
	}
	if g.latency.MedianS > 0 {
		Wait(g.clock, g.clock.Now().Add(g.latency.Draw(g.chance, 1, order, "latency/"+call, n)), r.Context().Done())
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_, _ = w.Write(answer) // a client that has left is no error of ours
}

// hang keeps the connection until the client gives up or the gate closes, and never
// answers.
func (g *Gate) hang(r *http.Request) {
	done := g.clock.Busy("hanging-call")
	defer done()
	select {
	case <-r.Context().Done():
	case <-g.quit:
	}
	panic(http.ErrAbortHandler)
}

// generation is how many counts are kept before the older half is forgotten.
const generation = 1 << 19

// number counts the calls of one kind about one order, from 0.
func (g *Gate) number(call, order string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := maphash.String(g.seed, call+"\x00"+order)
	n, ok := g.counts[key]
	if !ok {
		n = g.previous[key]
		if len(g.counts) >= generation {
			g.previous, g.counts = g.counts, map[uint64]int{}
		}
	}
	g.counts[key] = n + 1
	return n
}

// Close lets every hanging call go.
func (g *Gate) Close() { g.once.Do(func() { close(g.quit) }) }

// Fresh tells whether a signed instant is within the window around now; a window of 0
// accepts every instant.
func Fresh(signed, now time.Time, window time.Duration) bool {
	return window <= 0 || now.Sub(signed).Abs() <= window
}
