package function

import (
	"context"
	"errors"
)

// Flush flushes every part.
func (c Closers) Flush(ctx context.Context) error {
	var errs []error
	for _, part := range c {
		errs = append(errs, part.Flush(ctx))
	}
	return errors.Join(errs...)
}

// Close closes every part.
func (c Closers) Close(ctx context.Context) error {
	var errs []error
	for _, part := range c {
		errs = append(errs, part.Close(ctx))
	}
	return errors.Join(errs...)
}

// CloserFuncs is a Closer of two functions; either may be nil.
type CloserFuncs struct {
	OnFlush, OnClose func(ctx context.Context) error
}

// Flush calls OnFlush.
func (c CloserFuncs) Flush(ctx context.Context) error { return callIfSet(ctx, c.OnFlush) }

// Close calls OnClose.
func (c CloserFuncs) Close(ctx context.Context) error { return callIfSet(ctx, c.OnClose) }

func callIfSet(ctx context.Context, f func(context.Context) error) error {
	if f == nil {
		return nil
	}
	return f(ctx)
}
