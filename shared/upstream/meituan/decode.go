package meituan

import (
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/upstream"
)

// Decode verifies and reads a push: GET or POST, any path below the route. A request
// without parameters is 美团 testing the URL.
func (a *Adapter) Decode(r upstream.Request) (upstream.Push, error) {
	if r.TooLarge {
		return upstream.Push{}, upstream.Refuse(upstream.TooLarge, "", "the body is over the limit")
	}
	params, fault := parameters(r)
	if fault != nil {
		return upstream.Push{}, fault
	}
	if len(params) == 0 {
		return upstream.Push{Kind: upstream.KindProbe}, nil
	}
	if fault := a.verify(r, params); fault != nil {
		return upstream.Push{}, fault
	}
	push, fault := a.read(r.Path, params)
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
	for _, name := range []string{"app_id", "timestamp", "sig"} {
		if params[name] == "" {
			return upstream.Refuse(upstream.MissingField, name, "missing")
		}
	}
	if !upstream.Same(params["app_id"], a.cfg.AppID) {
		return upstream.Refuse(upstream.UnknownKey, "app_id", "unknown application")
	}
	if !upstream.Same(params["sig"], Sign(a.cfg.registered(r), params, a.cfg.Secret)) {
		return upstream.Refuse(upstream.BadSignature, "sig", "the signature does not hold")
	}
	return upstream.CheckFresh("timestamp", params["timestamp"], r.Now, time.Duration(a.cfg.MaxAge))
}

// read tells what a push is by the last segment of its path or by what it carries.
func (a *Adapter) read(route string, params map[string]string) (upstream.Push, *upstream.Error) {
	_, receiver := params["recipient_address"]
	_, dealt := params["deal_op_type"]
	_, coded := params["reason_code"]
	switch {
	case path.Base(route) == "cancel" || ((dealt || coded) && !receiver):
		return readCancel(params)
	case params["notify_type"] != "" && !receiver:
		return upstream.Push{}, upstream.Refuse(upstream.NoRoute, "notify_type", "refund notices are not taken")
	}
	return a.readCreate(fields{values: params})
}

// longText are the prefixes of the fields that arrive URL-encoded inside the form.
var longText = []string{"caution", "detail", "extras", "recipient_", "wm_poi_", "poi_receive_detail"}

// fields reads parameters and keeps the first fault.
type fields struct {
	values map[string]string
	fault  *upstream.Error
}

func (f *fields) fail(reason upstream.Reason, name, format string, args ...any) {
	if f.fault == nil {
		f.fault = upstream.Refuse(reason, name, format, args...)
	}
}

// text is a field, decoded a second time if it is a long text and is encoded at all.
func (f *fields) text(name string) string {
	value := f.values[name]
	for _, prefix := range longText {
		if !strings.HasPrefix(name, prefix) || !strings.Contains(value, "%") {
			continue
		}
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
	}
	return strings.TrimSpace(value)
}

// need is text that must be there.
func (f *fields) need(name string) string {
	text := f.text(name)
	if text == "" {
		f.fail(upstream.MissingField, name, "missing")
	}
	return text
}
