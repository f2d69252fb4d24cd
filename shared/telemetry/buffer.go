package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const (
	patience = 200 * time.Millisecond // of system time: what spans may cost an invocation
	capacity = 2048                   // spans kept until they are sent
	chunk    = 256                    // spans of one request
	silence  = 20 * time.Second       // of system time, after which a thawed connection is not trusted
	minPause = 5 * time.Second        // of system time, in which a collector that failed is left alone; doubles
	maxPause = time.Minute
)

// buffer keeps finished spans until a flush sends them. It has no goroutine: a frozen instance would stop it.
type buffer struct {
	open func(ctx context.Context) (sender, error)
	now  func() time.Time
	most time.Duration // of a flush

	mu    sync.Mutex
	spans []sdk.ReadOnlySpan
	held  []sdk.ReadOnlySpan // failed once
	lost  int                // spans that found no room, or that failed twice
	until time.Time          // the collector is left alone until then

	turn chan struct{} // holds one: who has put it sends, and alone uses what follows
	x    sender
	used time.Time
	wait time.Duration // the latest pause
}

func newBuffer(open func(context.Context) (sender, error), now func() time.Time, most time.Duration) *buffer {
	if most == 0 {
		most = patience
	}
	return &buffer{open: open, now: now, most: most, turn: make(chan struct{}, 1)}
}

// OnStart does nothing.
func (b *buffer) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd keeps a finished span.
func (b *buffer) OnEnd(s sdk.ReadOnlySpan) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.spans) >= capacity {
		b.lost++
		return
	}
	b.spans = append(b.spans, s)
}

// ForceFlush sends what is there and returns in time, or at once while the collector is left alone, or when ctx ends so
// soon that the invocation's answer would be late: its work would be done again. Flushes that come together share one
// export. It never fails: no order pays for its trace.
func (b *buffer) ForceFlush(ctx context.Context) error {
	if !b.due() || ctx.Err() != nil {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(b.now()) < 2*b.most {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.most)
	defer cancel()
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return nil
	}
	if !b.due() {
		return nil // somebody else has just sent them, or failed to
	}
	held, fresh := b.take()
	all := slices.Concat(held, fresh)
	sent, err := b.export(ctx, all)
	switch {
	case err == nil:
		b.taken(ctx)
	case sent > 0: // the collector is there, and our time is over
		b.keep(all[sent:])
	default:
		b.failed(ctx, held, fresh, err)
	}
	return nil
}

// Shutdown lets go of the connection.
func (b *buffer) Shutdown(ctx context.Context) error {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	return b.drop(ctx)
}

// due reports whether there is something to send and somebody to send it to.
func (b *buffer) due() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.spans)+len(b.held) > 0 && (b.until.IsZero() || !b.now().Before(b.until))
}

func (b *buffer) take() (held, fresh []sdk.ReadOnlySpan) {
	b.mu.Lock()
	defer b.mu.Unlock()
	held, fresh = b.held, b.spans
	b.held, b.spans = nil, nil
	return held, fresh
}

// export sends spans and gives the number of those that the collector has taken.
func (b *buffer) export(ctx context.Context, spans []sdk.ReadOnlySpan) (sent int, err error) {
	if b.x != nil && b.now().Sub(b.used) > silence {
		_ = b.drop(ctx)
	}
	if b.x == nil {
		if b.x, err = b.open(ctx); err != nil {
			return 0, err
		}
	}
	b.used = b.now()
	for part := range slices.Chunk(spans, chunk) {
		if err := b.x.ExportSpans(ctx, part); err != nil {
			return sent, err
		}
		sent += len(part)
	}
	return sent, nil
}

func (b *buffer) taken(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wait, b.until = 0, time.Time{}
	if b.lost > 0 {
		slog.WarnContext(ctx, "traces have gaps", "spans_lost", b.lost)
		b.lost = 0
	}
}

func (b *buffer) keep(rest []sdk.ReadOnlySpan) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = rest
}

// failed keeps the spans that failed for the first time, and leaves the collector alone.
func (b *buffer) failed(ctx context.Context, held, fresh []sdk.ReadOnlySpan, err error) {
	_ = b.drop(context.WithoutCancel(ctx))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = fresh
	b.lost += len(held)
	b.wait = min(maxPause, max(minPause, 2*b.wait))
	b.until = b.now().Add(b.wait)
	slog.WarnContext(ctx, "traces not sent, the collector is left alone for a while", "spans", len(fresh), "pause", b.wait.String(), "error", err)
}

func (b *buffer) drop(ctx context.Context) error {
	if b.x == nil {
		return nil
	}
	x := b.x
	b.x = nil
	return x.close(ctx)
}
