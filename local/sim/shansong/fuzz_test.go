package shansong_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/shansong"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// FuzzCalls signs whatever data it is given for every call: each is answered, in the
// envelope, and nobody's money is lost on the way.
func FuzzCalls(f *testing.F) {
	names := []string{
		"openCitiesLists", "orderCalculate", "orderPlace", "orderInfo", "courierInfo", "addition", "preAbortOrder", "abortOrder",
		"confirmGoodsReturn", "getUserAccount", "nothing",
	}
	for _, seed := range []m{{}, delivery("QF1001"), {"issOrderNo": "TDH1", "additionAmount": 100}, {"issOrderNo": 1, "additionAmount": 1e300}, {"additionAmount": -100}} {
		f.Add(string(world.JSON(seed)))
	}
	f.Add(`{"receiverList":[{"weight":99999999999999999999}],"sender":[]}`)
	f.Fuzz(func(t *testing.T, data string) {
		service := shansong.New(shansong.Options{Clock: worldtest.NewClock(begin), System: func() time.Time { return system }, Faults: world.None()})
		defer service.Close()
		for _, body := range []string{data, form(data).Encode()} {
			for _, name := range names {
				r := httptest.NewRequest(http.MethodPost, shansong.Prefix+name, strings.NewReader(body))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				w := httptest.NewRecorder()
				service.Handler().ServeHTTP(w, r)
				var got struct {
					Status int
					Msg    string
				}
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got), w.Body.String())
				require.Equal(t, got.Status == 200, got.Msg == "", got.Msg)
			}
		}
		b := service.Books()
		for _, o := range b.Orders {
			b.Balance += o.Charged
		}
		require.Equal(t, b.Opening, b.Balance)
	})
}
