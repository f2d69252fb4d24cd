// A stage as functions/ has them, for both runtimes.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/chuandao/qianfan/shared/function"
)

// StoreAway is an error with a name.
type StoreAway struct{}

func (StoreAway) Error() string { return "store is away" }

func main() {
	if os.Getenv("FC_RUNTIME_API") != "" {
		function.StartEvent(function.EventConfig{}, buildEvent)
	}
	function.StartWeb(function.WebConfig{}, buildWeb)
}

func closer() function.Closer {
	return function.CloserFuncs{
		OnFlush: func(context.Context) error { fmt.Println("flushed"); return nil },
		OnClose: func(context.Context) error { fmt.Println("closed"); return nil },
	}
}

func buildEvent(_ context.Context, env *function.Env) (function.EventHandler, function.Closer, error) {
	greeting := env.Require("GREETING")
	return func(_ context.Context, payload json.RawMessage) error {
		if function.IsTimer(payload) {
			fmt.Println("timer")
			return nil
		}
		events, err := function.DecodeEvents(payload)
		if err != nil {
			return err
		}
		for _, e := range events {
			if string(e.Body) == "fail" {
				return fmt.Errorf("handle %s: %w", e.ID, StoreAway{})
			}
			fmt.Println(greeting, e.ID, string(e.Body))
		}
		return nil
	}, closer(), nil
}

func buildWeb(_ context.Context, env *function.Env) (http.Handler, function.Closer, error) {
	greeting := env.Require("GREETING")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" || r.URL.Path == "/invoke" {
			panic(errors.New("boom"))
		}
		fmt.Fprint(w, greeting, r.URL.Path)
	}), closer(), nil
}
