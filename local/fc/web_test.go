package fc

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/template"
)

type answer struct {
	status int
	header http.Header
	body   string
}

func do(t *testing.T, handler http.Handler, req *http.Request) answer {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	return send(t, server, req)
}

func send(t *testing.T, server *httptest.Server, req *http.Request) answer {
	t.Helper()
	req.URL.Scheme, req.URL.Host = "http", strings.TrimPrefix(server.URL, "http://")
	req.RequestURI = ""
	res, err := server.Client().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{res.StatusCode, res.Header, string(body)}
}

func get(t *testing.T, r *Runtime, path string) answer {
	t.Helper()
	return do(t, r.ServeFunction("web"), httptest.NewRequest("GET", path, nil))
}

func TestWebRequestsPassThrough(t *testing.T) {
	t.Parallel()
	r, _ := run(t, only(webFunction()))
	req := httptest.NewRequest("POST", "/echo?a=%E5%8D%83&b=2", strings.NewReader("body"))
	req.Host = "orders.example.com"
	req.Header.Set("X-Party", "jd")
	req.Header.Set("X-Fc-Control-Path", "/pre-stop")
	req.Header.Set("X-Fc-Access-Key-Id", "stolen")
	got := do(t, r.ServeFunction("web"), req)
	require.Equal(t, http.StatusAccepted, got.status)
	require.Equal(t, "yes", got.header.Get("X-Own"))
	require.NotEqual(t, "mine", got.header.Get("Server"))
	require.Empty(t, got.header.Get("X-Fc-Status"))
	require.NotEmpty(t, got.header.Get("X-Fc-Request-Id"))
	var seen struct {
		Method, URI, Host, Body string
		Header                  http.Header
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &seen))
	require.Equal(t, "POST", seen.Method)
	require.Equal(t, "/echo?a=%E5%8D%83&b=2", seen.URI)
	require.Equal(t, "orders.example.com", seen.Host)
	require.Equal(t, "body", seen.Body)
	require.Equal(t, "jd", seen.Header.Get("X-Party"))
	require.Equal(t, "/http-invoke", seen.Header.Get("X-Fc-Control-Path"))
	require.Equal(t, "local", seen.Header.Get("X-Fc-Access-Key-Id"))
	require.Equal(t, got.header.Get("X-Fc-Request-Id"), seen.Header.Get("X-Fc-Request-Id"))
	require.Equal(t, "web", seen.Header.Get("X-Fc-Function-Name"))
	require.Equal(t, "60", seen.Header.Get("X-Fc-Function-Timeout"))
	require.Equal(t, map[string]int64{"web": 1}, r.Invocations())
}

func TestWebInstanceTakesManyRequestsAtATime(t *testing.T) {
	t.Parallel()
	r, _ := run(t, only(webFunction()))
	server := httptest.NewServer(r.ServeFunction("web"))
	defer server.Close()
	pids := make(chan string, 2)
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() { pids <- send(t, server, httptest.NewRequest("GET", "/meet", nil)).body })
	}
	calls.Wait()
	require.Equal(t, <-pids, <-pids)
	require.Len(t, r.Instances(), 1)
}

func TestWebInstancesMultiplyWhenFull(t *testing.T) {
	t.Parallel()
	fn := webFunction()
	fn.Concurrency, fn.Timeout = 1, 2*time.Second
	opts := only(fn)
	opts.MaxInstances = map[string]int{"web": 2}
	r, _ := run(t, opts)
	server := httptest.NewServer(r.ServeFunction("web"))
	defer server.Close()
	var calls sync.WaitGroup
	calls.Go(func() { require.Equal(t, 502, send(t, server, httptest.NewRequest("GET", "/hang", nil)).status) })
	eventually(t, func() bool { return r.Invocations()["web"] == 1 }, "one instance is full")
	require.Equal(t, 202, send(t, server, httptest.NewRequest("GET", "/echo", nil)).status)
	require.Len(t, r.Instances(), 2)
	calls.Wait()
}

func TestWebFailures(t *testing.T) {
	t.Parallel()
	fn := webFunction()
	fn.Timeout = time.Second
	r, _ := run(t, only(fn))
	crash := get(t, r, "/exit")
	require.Equal(t, 502, crash.status)
	require.Equal(t, TypeExited, crash.header.Get("X-Fc-Error-Type"))
	require.Contains(t, crash.body, "exit status 3")
	hang := get(t, r, "/hang")
	require.Equal(t, 502, hang.status)
	require.Equal(t, TypeTimeout, hang.header.Get("X-Fc-Error-Type"))
	big := get(t, r, "/headers")
	require.Equal(t, 502, big.status)
	require.Equal(t, "BadResponse", big.header.Get("X-Fc-Error-Type"))
	require.Equal(t, 404, get(t, r, "/nothing").status, "the function's own answer")
	require.Equal(t, 202, get(t, r, "/echo").status)
}

