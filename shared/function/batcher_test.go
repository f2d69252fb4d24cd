package function

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func echo(items []int) []Result[int] {
	out := make([]Result[int], len(items))
	for i, item := range items {
		out[i].Value = item * 10
	}
	return out
}

var patient = BatchConfig{Size: 100, Wait: time.Hour, Timeout: time.Minute}

// gate is a flush that reports its batches and waits to be let through.
type gate struct {
	batches chan []int
	pass    chan struct{}
}

func newGate() *gate { return &gate{batches: make(chan []int), pass: make(chan struct{})} }

func (g *gate) flush(_ context.Context, items []int) []Result[int] {
	g.batches <- items
	<-g.pass
	return echo(items)
}

func TestBatcherLoneItemDoesNotWait(t *testing.T) {
	t.Parallel()
	// With an hour's wait, an answer at all proves that nothing was waited for.
	b := NewBatcher(patient, func(_ context.Context, items []int) []Result[int] { return echo(items) })
	defer b.Close()
	for i := range 3 {
		got, err := b.Do(t.Context(), i)
		require.NoError(t, err)
		require.Equal(t, i*10, got)
	}
}

func TestBatcherGathersWhileAFlushIsUnderWay(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := NewBatcher(patient, g.flush)
	defer b.Close()
	var calls sync.WaitGroup
	do := func(i int) {
		calls.Go(func() {
			got, err := b.Do(context.Background(), i)
			require.NoError(t, err)
			require.Equal(t, i*10, got)
		})
	}
	do(1)
	require.Equal(t, []int{1}, <-g.batches)
	for i := 2; i <= 6; i++ {
		do(i)
	}
	require.Eventually(t, func() bool { return b.waiting() == 5 }, 5*time.Second, time.Millisecond)
	g.pass <- struct{}{}
	require.ElementsMatch(t, []int{2, 3, 4, 5, 6}, <-g.batches, "one batch as soon as the first flush ends")
	g.pass <- struct{}{}
	calls.Wait()
}

func TestBatcherFullBatchDoesNotWaitForTheFlushUnderWay(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := NewBatcher(BatchConfig{Size: 2, Wait: time.Hour, Timeout: time.Minute}, g.flush)
	defer b.Close()
	var calls sync.WaitGroup
	for i := range 3 {
		calls.Go(func() { _, err := b.Do(context.Background(), i); require.NoError(t, err) })
	}
	first, second := <-g.batches, <-g.batches
	require.Len(t, append(first, second...), 3)
	g.pass <- struct{}{}
	g.pass <- struct{}{}
	calls.Wait()
}

func TestBatcherOldBatchDoesNotWaitForTheFlushUnderWay(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := NewBatcher(BatchConfig{Size: 100, Wait: time.Millisecond, Timeout: time.Minute}, g.flush)
	defer b.Close()
	var calls sync.WaitGroup
	for i := range 2 {
		calls.Go(func() { _, err := b.Do(context.Background(), i); require.NoError(t, err) })
		<-g.batches
	}
	close(g.pass)
	calls.Wait()
}

func TestBatcherCallerWhoHangsUpHarmsNobody(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := NewBatcher(patient, func(ctx context.Context, items []int) []Result[int] {
		defer func() { require.NoError(t, ctx.Err()) }()
		return g.flush(ctx, items)
	})
	defer b.Close()
	ctx, hangUp := context.WithCancel(context.Background())
	var calls sync.WaitGroup
	calls.Go(func() { _, err := b.Do(ctx, 1); require.ErrorIs(t, err, context.Canceled) })
	<-g.batches
	calls.Go(func() { _, err := b.Do(ctx, 2); require.ErrorIs(t, err, context.Canceled) })
	calls.Go(func() { got, err := b.Do(context.Background(), 3); require.NoError(t, err); require.Equal(t, 30, got) })
	require.Eventually(t, func() bool { return b.waiting() == 2 }, 5*time.Second, time.Millisecond)
	hangUp()
	g.pass <- struct{}{}
	require.ElementsMatch(t, []int{2, 3}, <-g.batches, "an item stays when its caller has gone")
	g.pass <- struct{}{}
	calls.Wait()
	_, err := b.Do(ctx, 4)
	require.ErrorIs(t, err, context.Canceled, "who comes already cancelled does not join")
}

func TestBatcherFailuresReachTheirCallers(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for name, c := range map[string]struct {
		flush func(context.Context, []int) []Result[int]
		want  string
	}{
		"own error":       {func(context.Context, []int) []Result[int] { return []Result[int]{{Err: refused}} }, "refused"},
		"panic":           {func(context.Context, []int) []Result[int] { panic("boom") }, "batch of 1: panic: boom"},
		"too few results": {func(context.Context, []int) []Result[int] { return nil }, "batch of 1: got 0 results"},
		"deadline": {func(ctx context.Context, _ []int) []Result[int] {
			<-ctx.Done()
			return []Result[int]{{Err: ctx.Err()}}
		}, "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := NewBatcher(BatchConfig{Size: 2, Wait: time.Hour, Timeout: time.Millisecond}, c.flush)
			defer b.Close()
			_, err := b.Do(t.Context(), 1)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestBatcherCloseFlushesWhatIsOpen(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := NewBatcher(patient, g.flush)
	var calls sync.WaitGroup
	calls.Go(func() { _, err := b.Do(context.Background(), 1); require.NoError(t, err) })
	<-g.batches
	calls.Go(func() { _, err := b.Do(context.Background(), 2); require.NoError(t, err) })
	require.Eventually(t, func() bool { return b.waiting() == 1 }, 5*time.Second, time.Millisecond)
	closed := make(chan struct{})
	go func() { defer close(closed); b.Close() }()
	require.Equal(t, []int{2}, <-g.batches, "Close does not wait for the flush under way to start the last one")
	close(g.pass)
	calls.Wait()
	<-closed
	_, err := b.Do(t.Context(), 3)
	require.ErrorIs(t, err, ErrBatcherClosed)
}

func TestBatcherAnswersEverybodyOnceUnderLoad(t *testing.T) {
	t.Parallel()
	var flushed atomic.Int64
	b := NewBatcher(BatchConfig{Size: 7, Wait: time.Millisecond, Timeout: time.Minute}, func(_ context.Context, items []int) []Result[int] {
		require.LessOrEqual(t, len(items), 7)
		flushed.Add(int64(len(items)))
		return echo(items)
	})
	var calls sync.WaitGroup
	for worker := range 50 {
		calls.Go(func() {
			for i := range 40 {
				item := worker*1000 + i
				got, err := b.Do(context.Background(), item)
				require.NoError(t, err)
				require.Equal(t, item*10, got)
			}
		})
	}
	calls.Wait()
	b.Close()
	require.EqualValues(t, 2000, flushed.Load())
}

// waiting is the number of items in the open batch.
func (b *Batcher[T, R]) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		return 0
	}
	return len(b.open.items)
}

func BenchmarkBatcher(b *testing.B) {
	batcher := NewBatcher(BatchConfig{Size: 25, Wait: 5 * time.Millisecond, Timeout: time.Minute},
		func(_ context.Context, items []int) []Result[int] { return echo(items) })
	defer batcher.Close()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := batcher.Do(b.Context(), 1); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
