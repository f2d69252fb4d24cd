package jd_test

import (
	"net/url"
	"time"

	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/upstreamtest"
)

func attacks() *upstreamtest.Attacks {
	stranger := func(name, value string) upstream.Request {
		values := params(thin, systemTime())
		values.Set(name, value)
		return post(route+"newOrder", values.Encode())
	}
	return &upstreamtest.Attacks{
		Content: thin,
		Seal:    func(content string, at time.Time) upstream.Request { return push("newOrder", content, at) },
		Signed: func(r upstream.Request) string {
			values, _ := url.ParseQuery(string(r.Body)) // what was made here
			return values.Get("sign")
		},
		Sign: func(r upstream.Request, sign string) upstream.Request {
			values, _ := url.ParseQuery(string(r.Body))
			values.Set("sign", sign)
			r.Body = []byte(values.Encode())
			return r
		},
		Strangers: []upstream.Request{stranger("app_key", "other"), stranger("token", "other")},
		Needs:     []string{"billId"},
	}
}
