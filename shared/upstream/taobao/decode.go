package taobao

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/chuandao/qianfan/shared/upstream"
)

// Decode verifies and reads a push. A request without a body is 饿了么 testing the URL; a
// message that asks nothing of us is taken like one, or it would be pushed again.
func (a *Adapter) Decode(r upstream.Request) (upstream.Push, error) {
	if r.TooLarge {
		return upstream.Push{}, upstream.Refuse(upstream.TooLarge, "", "the body is over the limit")
	}
	if len(bytes.TrimSpace(r.Body)) == 0 {
		return upstream.Push{Kind: upstream.KindProbe}, nil
	}
	env, fault := a.open(r.Body)
	if fault == nil {
		fault = fresh(env["timestamp"], r.Now, time.Duration(a.cfg.MaxAge))
	}
	if fault != nil {
		return upstream.Push{}, fault
	}
	push, fault := a.read(env)
	if fault != nil {
		return upstream.Push{}, fault
	}
	return push, nil
}

// open reads an envelope and verifies its signature.
func (a *Adapter) open(body []byte) (envelope, *upstream.Error) {
	env, fault := parse(body)
	if fault != nil {
		return nil, fault
	}
	for _, name := range []string{"appId", "type", "message", "timestamp", signature} {
		if env[name] == "" {
			return nil, upstream.Refuse(upstream.MissingField, name, "missing")
		}
	}
	if !upstream.Same(env["appId"], a.cfg.AppID) {
		return nil, upstream.Refuse(upstream.UnknownKey, "appId", "unknown application")
	}
	if !upstream.Same(env[signature], Sign(env, a.cfg.Secret)) {
		return nil, upstream.Refuse(upstream.BadSignature, signature, "the signature does not hold")
	}
	return env, nil
}

// envelope is a push as it is signed: each field's text.
type envelope map[string]string

// parse reads one flat JSON object. A name that stands twice could be signed as one value
// and read as the other.
func parse(body []byte) (envelope, *upstream.Error) {
	if !utf8.Valid(body) {
		return nil, upstream.Refuse(upstream.Malformed, "", "not UTF-8")
	}
	bad := upstream.Refuse(upstream.Malformed, "", "not one JSON object")
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, bad
	}
	env := envelope{}
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, bad
		}
		value, err := dec.Token()
		if err != nil {
			return nil, bad
		}
		if _, twice := env[name]; twice {
			return nil, upstream.Refuse(upstream.Malformed, name, "given more than once")
		}
		if env[name], ok = scalar(value); !ok {
			return nil, upstream.Refuse(upstream.Malformed, name, "neither text nor a number")
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, bad
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, bad
	}
	return env, nil
}

// scalar is the text of a JSON value, of a number as it was written; null is empty.
func scalar(t json.Token) (string, bool) {
	switch v := t.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case nil:
		return "", true
	}
	return "", false
}

// fresh checks a timestamp in Unix milliseconds.
func fresh(text string, now time.Time, maxAge time.Duration) *upstream.Error {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return upstream.Refuse(upstream.Stale, "timestamp", "not a time in Unix milliseconds")
	}
	return upstream.CheckFresh("timestamp", strconv.FormatInt(ms/1000, 10), now, maxAge)
}

// meaning reads the content of a message.
type meaning func(a *Adapter, env envelope, f *fields) upstream.Push

// meanings are what a message may ask for, by the names of Config.Types.
var meanings = map[string]meaning{
	"create": (*Adapter).readCreate,
	"cancel": (*Adapter).readCancel,
	"refund": (*Adapter).readRefund,
	"notice": notice,
}

// types are the messages that ask something of us. All others are notices: what the
// merchant does (12), wishes that are not granted yet or never were (20–22, 24, 26, 30–32,
// 34, 36), 催单 (45), and the platform's own deliveries.
var types = map[string]string{
	"10": "create", // 订单生效
	"14": "cancel", // 接单前取消
	"15": "cancel", // 接单后无效
	"17": "cancel", // 强制无效
	"23": "cancel", // 取消单：商户同意
	"25": "cancel", // 取消单：仲裁有效
	"33": "refund", // 退单：商户同意
	"35": "refund", // 退单：仲裁有效
}

func (a *Adapter) meaning(kind string) meaning {
	if set, ok := a.cfg.Types[kind]; ok {
		return meanings[set]
	}
	if known, ok := types[kind]; ok {
		return meanings[known]
	}
	return notice
}

func notice(*Adapter, envelope, *fields) upstream.Push {
	return upstream.Push{Kind: upstream.KindProbe}
}

// read tells what a message means.
func (a *Adapter) read(env envelope) (upstream.Push, *upstream.Error) {
	if fault := upstream.CheckJSON("message", []byte(env["message"])); fault != nil {
		return upstream.Push{}, fault
	}
	f := &fields{}
	if json.Unmarshal([]byte(env["message"]), &f.values) != nil || f.values == nil {
		f.fail(upstream.Malformed, "message", "not a JSON object")
	}
	push := a.meaning(env["type"])(a, env, f)
	f.short()
	if f.fault != nil {
		return upstream.Push{}, f.fault
	}
	return push, nil
}

// fields reads the content of a message and keeps the first fault.
type fields struct {
	values map[string]json.RawMessage
	fault  *upstream.Error
}

func (f *fields) fail(reason upstream.Reason, name, format string, args ...any) {
	if f.fault == nil {
		f.fault = upstream.Refuse(reason, name, format, args...)
	}
}
