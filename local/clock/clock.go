// Package clock owns virtual time in the emulator: one Clock, in the emulator's process, decides how fast virtual time
// runs, and every change goes to the shared file by which function processes follow (shared/clock).
//
// The law. The ceiling ×N is the speed wished for. The clock falls to ×1 while a piece of work, reported by Busy, has
// been open for longer than SlowAfter of system time, and goes back to ×N when none is: orders never fail because the
// machine is slow. With Jump, a ceiling above 1 and no open work for a moment, it jumps straight to the next timer.
// A frozen clock stands; Advance and RunToNext still move it. Virtual time never goes backwards.
package clock

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
)

const (
	defaultSlowAfter = 50 * time.Millisecond
	// grace is how long nothing may be open before the clock takes the system to be at rest: work handed from one party
	// to the next is closed by the one a little before it is opened by the other.
	grace = 2 * time.Millisecond
	// timerWork is the kind under which a due timer's function is open work.
	timerWork = "timer"
)

// ErrClosed is the error of operations on a closed clock.
var ErrClosed = errors.New("virtual clock is closed")

// Options of New. The zero value is a clock without a file that runs at ×1 from the present.
type Options struct {
	// Path is the clock file to create for other processes; empty means none.
	Path string
	// Start is the first virtual time; zero means now.
	Start time.Time
	// Ceiling is the speed ×N wished for, finite and not negative; 0 means ×1.
	Ceiling float64
	// Jump lets the clock jump to the next timer when nothing else is open. Only right when every party follows this
	// clock, which a real RocketMQ does not.
	Jump bool
	// SlowAfter is the system time after which an open piece of work slows the clock to ×1; 0 means 50 ms.
	SlowAfter time.Duration
}

// Clock is the virtual clock. It implements Clock and Pacer of shared/clock. All methods are safe for concurrent use.
type Clock struct {
	jump      bool
	slowAfter time.Duration
	writer    *clock.Writer // nil without a file

	mu      sync.Mutex
	reading clock.Reading // how virtual time runs at present
	last    time.Time     // the greatest virtual time given out
	ceiling float64
	frozen  bool
	linger  bool // nobody waits for anything: no jumps

	timers timerHeap
	serial uint64   // of the latest timer: keeps equal instants in order of arming
	due    []*timer // fallen due, for the worker, in order
	dueAny sync.Cond

	open       openWork
	idleSince  time.Time     // when the last open piece of work ended
	firing     int           // timers that fell due and have not returned
	wakeAt     time.Time     // when the owner looks next by itself; zero = never
	settled    chan struct{} // closed by the owner at rest; nil = nobody waits
	travellers int           // Advance and RunToNext under way: the clock does not jump by itself
	travel     chan struct{} // holds one token: one traveller at a time
	wake       chan struct{}
	closed     bool
	done       chan struct{}
	work       sync.WaitGroup
}

// New makes the clock, and its file, and starts it. Close it at the end.
func New(o Options) (*Clock, error) {
	if o.Ceiling == 0 {
		o.Ceiling = 1
	}
	if err := checkSpeed(o.Ceiling); err != nil {
		return nil, err
	}
	if o.SlowAfter == 0 {
		o.SlowAfter = defaultSlowAfter
	}
	now := clock.System.Now().Round(0)
	if o.Start.IsZero() {
		o.Start = now
	}
	c := &Clock{
		jump:      o.Jump,
		slowAfter: o.SlowAfter,
		reading:   clock.Reading{System: now, Virtual: o.Start.UTC().Round(0), Speed: o.Ceiling},
		ceiling:   o.Ceiling,
		idleSince: now,
		open:      openWork{kinds: map[string]int{}},
		travel:    make(chan struct{}, 1),
		wake:      make(chan struct{}, 1),
		done:      make(chan struct{}),
	}
	c.last = c.reading.Virtual
	c.dueAny.L = &c.mu
	if o.Path != "" {
		var err error
		if c.writer, err = clock.Create(o.Path, c.reading); err != nil {
			return nil, err
		}
	}
	c.work.Go(c.own)
	c.work.Go(c.fire)
	return c, nil
}

// System is the system time.
func (c *Clock) System() time.Time { return clock.System.Now() }

// Virtual is the virtual time.
func (c *Clock) Virtual() time.Time { return c.Now() }

// Now is the virtual time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.virtual(wall())
}

// Pace is the present speed: the ceiling, or ×1 while the clock is slowed. Freezing does not change it.
func (c *Clock) Pace() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reading.Speed
}

// SetSpeed sets the ceiling to ×x: finite and above 0.
func (c *Clock) SetSpeed(x float64) error {
	if err := checkSpeed(x); err != nil {
		return err
	}
	return c.change(func() { c.ceiling = x })
}

// Freeze makes virtual time stand, or go on.
func (c *Clock) Freeze(frozen bool) {
	_ = c.change(func() { c.frozen = frozen }) // a closed clock stands anyway
}

// Linger keeps the clock from jumping by itself while it is on: an idle system whose only timers are periodic would
// otherwise race through days.
func (c *Clock) Linger(on bool) {
	_ = c.change(func() { c.linger = on }) // a closed clock stands anyway
}

func (c *Clock) change(f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	f()
	c.rebase(time.Time{})
	c.kick()
	return nil
}

// Status is a snapshot for people and for the control API.
type Status struct {
	Virtual time.Time `json:"virtual"`
	System  time.Time `json:"system"`
	Ceiling float64   `json:"ceiling"` // ×N wished for
	Speed   float64   `json:"speed"`   // ×N at present; 0 while frozen
	Frozen  bool      `json:"frozen"`
	// Busy counts the open pieces of work by kind; kinds with none are left out.
	Busy map[string]int `json:"busy"`
	// Oldest is the system time for which the oldest open piece of work has been open, OldestKind its kind; 0 and empty
	// when nothing is open.
	Oldest     time.Duration `json:"oldest_ns"`
	OldestKind string        `json:"oldest_kind,omitempty"`
	Timers     int           `json:"timers"`         // armed and not yet due
	Next       *time.Time    `json:"next,omitempty"` // the virtual instant of the next timer
}

// Status is the present state of the clock.
func (c *Clock) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := wall()
	s := Status{
		Virtual: c.virtual(now), System: now, Ceiling: c.ceiling, Speed: c.reading.Speed, Frozen: c.frozen,
		Busy: c.open.counts(), Timers: len(c.timers),
	}
	if c.frozen {
		s.Speed = 0
	}
	if t := c.open.oldest; t != nil {
		s.Oldest, s.OldestKind = now.Sub(t.since), t.kind
	}
	if len(c.timers) > 0 {
		next := c.timers[0].at
		s.Next = &next
	}
	return s
}

// Close stops the clock: no further timer fires, a function that runs is waited for, virtual time stands. The file stays
// for those who still follow it. Not to be called from a timer's function.
func (c *Clock) Close() {
	c.mu.Lock()
	if !c.closed {
		c.frozen = true
		c.rebase(time.Time{})
		c.closed = true
		c.timers, c.due = nil, nil
		close(c.done)
		c.dueAny.Broadcast()
	}
	c.mu.Unlock()
	c.work.Wait()
	if c.writer != nil {
		_ = c.writer.Close() // unmapping a page that was mapped does not fail
	}
}

func checkSpeed(x float64) error {
	if !(x > 0) || math.IsInf(x, 0) {
		return fmt.Errorf("virtual clock speed %v: want a finite number above 0; freeze the clock to make it stand", x)
	}
	return nil
}

// wall is the system time as other processes see it: without the monotonic reading, which they do not share.
func wall() time.Time { return clock.System.Now().Round(0) }
