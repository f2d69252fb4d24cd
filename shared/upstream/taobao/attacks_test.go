package taobao_test

import (
	"encoding/json"
	"time"

	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/upstreamtest"
)

func attacks() *upstreamtest.Attacks {
	open := func(r upstream.Request) (env values) {
		if err := json.Unmarshal(r.Body, &env); err != nil {
			panic(err)
		}
		return env
	}
	stranger := text(sign(with(envelope(10, text(content()), systemTime()), values{"appId": 22954134})))
	return &upstreamtest.Attacks{
		Content: text(with(content(), values{"id": absent})), Probes: true,
		Seal: func(content string, at time.Time) upstream.Request {
			return post([]byte(text(sign(envelope(10, content, at)))))
		},
		Signed: func(r upstream.Request) string { return open(r)["signature"].(string) },
		Sign: func(r upstream.Request, signature string) upstream.Request {
			var env map[string]json.RawMessage
			if err := json.Unmarshal(r.Body, &env); err != nil {
				panic(err)
			}
			env["signature"] = json.RawMessage(text(signature))
			r.Body = []byte(text(env))
			return r
		},
		Strangers: []upstream.Request{post([]byte(stranger))},
		Needs:     []string{"orderId", "address", "phoneList", "deliveryGeo", "totalPrice"},
		Money:     []string{"totalPrice"},
	}
}
