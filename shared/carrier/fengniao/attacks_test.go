package fengniao_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/fengniao"
	"github.com/chuandao/qianfan/shared/settings"
)

func attacks(t *testing.T) *carriertest.Attacks {
	t.Helper()
	now := carriertest.SystemTime
	signed, sign := carriertest.SignatureIn("signature")
	return &carriertest.Attacks{
		Fields: map[string]any{
			"order_id": json.Number(fnNo), "partner_order_code": ourNo, "order_status": 4, "push_time": json.Number("1700000060000"),
			"carrier_driver_id": 7, "carrier_driver_name": "李四", "carrier_driver_phone": "13800000000", "description": "取消", "detail_description": "骑手取消",
			"cancel_reason": 2, "error_code": "CARRIER_CANCEL",
		},
		Seal:   func(data string) carrier.CallbackRequest { return envelope(t, data, now, nil) },
		At:     func(at time.Time) carrier.CallbackRequest { return envelope(t, notice("20", ""), at, nil) },
		Signed: signed, Sign: sign,
		Strangers: []carrier.CallbackRequest{envelope(t, notice("20", ""), now, map[string]any{"app_id": "6000000000000000002"})},
		Needs:     []string{"order_status", "push_time"},
		Status:    "order_status",
	}
}

// FuzzPushes puts whatever value into a push.
func FuzzPushes(f *testing.F) {
	carriertest.FuzzPushes(f, func(base string, deps settings.Deps, allowDev bool) (carrier.Adapter, error) {
		cfg := devConfig(base)
		cfg.AllowDev = allowDev
		return fengniao.New(cfg, deps, nil)
	}, attacks)
}
