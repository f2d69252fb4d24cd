package jd_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/jd"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// listener takes every push.
type listener struct{}

// RoundTrip answers that it was received.
func (listener) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(ok))}, nil
}

// FuzzCalls signs whatever content it is given for every call about an order, NO in it being
// the order's number: each is answered, in both envelopes.
func FuzzCalls(f *testing.F) {
	paths := []string{query, track, deliver, finish, "bm/order/finishOrder", decide, refund, receive, "nothing"}
	for _, seed := range []string{
		`{}`, `null`, `{"orderId":"NO","deliveryStatus":"20","deliveryManName":"李四"}`, `{"orderId":NO,"isAgreed":true}`, `{"orderId":"NO","isAgreed":false,"remark":"x"}`,
		`{"orderId":1e300,"pageNo":[]}`, `{"orderId":"NO","deliveryStatus":{}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		service := jd.New(jd.Options{
			Clock: worldtest.NewClock(begin), System: func() time.Time { return system }, Faults: world.None(), PushBase: "http://qianfan.invalid",
			Shops: []world.Shop{shop}, Client: &http.Client{Transport: listener{}},
		})
		defer service.Close()
		no, err := service.Draft(world.OrderRequest{Key: "a"})
		require.NoError(t, err)
		params := map[string]string{
			"app_key": "jd-test-app", "token": "jd-test-token", "format": "json", "v": "1.0",
			"timestamp": "2026-01-01 08:00:00", "jd_param_json": strings.ReplaceAll(content, "NO", no),
		}
		form := url.Values{"sign": {jd.Sign(params, jd.Development.Secret)}}
		for k, v := range params {
			form.Set(k, v)
		}
		for _, body := range []string{content, form.Encode()} {
			for _, path := range paths {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodPost, jd.Prefix+path, strings.NewReader(body))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				service.Handler().ServeHTTP(w, r)
				var outer, inner struct{ Code, Msg, Data string }
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &outer), w.Body.String())
				require.NotEmpty(t, outer.Code+outer.Msg)
				if outer.Data != "" {
					require.NoError(t, json.Unmarshal([]byte(outer.Data), &inner), outer.Data)
					require.NotEmpty(t, inner.Code)
				}
			}
		}
	})
}
