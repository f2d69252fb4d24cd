package meituan_test

import (
	"net/url"
	"time"

	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/upstreamtest"
)

func attacks() *upstreamtest.Attacks {
	form := url.Values{}
	for name, value := range content() {
		form.Set(name, value)
	}
	stranger := signed(paid, content(), systemTime())
	stranger.Set("app_id", "1002")
	return &upstreamtest.Attacks{
		Form: true, Content: form.Encode(), Probes: true,
		Seal: func(content string, at time.Time) upstream.Request {
			values, err := url.ParseQuery(content)
			if err != nil {
				return post(paid, content)
			}
			fields := map[string]string{}
			for name := range values {
				fields[name] = values.Get(name)
			}
			return push(paid, fields, at)
		},
		Signed: func(r upstream.Request) string {
			values, _ := url.ParseQuery(string(r.Body)) // what was made here
			return values.Get("sig")
		},
		Sign: func(r upstream.Request, sig string) upstream.Request {
			values, _ := url.ParseQuery(string(r.Body))
			values.Set("sig", sig)
			r.Body = []byte(values.Encode())
			return r
		},
		Strangers: []upstream.Request{post(paid, stranger.Encode())},
		Needs:     []string{"order_id", "app_poi_code", "recipient_address", "recipient_phone", "latitude", "longitude", "total"},
		Money:     []string{"total"},
	}
}
