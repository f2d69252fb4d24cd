// Package trigger feeds functions the way EventBridge event streams and timer triggers do. A stream consumes a topic with its own group
// over RocketMQ's gRPC protocol, so the embedded broker and a real one serve alike; it hands batches over as arrays of CloudEvents,
// retries whole batches on the trigger's schedule, and sends what cannot be delivered to the dead letter topic.
//
// Deliveries are at least once and unordered, as in the cloud; by default a batch is shuffled on purpose, and messages may be doubled.
//
// Not emulated: filter patterns, access control of the broker, retries of timer triggers (the next minute comes anyway), the cloud's
// own limits on streams.
package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/clock"
)

// Clock is virtual time, for retries and timers.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f when virtual time reaches at; f must be short and may open work.
	AfterFunc(at time.Time, f func()) (stop func())
	// Busy notes outstanding work: virtual time may not jump before done.
	Busy(kind string) (done func())
}

// Kinds of Busy tokens.
const (
	BusyBatch = "batch" // a batch that is with a function, or being acknowledged, or on its way to the dead letters
	BusyTimer = "timer trigger"
)

// Options shape a Pump. Endpoint (with Streams), Invoke and Clock are required.
type Options struct {
	Endpoint string // host:port of the broker's gRPC endpoint
	Streams  []template.Stream
	Timers   []template.Timer
	// Invoke calls a function and returns its failure. It must return when ctx ends.
	Invoke func(ctx context.Context, function string, payload []byte) error
	Clock  Clock
	// Concurrency is how many batches of one stream may be with its function at a time; 0 is 8.
	Concurrency int
	// InOrder hands a batch over in the order of its arrival. Nothing promises that order, so by default batches are shuffled.
	InOrder bool
	// Duplicate is the probability that a message is handed over twice: in its batch, or once more after it.
	Duplicate float64
	Seed      uint64 // of shuffles, duplicates and random waits
	// PollPause follows a receive that did not come back full. A real broker spends too much on eager polls: give it 20 ms.
	PollPause time.Duration
	// Grace is how long Close lets running calls go on; 0 is 5 s.
	Grace  time.Duration
	Log    *slog.Logger     // nil: nothing is logged
	System func() time.Time // system time; nil is the real one
}

const (
	defaultConcurrency = 8
	defaultGrace       = 5 * time.Second
)

// Stats is what one stream has done and is doing.
type Stats struct {
	Function, Topic, Group string
	Connected              bool
	Blocked                bool  // errorsTolerance NONE and retries used up: it takes nothing more
	Messages               int64 // received
	Redelivered            int64 // received, and not for the first time
	Batches                int64 // handed over successfully
	Failures               int64 // calls that failed, retries included
	Duplicates             int64 // messages handed over twice on purpose
	DeadLetters            int64 // messages
	InFlight, Waiting      int   // batches: with the function; waiting for a retry
}

// Pump runs all streams and timers.
type Pump struct {
	opts    Options
	link    *link
	streams []*stream
	timers  []*timer

	feed     context.Context // ends first: nothing new begins
	stopFeed context.CancelFunc
	calls    context.Context // ends after the grace: running calls are given up
	endCalls context.CancelFunc
	work     sync.WaitGroup
	closing  sync.Once
	closeErr error
}

// New makes a Pump; nothing runs before Start. A broker that does not answer is no error: streams wait for it.
func New(opts Options) (*Pump, error) {
	if opts.Invoke == nil || opts.Clock == nil {
		return nil, errors.New("trigger: Invoke and Clock are required")
	}
	if opts.Concurrency <= 0 {
		opts.Concurrency = defaultConcurrency
	}
	if opts.Grace <= 0 {
		opts.Grace = defaultGrace
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.System == nil {
		opts.System = clock.System.Now
	}
	p := &Pump{opts: opts}
	p.feed, p.stopFeed = context.WithCancel(context.Background())
	p.calls, p.endCalls = context.WithCancel(context.Background())
	if len(opts.Streams) > 0 {
		var err error
		if p.link, err = dial(opts.Endpoint); err != nil {
			return nil, fmt.Errorf("trigger: %w", err)
		}
	}
	for _, s := range opts.Streams {
		p.streams = append(p.streams, newStream(p, s))
	}
	for _, t := range opts.Timers {
		p.timers = append(p.timers, &timer{pump: p, Timer: t})
	}
	return p, nil
}

// Start begins to consume and arms the timers. It returns at once.
func (p *Pump) Start() {
	for _, s := range p.streams {
		s.start()
	}
	for _, t := range p.timers {
		t.arm(p.opts.Clock.Now())
	}
}

// Connected waits until every stream may receive, or ctx ends.
func (p *Pump) Connected(ctx context.Context) error {
	for _, s := range p.streams {
		if err := s.session.wait(ctx); err != nil {
			return fmt.Errorf("stream %s of %s: not connected: %w", s.Topic, s.Function, err)
		}
	}
	return nil
}

// Stats lists the streams in the order of Options.Streams.
func (p *Pump) Stats() []Stats {
	all := make([]Stats, len(p.streams))
	for i, s := range p.streams {
		all[i] = s.stats()
	}
	return all
}

// Close takes nothing more, gives running calls the grace to end and be acknowledged, and lets go of everything else: it is
// unacknowledged, so the broker delivers it again.
func (p *Pump) Close() error {
	p.closing.Do(func() {
		for _, t := range p.timers {
			t.close()
		}
		p.stopFeed()
		ended := make(chan struct{})
		go func() { defer close(ended); p.work.Wait() }()
		grace, cancel := context.WithTimeout(context.Background(), p.opts.Grace)
		defer cancel()
		select {
		case <-ended:
		case <-grace.Done():
		}
		p.endCalls()
		<-ended
		if p.link != nil {
			p.closeErr = p.link.close()
		}
	})
	return p.closeErr
}
