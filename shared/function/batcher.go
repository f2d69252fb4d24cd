package function

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
)

// ErrBatcherClosed is the answer of a Batcher after Close.
var ErrBatcherClosed = errors.New("batcher is closed")

// Result is the answer to one item of a batch.
type Result[R any] struct {
	Value R
	Err   error
}

// BatchConfig says when a batch closes and how long its flush may take. All fields must be positive.
type BatchConfig struct {
	Size    int           // items: a batch of this many closes at once
	Wait    time.Duration // system time: a batch this old closes even though another flush is still under way
	Timeout time.Duration // system time a flush has; its context ends then
}

// Batcher lets concurrent calls of a web function share the work of one flush (a multi-row insert, a message). A batch closes when it
// has Size items, when it has waited Wait, or at once when no flush is under way: so a lone item never waits, and under load the
// batches grow by themselves. Flushes may overlap; their number is bounded by the calls in flight.
type Batcher[T, R any] struct {
	cfg   BatchConfig
	flush func(ctx context.Context, items []T) []Result[R]

	mu      sync.Mutex
	open    *batch[T, R]
	running int
	closed  bool
	work    sync.WaitGroup
}

type batch[T, R any] struct {
	items   []T
	results []Result[R]
	timer   *time.Timer
	done    chan struct{} // closed once results are set
}

// NewBatcher makes a Batcher around flush, which answers every item, in the order of items. Its context is its own: no caller's
// hanging up reaches it. A panic, or too few or too many results, is an error to every caller of that batch.
func NewBatcher[T, R any](cfg BatchConfig, flush func(ctx context.Context, items []T) []Result[R]) *Batcher[T, R] {
	if cfg.Size < 1 || cfg.Wait <= 0 || cfg.Timeout <= 0 {
		panic(fmt.Sprintf("batcher: size, wait and timeout must be positive: %+v", cfg))
	}
	return &Batcher[T, R]{cfg: cfg, flush: flush}
}

// Do joins a batch with item and waits for its answer. When ctx ends first, Do returns its error, but the item stays in the batch:
// the caller then does not know the outcome.
func (b *Batcher[T, R]) Do(ctx context.Context, item T) (R, error) {
	var none R
	if err := ctx.Err(); err != nil {
		return none, err
	}
	mine, i, err := b.join(item)
	if err != nil {
		return none, err
	}
	select {
	case <-mine.done:
		return mine.results[i].Value, mine.results[i].Err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// Close takes no more items, flushes the open batch, and waits for every flush.
func (b *Batcher[T, R]) Close() {
	b.mu.Lock()
	b.closed = true
	b.closeOpen()
	b.mu.Unlock()
	b.work.Wait()
}

func (b *Batcher[T, R]) join(item T) (*batch[T, R], int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, 0, ErrBatcherClosed
	}
	if b.open == nil {
		b.open = &batch[T, R]{done: make(chan struct{})}
	}
	mine := b.open
	mine.items = append(mine.items, item)
	i := len(mine.items) - 1
	switch {
	case b.running == 0 || len(mine.items) >= b.cfg.Size:
		b.closeOpen()
	case mine.timer == nil:
		mine.timer = clock.System.NewTimer(b.cfg.Wait)
		b.work.Go(func() { b.wait(mine, mine.timer) })
	}
	return mine, i, nil
}

// wait closes a batch that has grown old. It ends with the batch in any case.
func (b *Batcher[T, R]) wait(mine *batch[T, R], timer *time.Timer) {
	defer timer.Stop()
	select {
	case <-mine.done:
	case <-timer.C:
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.open == mine {
			b.closeOpen()
		}
	}
}

// closeOpen starts the flush of the open batch, if there is one. The lock is held.
func (b *Batcher[T, R]) closeOpen() {
	mine := b.open
	if mine == nil {
		return
	}
	b.open = nil
	b.running++
	b.work.Go(func() { b.run(mine) })
}

func (b *Batcher[T, R]) run(mine *batch[T, R]) {
	mine.results = b.call(mine.items)
	close(mine.done)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	if b.running == 0 {
		b.closeOpen() // what gathered meanwhile has waited long enough
	}
}

func (b *Batcher[T, R]) call(items []T) (results []Result[R]) {
	defer func() {
		if p := recover(); p != nil {
			results = failAll[R](len(items), fmt.Errorf("batch of %d: panic: %v", len(items), p))
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), b.cfg.Timeout)
	defer cancel()
	results = b.flush(ctx, items)
	if len(results) != len(items) {
		return failAll[R](len(items), fmt.Errorf("batch of %d: got %d results", len(items), len(results)))
	}
	return results
}

func failAll[R any](n int, err error) []Result[R] {
	out := make([]Result[R], n)
	for i := range out {
		out[i].Err = err
	}
	return out
}
