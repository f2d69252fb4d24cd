package jd

import (
	"net/url"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/shared/upstream"
)

// layout is how 京东 writes an instant, in Shanghai's time.
const layout = "2006-01-02 15:04:05"

// Decode verifies and reads a push: a form at any path that ends with the message's name.
func (a *Adapter) Decode(r upstream.Request) (upstream.Push, error) {
	if r.TooLarge {
		return upstream.Push{}, upstream.Refuse(upstream.TooLarge, "", "the body is over the limit")
	}
	params, fault := parameters(r)
	if fault != nil {
		return upstream.Push{}, fault
	}
	if fault := a.verify(r, params); fault != nil {
		return upstream.Push{}, fault
	}
	push, fault := a.read(r.Path, params["jd_param_json"])
	if fault != nil {
		return upstream.Push{}, fault
	}
	return push, nil
}

// parameters are those of the query and the form, decoded once, as they are signed. A
// name that stands twice could be signed as one value and read as the other.
func parameters(r upstream.Request) (map[string]string, *upstream.Error) {
	params := make(map[string]string)
	for _, part := range []string{r.RawQuery, string(r.Body)} {
		values, err := url.ParseQuery(part)
		if err != nil {
			return nil, upstream.Refuse(upstream.Malformed, "", "not a form: bad escape or separator")
		}
		for name, list := range values {
			if _, twice := params[name]; twice || len(list) > 1 {
				return nil, upstream.Refuse(upstream.Malformed, name, "given more than once")
			}
			params[name] = list[0]
		}
	}
	return params, nil
}

func (a *Adapter) verify(r upstream.Request, params map[string]string) *upstream.Error {
	if params["encrypt_jd_param_json"] != "" {
		return upstream.Refuse(upstream.BadField, "encrypt_jd_param_json", "encrypted pushes are not agreed: switch them off with 京东")
	}
	for _, name := range []string{"app_key", "token", "timestamp", "sign", "jd_param_json"} {
		if params[name] == "" {
			return upstream.Refuse(upstream.MissingField, name, "missing")
		}
	}
	if !upstream.Same(params["app_key"], a.cfg.AppKey) {
		return upstream.Refuse(upstream.UnknownKey, "app_key", "unknown application")
	}
	if !a.knows(params["token"]) {
		return upstream.Refuse(upstream.UnknownKey, "token", "unknown token")
	}
	if !upstream.Same(params["sign"], a.sign(params)) {
		return upstream.Refuse(upstream.BadSignature, "sign", "the signature does not hold")
	}
	return a.fresh(params["timestamp"], r.Now)
}

// knows compares with every token, so that the time taken tells nothing.
func (a *Adapter) knows(token string) bool {
	known := upstream.Same(token, a.cfg.Token)
	for _, old := range a.cfg.OldTokens {
		known = upstream.Same(token, old) || known
	}
	return known
}

func (a *Adapter) sign(params map[string]string) string {
	if !a.cfg.SkipEmpty {
		return Sign(params, a.cfg.Secret)
	}
	filled := make(map[string]string, len(params))
	for name, value := range params {
		if value != "" {
			filled[name] = value
		}
	}
	return Sign(filled, a.cfg.Secret)
}

func (a *Adapter) fresh(text string, now time.Time) *upstream.Error {
	at, err := time.ParseInLocation(layout, text, shanghai)
	if err != nil {
		return upstream.Refuse(upstream.Stale, "timestamp", "not a time such as 2026-01-31 12:00:00")
	}
	return upstream.CheckFresh("timestamp", strconv.FormatInt(at.Unix(), 10), now, time.Duration(a.cfg.MaxAge))
}
