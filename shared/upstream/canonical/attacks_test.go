package canonical_test

import (
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/upstreamtest"
)

func attacks() *upstreamtest.Attacks {
	const header = "X-Qianfan-Signature"
	return &upstreamtest.Attacks{
		Content: good,
		Seal: func(content string, at time.Time) upstream.Request {
			return request(key, secret, "POST", orders, content, at)
		},
		Signed: func(r upstream.Request) string { return r.Header.Get(header) },
		Sign: func(r upstream.Request, signature string) upstream.Request {
			r.Header = r.Header.Clone()
			r.Header.Set(header, signature)
			return r
		},
		Strangers: []upstream.Request{request("third", secret, "POST", orders, good, upstreamtest.SystemTime), request("", secret, "POST", orders, good, upstreamtest.SystemTime)},
		Needs: []string{
			"order_no", "shop.name", "shop.phone", "shop.address", "shop.lng", "shop.lat", "recipient.name", "recipient.phone", "recipient.address",
			"recipient.lng", "recipient.lat", "goods.weight_g", "goods.value_fen", "city", "shop", "recipient", "goods",
		},
		Money: []string{"goods.value_fen"},
	}
}

// FuzzPushes puts whatever value into a create.
func FuzzPushes(f *testing.F) {
	upstreamtest.FuzzPushes(f, upstreamtest.Harness{Name: "canonical", New: newDev, Attacks: attacks()})
}
