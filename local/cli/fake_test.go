package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
)

// rig is a command line with a control API that answers what a test says.
type rig struct {
	env
	out, errs bytes.Buffer
	url       string

	mu       sync.Mutex
	answers  map[string]string // by "GET /path"; a leading "409 " is the status
	requests []string          // "GET /path?query body"
}

func newRig(t *testing.T, answers map[string]string) *rig {
	t.Helper()
	r := &rig{answers: answers}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	r.env = env{
		ctx: t.Context(), out: &r.out, errs: &r.errs, look: func(string) (string, bool) { return "", false },
		engine: engine{
			up:    func(context.Context, emulator.Options, io.Writer, io.Writer) error { return nil },
			bench: func(context.Context, string, emulator.Options, io.Writer, io.Writer) error { return nil },
		},
	}
	return r
}

func (r *rig) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, strings.TrimSpace(request.Method+" "+request.URL.RequestURI()+" "+string(body)))
	answer, ok := r.answers[request.Method+" "+request.URL.Path]
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		answer = `{"error":"nothing there","hint":"look elsewhere"}`
	case strings.HasPrefix(answer, "409 "):
		w.WriteHeader(http.StatusConflict)
		answer = answer[4:]
	}
	_, _ = io.WriteString(w, answer)
}

// do runs one command line against the rig's API and gives the exit code, what it printed and what it complained of.
func (r *rig) do(t *testing.T, line string) (code int, out, errs string) {
	t.Helper()
	r.out.Reset()
	r.errs.Reset()
	r.mu.Lock()
	r.requests = nil
	r.mu.Unlock()
	code = run(r.env, append([]string{"--console", r.url}, strings.Fields(line)...))
	if code != 0 {
		require.Contains(t, r.errs.String(), "qianfan: ", "a failure is explained on stderr")
	}
	return code, r.out.String(), r.errs.String()
}

// succeeds wants exit code 0 and silence on stderr.
func (r *rig) succeeds(t *testing.T, line string) string {
	t.Helper()
	code, out, errs := r.do(t, line)
	require.Zero(t, code, errs)
	require.Empty(t, errs)
	return out
}
