package dada_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/dada"
)

func attacks(t *testing.T) *carriertest.Attacks {
	t.Helper()
	signed, sign := carriertest.SignatureIn("signature")
	return &carriertest.Attacks{
		Fields: fields{
			"client_id": dadaNo, "order_id": ourNo, "order_status": 5, "cancel_reason": "车坏了", "cancel_from": 1, "update_time": json.Number("1700000060"),
			"dm_id": 666, "dm_name": "王五", "dm_mobile": "13700000000", "finish_code": "", "repeat_reason_type": 0,
		},
		Seal: seal,
		At: func(at time.Time) carrier.CallbackRequest {
			seconds, _ := json.Marshal(at.Unix())
			return push(t, fields{"update_time": json.Number(seconds)})
		},
		Signed: signed, Sign: sign,
		// A push names no account of ours: what is somebody else's is only seen by its signature.
		Strangers: []carrier.CallbackRequest{push(t, fields{"order_id": "7301234567890123456003", "signature": dada.SignPush(dadaNo, ourNo, "1700000060")})},
		Needs:     []string{"order_id", "order_status", "update_time"},
		Status:    "order_status",
	}
}

// seal adds the signature to a content as it stands; one that is no object stays unsigned.
func seal(content string) carrier.CallbackRequest {
	push, err := carrier.ParseObject([]byte(content))
	if err != nil {
		var twice map[string]any
		if json.Unmarshal([]byte(content), &twice) != nil {
			return request(content)
		}
		return request(strings.TrimSuffix(content, "}") + `,"signature":"` + strings.Repeat("0", 32) + `"}`)
	}
	signature := dada.SignPush(push.Text("client_id"), push.Text("order_id"), push.Text("update_time"))
	return request(strings.TrimSuffix(content, "}") + `,"signature":"` + signature + `"}`)
}

// FuzzPushes puts whatever value into a push.
func FuzzPushes(f *testing.F) { carriertest.FuzzPushes(f, newDev, attacks) }
