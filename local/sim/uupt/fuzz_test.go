package uupt_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/uupt"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// FuzzCalls signs whatever biz it is given for every call: each is answered, in the envelope,
// and nobody's money is lost on the way.
func FuzzCalls(f *testing.F) {
	names := []string{
		"order/openCityList", "order/orderPrice", "order/addOrder", "order/orderDetail", "order/driverTrack", "order/addGratuity",
		"order/cancelFee", "order/cancelOrder", "user/account", "order/nothing",
	}
	for _, seed := range []m{{}, delivery("QF1001"), add("token"), {"orderCode": "1", "reason": "x", "fee": 1}, {"originId": 7, "fee": 1e300}, {"fee": -1}} {
		f.Add(string(world.JSON(seed)))
	}
	f.Add(`{"originId":"\u0000","toLng":"1e308","toLat":"NaN"}`)
	f.Fuzz(func(t *testing.T, biz string) {
		service := uupt.New(uupt.Options{Clock: worldtest.NewClock(begin), System: func() time.Time { return system }, Faults: world.None()})
		defer service.Close()
		for _, body := range []string{biz, string(world.JSON(envelope(biz)))} {
			for _, name := range names {
				r := httptest.NewRequest(http.MethodPost, uupt.Prefix+name, strings.NewReader(body))
				r.Header.Set("X-App-Id", uupt.Development.AppID)
				w := httptest.NewRecorder()
				service.Handler().ServeHTTP(w, r)
				var got reply
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got), w.Body.String())
				require.NotZero(t, got.Code)
				require.NotEmpty(t, got.Msg)
			}
		}
		b := service.Books()
		for _, o := range b.Orders {
			b.Balance += o.Charged
		}
		require.Equal(t, b.Opening, b.Balance)
	})
}
