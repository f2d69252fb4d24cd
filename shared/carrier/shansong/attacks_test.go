package shansong_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
)

// attacks are on a push that ends an order, because no other one states money.
func attacks(t *testing.T) *carriertest.Attacks {
	t.Helper()
	fields := accepted()
	maps.Copy(fields, map[string]any{"status": 60, "subStatus": 0, "deductAmount": 200, "sendBackFee": 300, "abortType": 10, "abortReason": "无人接单"})
	return &carriertest.Attacks{
		Fields: fields,
		Seal: func(content string) carrier.CallbackRequest {
			r := raw(content)
			r.Header = http.Header{"Content-Type": {"application/json"}}
			return r
		},
		Strangers: []carrier.CallbackRequest{push(t, map[string]any{"clientId": "other"}), push(t, map[string]any{"shopId": "1"}), push(t, map[string]any{"clientId": nil})},
		Needs:     []string{"issOrderNo", "status", "statusChangeTime"},
		Status:    "status",
		Money:     []string{"deductAmount", "sendBackFee"},
	}
}
