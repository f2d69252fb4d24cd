package uupt_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
)

func attacks(t *testing.T) *carriertest.Attacks {
	t.Helper()
	now := carriertest.SystemTime
	signed, sign := carriertest.SignatureIn("sign")
	return &carriertest.Attacks{
		Fields: map[string]any{
			"orderCode": uuNo, "originId": ourNo, "state": 3, "stateText": "跑男抢单", "driverName": "张三", "driverMobile": "13800000000", "driverPhoto": "",
			"changeTime": json.Number("1700000060000"),
		},
		Seal:   func(biz string) carrier.CallbackRequest { return envelope(t, biz, now, nil) },
		At:     func(at time.Time) carrier.CallbackRequest { return envelope(t, vectorBiz, at, nil) },
		Signed: signed, Sign: sign,
		Strangers: []carrier.CallbackRequest{envelope(t, vectorBiz, now, map[string]any{"openId": "other"}), envelope(t, vectorBiz, now, map[string]any{"openId": 1})},
		Needs:     []string{"orderCode", "state", "changeTime"},
		Status:    "state",
	}
}
