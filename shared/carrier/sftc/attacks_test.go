package sftc_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/sftc"
)

func attacks(t *testing.T) *carriertest.Attacks {
	t.Helper()
	return &carriertest.Attacks{
		Fields: map[string]any{
			"sf_order_id": sfNo, "shop_order_id": ourNo, "url_index": "rider_exception", "operator_name": "测试", "operator_phone": "18270000000",
			"rider_lng": 113.905604, "rider_lat": "22.558814", "order_status": 91, "status_desc": "异常", "ex_id": 2001, "ex_content": "无人接听",
			"push_time": json.Number("1700000060"), "cancel_reason": "", "receipt_type": 1,
		},
		Seal: signed,
		At: func(at time.Time) carrier.CallbackRequest {
			return push(t, map[string]any{"push_time": at.Unix()})
		},
		Signed: func(r carrier.CallbackRequest) string {
			query, _ := url.ParseQuery(r.Query) // what was made here
			return query.Get("sign")
		},
		Sign: func(r carrier.CallbackRequest, sign string) carrier.CallbackRequest {
			return request(string(r.Body), sign)
		},
		Strangers: []carrier.CallbackRequest{
			request(vectorPush, sftc.Sign([]byte(vectorPush), devID+1, devKey)), request(vectorPush, sftc.Sign([]byte(vectorPush), devID, "another key")),
		},
		Needs:  []string{"sf_order_id", "push_time"},
		Status: "order_status",
	}
}

// FuzzPushes puts whatever value into a push.
func FuzzPushes(f *testing.F) { carriertest.FuzzPushes(f, newDev, attacks) }
