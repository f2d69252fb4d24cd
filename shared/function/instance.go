package function

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// instance is a function's handler and dependencies within one process: built once, closed once.
type instance[H any] struct {
	build Build[H]
	env   func() *Env

	mu      sync.Mutex
	built   bool
	closed  bool
	handler H
	closer  Closer
}

// errClosed is the answer to a call after PreStop.
var errClosed = errors.New("instance is closed")

// get builds the handler in the first call and again after a failed one: the platform repeats an initializer until it succeeds.
func (i *instance[H]) get(ctx context.Context) (h H, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return h, &InitError{errClosed}
	}
	if i.built {
		return i.handler, nil
	}
	env := i.env()
	handler, closer, err := i.build(ctx, env)
	// Settings explain what follows from them, so they come first.
	if bad := env.Err(); bad != nil {
		err = errors.Join(bad, err)
	}
	if err != nil {
		if closer != nil {
			err = errors.Join(err, closer.Close(ctx))
		}
		return h, &InitError{err}
	}
	i.handler, i.closer, i.built = handler, closer, true
	return handler, nil
}

// flush sends what is in memory, before the instance may be frozen.
func (i *instance[H]) flush(ctx context.Context) error {
	i.mu.Lock()
	closer := i.closer
	i.mu.Unlock()
	if closer == nil {
		return nil
	}
	if err := closer.Flush(ctx); err != nil {
		return &FlushError{err}
	}
	return nil
}

// close lets go of the dependencies, once.
func (i *instance[H]) close(ctx context.Context) error {
	i.mu.Lock()
	closer, first := i.closer, !i.closed
	i.closed = true
	i.mu.Unlock()
	if closer == nil || !first {
		return nil
	}
	if err := closer.Close(ctx); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// InitError says why an instance could not be initialised: settings, or a dependency that did not answer.
type InitError struct{ Cause error }

func (e *InitError) Error() string { return "initialise: " + e.Cause.Error() }
func (e *InitError) Unwrap() error { return e.Cause }

// FlushError says that a call did its work but could not send what must leave the instance before it is frozen.
type FlushError struct{ Cause error }

func (e *FlushError) Error() string { return "flush: " + e.Cause.Error() }
func (e *FlushError) Unwrap() error { return e.Cause }
