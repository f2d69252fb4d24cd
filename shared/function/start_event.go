package function

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"
)

// EventHandler handles one call of an event function: a batch of messages (DecodeEvents) or a timer (DecodeTimer). An error makes the
// trigger deliver the whole batch again. ctx ends at the function's deadline.
type EventHandler func(ctx context.Context, payload json.RawMessage) error

// EventConfig says where an event function gets its settings.
type EventConfig struct {
	Env func() *Env // nil reads the process's environment
}

// StartEvent runs an event function on the runtime go1 and never returns. The initializer builds; PreStop closes; every call ends
// with a flush, whether or not it failed. The result of a call is null.
func StartEvent(cfg EventConfig, build Build[EventHandler]) {
	f := newEventFunction(cfg, build)
	fc.RegisterInitializerFunction(f.initialize)
	fc.RegisterPreStopFunction(f.preStop)
	fc.Start(f.invoke)
}

type eventFunction struct{ instance[EventHandler] }

func newEventFunction(cfg EventConfig, build Build[EventHandler]) *eventFunction {
	return &eventFunction{instance[EventHandler]{build: build, env: envSource(cfg.Env)}}
}

func envSource(env func() *Env) func() *Env {
	if env != nil {
		return env
	}
	return func() *Env { return NewEnv(nil) }
}

// initialize and preStop panic on failure: a hook of the runtime has no other way to say so.
func (f *eventFunction) initialize(ctx context.Context) {
	if _, err := f.get(ctx); err != nil {
		panic(runtimeError(err))
	}
}

func (f *eventFunction) preStop(ctx context.Context) {
	if err := f.close(ctx); err != nil {
		panic(runtimeError(err))
	}
}

func (f *eventFunction) invoke(ctx context.Context, payload json.RawMessage) (err error) {
	defer func() {
		// On a panic too: what was sent off before it must still get out. The runtime reports the panic itself.
		if err = errors.Join(err, f.flush(ctx)); err != nil {
			err = runtimeError(err)
		}
	}()
	handle, err := f.get(ctx)
	if err != nil {
		return err
	}
	return handle(ctx, payload)
}

// runtimeError gives an error the form in which the runtime reports it. By itself the runtime would name the outermost Go type, which
// for a wrapped error is always the same.
func runtimeError(err error) error {
	return messages.InvokeResponse_Error{Message: err.Error(), Type: errorType(err)}
}

// errorType is the name of the first exported type in err's chain, or DeadlineExceeded, Canceled or Error.
func errorType(err error) string {
	if name := exportedType(err); name != "" {
		return name
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "DeadlineExceeded"
	case errors.Is(err, context.Canceled):
		return "Canceled"
	}
	return "Error"
}

func exportedType(err error) string {
	if err == nil {
		return ""
	}
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name := t.Name(); name != "" && name[0] >= 'A' && name[0] <= 'Z' {
		return name
	}
	switch e := err.(type) { //nolint:errorlint // walks the chain link by link itself
	case interface{ Unwrap() error }:
		return exportedType(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			if name := exportedType(part); name != "" {
				return name
			}
		}
	}
	return ""
}
