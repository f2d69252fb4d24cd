package gateway

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/template"
)

func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, name+" "+r.URL.RequestURI()) })
}

func running(t *testing.T, routes ...template.Route) *Gateway {
	t.Helper()
	g := New(Options{Routes: routes, Function: named})
	require.NoError(t, g.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, g.Close(context.Background())) })
	return g
}

func send(t *testing.T, g *Gateway, method, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+g.Addr()+path, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	if res.StatusCode != http.StatusOK {
		require.Equal(t, res.Header.Get("X-Fc-Request-Id"), field(t, body, "RequestId"))
	}
	return res.StatusCode, string(body)
}

func field(t *testing.T, body []byte, name string) string {
	t.Helper()
	var fields map[string]string
	require.NoError(t, json.Unmarshal(body, &fields))
	return fields[name]
}

func TestRequestsFindTheirFunction(t *testing.T) {
	t.Parallel()
	g := running(t,
		template.Route{Path: "/upstream/*", Function: "intake", Methods: []string{"GET", "POST"}},
		template.Route{Path: "/upstream/jd/*", Function: "jd"},
		template.Route{Path: "/upstream/jd/health", Function: "health"},
		template.Route{Path: "/carrier/*", Function: "callback"},
	)
	for path, want := range map[string]string{
		"/upstream/taobao":           "intake /upstream/taobao",
		"/upstream/v1/orders?a=%2F":  "intake /upstream/v1/orders?a=%2F",
		"/upstream/jd/djsw/newOrder": "jd /upstream/jd/djsw/newOrder",
		"/upstream/jd/health":        "health /upstream/jd/health",
		"/carrier/uupt":              "callback /carrier/uupt",
		"/carrier/a%2Fb":             "callback /carrier/a%2Fb",
	} {
		status, body := send(t, g, "POST", path)
		require.Equal(t, 200, status, path)
		require.Equal(t, want, body)
	}
	status, body := send(t, g, "DELETE", "/upstream/taobao")
	require.Equal(t, 405, status)
	require.Equal(t, "MethodNotAllowed", field(t, []byte(body), "Code"))
	for _, path := range []string{"/", "/upstreams", "/upstream", "/carrierx", "/../carrier"} {
		status, body := send(t, g, "GET", path)
		require.Equal(t, 404, status, path)
		require.Equal(t, "RouteNotFound", field(t, []byte(body), "Code"))
	}
}

func TestAddressThatIsTakenIsAnError(t *testing.T) {
	t.Parallel()
	g := running(t)
	second := New(Options{Addr: g.Addr(), Function: named})
	require.ErrorContains(t, second.Start(t.Context()), "gateway: listen tcp "+g.Addr())
	require.NoError(t, second.Close(t.Context()), "one that never ran closes too")
}

func TestCloseWaitsForRunningRequests(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	g := New(Options{Routes: []template.Route{{Path: "/*", Function: "slow"}}, Function: func(string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			entered <- struct{}{}
			<-leave
			_, _ = io.WriteString(w, "done")
		})
	}})
	require.NoError(t, g.Start(t.Context()))
	answered := make(chan string, 1)
	go func() {
		res, err := http.Post("http://"+g.Addr()+"/x", "text/plain", strings.NewReader("x"))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		answered <- string(body)
	}()
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- g.Close(context.Background()) }()
	close(leave)
	require.Equal(t, "done", <-answered)
	require.NoError(t, <-closed)
	require.NoError(t, g.Close(context.Background()), "twice is fine")
}

func TestCloseBreaksOffWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	g := New(Options{Routes: []template.Route{{Path: "/*", Function: "stuck"}}, Function: func(string) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
		})
	}})
	require.NoError(t, g.Start(t.Context()))
	failed := make(chan error, 1)
	go func() {
		res, err := http.Get("http://" + g.Addr() + "/x")
		if err == nil {
			res.Body.Close()
		}
		failed <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, g.Close(ctx), context.Canceled)
	require.Error(t, <-failed)
}
