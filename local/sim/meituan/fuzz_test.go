package meituan_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/meituan"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// FuzzCalls signs whatever parameters it is given for every call about an order, NO in them
// being the order's number: each is answered in the platform's words.
func FuzzCalls(f *testing.F) {
	paths := []string{sync, "ecommerce/order/syncEstimateArrivalTime", "order/syncEstimateArrivalTime", "order/delivering", "order/arrived", "order/nothing"}
	for _, seed := range []string{
		"", "order_id=NO&logistics_status=10&courier_name=%E6%9D%8E", "order_id=NO&estimate_arrival_time=1e300", "order_id=1&logistics_status=-1", "a=%zz", "order_id=NO&order_id=2", "sig=x&app_id=y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		service := meituan.New(meituan.Options{
			Clock: worldtest.NewClock(begin), System: func() time.Time { return system }, Faults: world.None(), PushBase: "http://qianfan.invalid",
			PublicBase: "http://meituan.invalid", Shops: []world.Shop{shop},
		})
		defer service.Close()
		no, err := service.Draft(world.OrderRequest{Key: "a"})
		require.NoError(t, err)
		given, _ := url.ParseQuery(strings.ReplaceAll(text, "NO", no)) // what can be read of it
		for _, path := range paths {
			params := map[string]string{}
			for name, values := range given {
				params[name] = values[0]
			}
			params["app_id"], params["timestamp"] = "1001", strconv.FormatInt(system.Unix(), 10)
			params["sig"] = meituan.Sign("http://meituan.invalid"+meituan.Prefix+path, params, meituan.Development.Secret)
			form := url.Values{}
			for name, value := range params {
				form.Set(name, value)
			}
			for _, body := range []string{text, form.Encode()} {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodPost, meituan.Prefix+path, strings.NewReader(body))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				service.Handler().ServeHTTP(w, r)
				var got struct {
					Data  string
					Error struct {
						Code int
						Msg  string
					}
				}
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got), w.Body.String())
				require.Equal(t, got.Data == "ok", got.Error.Msg == "", w.Body.String())
				require.NotEqual(t, 703, map[bool]int{true: got.Error.Code}[body != text], "signed here")
			}
		}
	})
}
