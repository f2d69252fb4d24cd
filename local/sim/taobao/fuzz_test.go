package taobao_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/taobao"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// FuzzCalls signs whatever params it is given for every action about an order, NO in them
// being the order's number: each is answered with a result or an error.
func FuzzCalls(f *testing.F) {
	actions := []string{
		"selfDeliveryStateSync", "selfDeliveryLocationSync", "startDeliveryBySelf", "completeDeliveryBySelf", "deliveryBySelfLite", "noMoreDeliveryLite", "getOrder", "nothing",
	}
	for i, name := range actions {
		actions[i] = "eleme.order." + name
	}
	actions = append(actions, "eleme.msgNew.getPushFailMsg", "eleme.msgNew.confirmPullMsg", "eleme.message.getNonReachedOMessages", "eleme.message.getNonReachedMessages", "")
	for _, seed := range []string{
		`{}`, `{"orderId":"NO"}`, `{"shopId":720001,"stateInfo":{"orderId":NO,"distributorId":201,"state":"arrived","knight":{"phone":"138"}}}`,
		`{"shopId":[],"orderId":"NO","locationInfo":{"latitude":1e300,"longitude":"NaN","utc":1}}`, `{"msgConfirmRequest":{"requestIds":[1,"2",null]}}`, `{"msgQueryRequest":{"appId":22954133}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, params string) {
		service := taobao.New(taobao.Options{
			Clock: worldtest.NewClock(begin), System: func() time.Time { return system }, Faults: world.None(), PushBase: "http://qianfan.invalid", Shops: []world.Shop{shop},
		})
		defer service.Close()
		no, err := service.Draft(world.OrderRequest{Key: "a"})
		require.NoError(t, err)
		given := strings.ReplaceAll(params, "NO", no)
		var object map[string]json.RawMessage
		sound := json.Unmarshal([]byte(given), &object) == nil && object != nil
		for _, action := range actions {
			texts := []string{params}
			if sound {
				texts = append(texts, body(action, "", given))
			}
			for _, text := range texts {
				w := httptest.NewRecorder()
				service.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, taobao.Path, strings.NewReader(text)))
				var got reply
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got), w.Body.String())
				require.Equal(t, "1.0.0", got.NOP)
				require.True(t, got.Error == nil || got.Error.Code != "" && got.Error.Message != "", w.Body.String())
			}
		}
	})
}
