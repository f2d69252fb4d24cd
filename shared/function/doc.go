// Package function runs a stage of the pipeline on Function Compute: event functions on the managed runtime go1, web functions on
// the runtime custom.debian12. A function's main is three lines: it names its Build, which turns settings from the environment into
// a handler and what must be closed, and starts it.
//
// An instance is frozen as soon as its call has returned, and thawed for the next one: whatever must reach the outside (logs, spans,
// messages) has to be sent before that. So the package calls Closer.Flush before every return and Closer.Close in the PreStop hook.
package function

import "context"

// Build makes a function's handler H (EventHandler or http.Handler) and its dependencies from the settings in env. It runs in the
// initializer, or in the first call where no initializer is configured; after an error it is run again, so it must leave nothing
// behind when it fails. It need not look at env.Err: a setting that is missing or bad fails the initialisation by itself, and its
// value is the zero value meanwhile. The Closer may be nil.
type Build[H any] func(ctx context.Context, env *Env) (H, Closer, error)

// Closer is what a function must do before its instance is frozen or destroyed.
type Closer interface {
	// Flush sends what is still in memory; it must be cheap when nothing is. It is called at the end of every call.
	Flush(ctx context.Context) error
	// Close flushes for the last time and lets go of connections. It is called once, when the instance is destroyed.
	Close(ctx context.Context) error
}

// Closers closes many in order; the errors are joined and do not stop the others.
type Closers []Closer
