package function

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorder is a Closer that counts, and can fail.
type recorder struct {
	mu              sync.Mutex
	flushed, closed int
	flushErr        error
}

func (r *recorder) Flush(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushed++
	return r.flushErr
}

func (r *recorder) Close(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed++
	return nil
}

func (r *recorder) counts() (flushed, closed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flushed, r.closed
}

func noEnv() *Env { return envOf(nil) }

func webOf(handler http.HandlerFunc, closer Closer) (*webFunction, *strings.Builder) {
	out := &strings.Builder{}
	cfg := WebConfig{Env: noEnv, MaxBody: 10, Stdout: out}
	return newWebFunction(cfg, func(context.Context, *Env) (http.Handler, Closer, error) { return handler, closer, nil }), out
}

func call(f http.Handler, method, path, body string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result()
}

func TestWebSetsTheStatusHeaderOnEveryResponse(t *testing.T) {
	t.Parallel()
	answers := map[string]http.HandlerFunc{
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"body":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") },
		"refusal": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		"failure": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"panic":   func(http.ResponseWriter, *http.Request) { panic("boom") },
	}
	for _, c := range []struct {
		answer, control string
		status          int
		outcome         string
	}{
		{"nothing", "/http-invoke", 200, "200"},
		{"body", "/http-invoke", 200, "200"},
		{"refusal", "/http-invoke", 400, "200"},
		{"failure", "/http-invoke", 503, "200"},
		{"panic", "/http-invoke", 500, "200"},
		{"nothing", "/invoke", 200, "200"},
		{"refusal", "/invoke", 400, "200"},
		{"failure", "/invoke", 503, "404"},
		{"panic", "/invoke", 500, "404"},
	} {
		f, _ := webOf(answers[c.answer], nil)
		res := call(f, "POST", "/invoke", "{}", "X-Fc-Control-Path", c.control)
		require.Equal(t, c.status, res.StatusCode, c)
		require.Equal(t, c.outcome, res.Header.Get("X-Fc-Status"), c)
	}
}

func TestWebPrintsTheLinesThatCutLogs(t *testing.T) {
	t.Parallel()
	f, out := webOf(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			panic("boom")
		}
	}, nil)
	call(f, "POST", "/initialize", "", "X-Fc-Request-Id", "r0", "X-Fc-Control-Path", "/initialize")
	call(f, "GET", "/good", "", "X-Fc-Request-Id", "r1")
	call(f, "GET", "/bad", "", "X-Fc-Request-Id", "r2")
	call(f, "GET", "/pre-stop", "", "X-Fc-Request-Id", "r3")
	require.Equal(t, `FC Initialize Start RequestId: r0
FC Initialize End RequestId: r0
FC Invoke Start RequestId: r1
FC Invoke End RequestId: r1
FC Invoke Start RequestId: r2
FC Invoke End RequestId: r2, Error: Unhandled function error
FC PreStop Start RequestId: r3
FC PreStop End RequestId: r3
`, out.String())
}

func TestWebHooksBuildAndCloseOnce(t *testing.T) {
	t.Parallel()
	deps := &recorder{}
	builds := 0
	f := newWebFunction(WebConfig{Stdout: io.Discard}, func(_ context.Context, env *Env) (http.Handler, Closer, error) {
		builds++
		if builds == 1 {
			return nil, deps, errors.New("database away")
		}
		return http.NotFoundHandler(), deps, nil
	})
	res := call(f, "POST", "/initialize", "")
	require.Equal(t, 500, res.StatusCode)
	body, _ := io.ReadAll(res.Body)
	require.JSONEq(t, `{"errorType":"InitError","errorMessage":"initialise: database away"}`, string(body))
	_, closed := deps.counts()
	require.Equal(t, 1, closed, "a failed build leaves nothing behind")

	require.Equal(t, 200, call(f, "POST", "/initialize", "").StatusCode)
	require.Equal(t, 200, call(f, "POST", "/initialize", "").StatusCode)
	require.Equal(t, 2, builds)
	require.Equal(t, 404, call(f, "GET", "/x", "").StatusCode, "the handler's own answer")
	require.Equal(t, 200, call(f, "GET", "/pre-stop", "").StatusCode)
	require.Equal(t, 200, call(f, "GET", "/pre-stop", "").StatusCode)
	flushed, closed := deps.counts()
	require.Equal(t, 1, flushed)
	require.Equal(t, 2, closed)
	require.Equal(t, 503, call(f, "GET", "/x", "").StatusCode)
}

func TestWebHooksAreNotForCallers(t *testing.T) {
	t.Parallel()
	deps := &recorder{}
	f, _ := webOf(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, deps)
	require.Equal(t, http.StatusTeapot, call(f, "GET", "/pre-stop", "", "X-Fc-Control-Path", "/http-invoke").StatusCode)
	_, closed := deps.counts()
	require.Zero(t, closed)
}

func TestWebWithBadSettingsKeepsThemFromCallers(t *testing.T) {
	t.Parallel()
	f := newWebFunction(WebConfig{Env: noEnv, Stdout: io.Discard}, func(_ context.Context, env *Env) (http.Handler, Closer, error) {
		LoadCommon(env)
		return http.NotFoundHandler(), nil, nil
	})
	res := call(f, "GET", "/x", "", "X-Fc-Control-Path", "/http-invoke")
	body, _ := io.ReadAll(res.Body)
	require.Equal(t, 503, res.StatusCode)
	require.NotContains(t, string(body), EnvMySQLDSN)
	res = call(f, "POST", "/initialize", "")
	body, _ = io.ReadAll(res.Body)
	require.Contains(t, string(body), EnvMySQLDSN+" is not set")
}

func TestWebLimitsTheBody(t *testing.T) {
	t.Parallel()
	deps := &recorder{}
	f, _ := webOf(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }, deps)
	res := call(f, "POST", "/x", "0123456789")
	body, _ := io.ReadAll(res.Body)
	require.Equal(t, "0123456789", string(body))
	require.Equal(t, 413, call(f, "POST", "/x", "0123456789a").StatusCode)

	f.cfg.TooLarge = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"code":"-1"}`) })
	unknownLength := httptest.NewRequest("POST", "/x", io.MultiReader(strings.NewReader("0123456"), strings.NewReader("789abc")))
	unknownLength.ContentLength = -1
	w := httptest.NewRecorder()
	f.ServeHTTP(w, unknownLength)
	require.Equal(t, 200, w.Code)
	require.Equal(t, `{"code":"-1"}`, w.Body.String(), "the party's own protocol")
	flushed, _ := deps.counts()
	require.Equal(t, 3, flushed)
}

func TestWebServesUntilItIsToldToStop(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	deps := &recorder{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serveWeb(ctx, WebConfig{Env: noEnv, Stdout: io.Discard}, func(context.Context, *Env) (http.Handler, Closer, error) {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				close(entered)
				<-leave
				_, _ = io.WriteString(w, "done")
			}), deps, nil
		}, listener)
	}()
	answer := make(chan string, 1)
	go func() {
		res, err := http.Get("http://" + listener.Addr().String() + "/x")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		answer <- string(body)
	}()
	<-entered
	stop()
	select {
	case err := <-ended:
		t.Fatalf("ended with a request in flight: %v", err)
	default:
	}
	close(leave)
	require.Equal(t, "done", <-answer)
	require.NoError(t, <-ended)
	_, closed := deps.counts()
	require.Equal(t, 1, closed)
}