func TestWebLimits(t *testing.T) {
	t.Parallel()
	locked := webFunction()
	locked.Name, locked.HTTP = "locked", &template.HTTPTrigger{AuthType: "jwt", Methods: []string{"GET"}}
	inner := webFunction()
	inner.Name, inner.HTTP = "inner", nil
	r, _ := run(t, Options{Functions: []template.Function{webFunction(), locked, inner}})
	request := func(method, path string, body io.Reader, header string) *http.Request {
		req := httptest.NewRequest(method, path, body)
		req.Header.Set("X-Big", header)
		return req
	}
	for _, c := range []struct {
		function string
		req      *http.Request
		status   int
		code     string
	}{
		{"web", request("GET", "/echo", nil, strings.Repeat("x", 8<<10)), 400, "InvalidArgument"},
		{"web", request("GET", "/echo?"+strings.Repeat("x", 4<<10), nil, ""), 400, "InvalidArgument"},
		{"web", request("POST", "/echo", io.LimitReader(zeros{}, 32<<20+1), ""), 413, "RequestEntityTooLarge"},
		{"web", request("DELETE", "/echo", nil, ""), 405, "MethodNotAllowed"},
		{"locked", request("GET", "/echo", nil, ""), 403, "AccessDenied"},
		{"inner", request("GET", "/echo", nil, ""), 404, "TriggerNotFound"},
		{"none", request("GET", "/echo", nil, ""), 404, "FunctionNotFound"},
	} {
		w := httptest.NewRecorder()
		r.ServeFunction(c.function).ServeHTTP(w, c.req)
		require.Equal(t, c.status, w.Code, c)
		require.Equal(t, c.code, w.Header().Get("X-Fc-Error-Type"), c)
	}
	require.Empty(t, r.Instances(), "refused before any instance")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestWebFunctionTakesEvents(t *testing.T) {
	t.Parallel()
	r, j := run(t, only(webFunction()))
	result, err := r.Invoke(t.Context(), "web", []byte("hello"))
	require.NoError(t, err)
	require.Equal(t, "/invoke application/octet-stream hello", string(result.Payload))

	_, err = r.Invoke(t.Context(), "web", []byte("fail"))
	var failure *FunctionError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, TypeFailed, failure.Type)

	require.NotContains(t, j.text(), "WARNING")
	_, err = r.Invoke(t.Context(), "web", []byte("lost"))
	require.NoError(t, err, "as in the cloud: no x-fc-status, no failure")
	require.Contains(t, j.text(), "BOOKED AS SUCCESS")

	_, err = r.Invoke(t.Context(), "web", []byte("exit"))
	require.ErrorAs(t, err, &failure)
	require.Equal(t, TypeExited, failure.Type)
}

func TestEventFunctionTakesRequestsAsEvents(t *testing.T) {
	t.Parallel()
	req := httptest.NewRequest("POST", "/a%2Fb/c?x=1&x=2", strings.NewReader("\xff\xfe"))
	req.Host = "t.example.com"
	req.RemoteAddr = "192.0.2.1:1234"
	event := newHTTPEvent(req, "id", []byte("\xff\xfe"), time.UnixMilli(1628577790396))
	require.Equal(t, "/a%2Fb/c", event.RawPath)
	require.Equal(t, "/a/b/c", event.RequestContext.HTTP.Path)
	require.True(t, event.IsBase64Encoded)
	require.Equal(t, "//4=", event.Body)
	require.Equal(t, map[string]string{"x": "1,2"}, event.QueryParameters)
	require.Equal(t, "1628577790396", event.RequestContext.TimeEpoch)
	require.Equal(t, "192.0.2.1", event.RequestContext.HTTP.SourceIP)

	r, _ := run(t, only(eventFunction()))
	got := do(t, r.ServeFunction("event"), httptest.NewRequest("GET", "/x", nil))
	require.Equal(t, 502, got.status, "the test function finds no order in the event")
	require.Equal(t, "errorString", got.header.Get("X-Fc-Error-Type"))
}
