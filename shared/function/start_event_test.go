package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"
	"github.com/stretchr/testify/require"
)

type StoreAway struct{}

func (*StoreAway) Error() string { return "store is away" }

func TestErrorTypeIsTheFirstExportedTypeInTheChain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("x"), "Error"},
		{&StoreAway{}, "StoreAway"},
		{fmt.Errorf("commit: %w", &StoreAway{}), "StoreAway"},
		{errors.Join(errors.New("x"), fmt.Errorf("y: %w", &StoreAway{})), "StoreAway"},
		{fmt.Errorf("call: %w", context.DeadlineExceeded), "DeadlineExceeded"},
		{context.Canceled, "Canceled"},
	} {
		require.Equal(t, c.want, errorType(c.err), c.err)
	}
}

func TestEventFlushesHoweverTheCallEnds(t *testing.T) {
	t.Parallel()
	deps := &recorder{}
	f := newEventFunction(EventConfig{Env: noEnv}, func(context.Context, *Env) (EventHandler, Closer, error) {
		return func(_ context.Context, payload json.RawMessage) error {
			switch string(payload) {
			case `"panic"`:
				panic("boom")
			case `"fail"`:
				return fmt.Errorf("stage: %w", &StoreAway{})
			}
			return nil
		}, deps, nil
	})
	require.NoError(t, f.invoke(t.Context(), json.RawMessage(`"ok"`)))
	var reported messages.InvokeResponse_Error
	require.ErrorAs(t, f.invoke(t.Context(), json.RawMessage(`"fail"`)), &reported)
	require.Equal(t, "StoreAway", reported.Type)
	require.Equal(t, "stage: store is away", reported.Message)
	require.Panics(t, func() { _ = f.invoke(t.Context(), json.RawMessage(`"panic"`)) })
	flushed, _ := deps.counts()
	require.Equal(t, 3, flushed)

	deps.flushErr = errors.New("no route")
	require.ErrorAs(t, f.invoke(t.Context(), json.RawMessage(`"ok"`)), &reported)
	require.Equal(t, "FlushError", reported.Type)
}

// The test binary is its own child: a function on the real SDK.
const childVariable = "FUNCTION_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	built := 0
	StartEvent(EventConfig{}, func(_ context.Context, env *Env) (EventHandler, Closer, error) {
		if built++; built == 1 {
			return nil, nil, &StoreAway{}
		}
		greeting := env.Require("GREETING")
		return func(_ context.Context, payload json.RawMessage) error {
			if string(payload) == `"fail"` {
				return fmt.Errorf("%s: %w", greeting, &StoreAway{})
			}
			return nil
		}, nil, nil
	})
}

// TestStartEventSpeaksTheRuntimeProtocol plays the platform for a real child process.
func TestStartEventSpeaksTheRuntimeProtocol(t *testing.T) {
	t.Parallel()
	steps := []struct{ kind, payload, outcome, body string }{
		{"1", "", "error", `{"errorMessage":"initialise: store is away","errorType":"InitError"}`},
		{"1", "", "response", ""},
		{"0", `[]`, "response", "null"},
		{"0", `"fail"`, "error", `{"errorMessage":"hello: store is away","errorType":"StoreAway"}`},
		{"2", "", "response", ""},
	}
	next := make(chan int, 1)
	answers := make(chan [2]string)
	deadline := time.UnixMilli(4102444800000) // far enough
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2020-11-11/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case i := <-next:
			w.Header().Set("x-fc-request-id", fmt.Sprint("r", i))
			w.Header().Set("x-fc-function-deadline", fmt.Sprint(deadline.UnixMilli()))
			w.Header().Set("x-fc-function-timeout", "60")
			w.Header().Set("x-fc-function-type", steps[i].kind)
			_, _ = io.WriteString(w, steps[i].payload)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /2020-11-11/runtime/invocation/{id}/{outcome}", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answers <- [2]string{r.PathValue("outcome"), string(body)}
	})
	platform := httptest.NewServer(mux)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"=1", "GREETING=hello", "FC_RUNTIME_API="+strings.TrimPrefix(platform.URL, "http://"))
	require.NoError(t, child.Start())
	defer func() { // the child first: without its platform it spins
		_ = child.Process.Kill()
		_ = child.Wait()
		platform.Close()
	}()
	for i, step := range steps {
		next <- i
		got := <-answers
		require.Equal(t, step.outcome, got[0], "step %d: %s", i, got[1])
		require.Equal(t, step.body, strings.TrimSpace(got[1]), "step %d", i)
	}
}
