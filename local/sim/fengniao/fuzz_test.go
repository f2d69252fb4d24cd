package fengniao_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/fengniao"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// FuzzCalls signs whatever business_data it is given for every method, and takes it as a
// call for a token: each is answered, in the envelope, and nobody's money is lost on the way.
func FuzzCalls(f *testing.F) {
	paths := []string{"openapi/token", "openapi/refreshToken", "openapi/nothing"}
	for _, method := range []string{
		"preCreateOrder", "createOrder", "getOrderDetail", "getKnightInfo", "addTip", "getCancelReasonList", "preCancelOrder", "cancelOrder", "getAmount", "nothing",
	} {
		paths = append(paths, "v3/invoke/"+method)
	}
	for _, seed := range []m{{}, delivery("QF1001"), order("QF1001"), about("1"), {"partner_order_code": "QF1001", "add_tip_amount_cent": 1e300}, {"add_tip_amount_cent": -1}} {
		f.Add(string(world.JSON(seed)))
	}
	f.Add(`{"goods_weight":"NaN","receiver_longitude":1e308,"order_cancel_code":[]}`)
	f.Fuzz(func(t *testing.T, data string) {
		service := fengniao.New(fengniao.Options{Clock: worldtest.NewClock(begin), System: func() time.Time { return system }, Faults: world.None()})
		defer service.Close()
		p := &party{t: t, now: system, access: fengniao.OpeningAccess}
		for _, body := range []string{data, string(world.JSON(p.business(data)))} {
			for _, path := range paths {
				w := httptest.NewRecorder()
				service.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, fengniao.Prefix+path, strings.NewReader(body)))
				var got reply
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got), w.Body.String())
				require.Equal(t, got.Code == "200", got.Msg == "success", got.Msg)
			}
		}
		b := service.Books()
		for _, o := range b.Orders {
			b.Balance += o.Charged
		}
		require.Equal(t, b.Opening, b.Balance)
	})
}
