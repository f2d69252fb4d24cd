package taobao

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"github.com/chuandao/qianfan/shared/upstream"
)

const apiPath = "/api/v1/"

// request is one nop call. The names of metas and params are distinct, because they are
// signed together.
type request struct {
	NOP       string                     `json:"nop"`
	ID        string                     `json:"id"`
	Action    string                     `json:"action"`
	Token     string                     `json:"token"`
	Metas     map[string]json.RawMessage `json:"metas"`
	Params    map[string]json.RawMessage `json:"params"`
	Signature string                     `json:"signature"`
}

// call makes one signed call and gives its result. Errors are *upstream.Error: Refused is
// decided by 饿了么, anything else may be tried again.
func (a *Adapter) call(ctx context.Context, action, token string, params map[string]any) (json.RawMessage, error) {
	now := a.system()
	r := request{
		NOP: "1.0.0", Action: action, Token: token,
		Metas:  map[string]json.RawMessage{"app_key": encode(a.cfg.AppKey), "timestamp": encode(now.Unix())},
		Params: make(map[string]json.RawMessage, len(params)),
	}
	signed := make(map[string]string, len(params)+len(r.Metas))
	for name, value := range r.Metas {
		signed[name] = string(value)
	}
	for name, value := range params {
		r.Params[name] = encode(value)
		signed[name] = string(r.Params[name])
	}
	r.Signature = SignCall(action, token, signed, a.cfg.Secret)
	r.ID = r.Signature + "|" + strconv.FormatInt(now.UnixMilli(), 10)
	raw, err := upstream.Post(ctx, a.http, a.cfg.BaseURL+apiPath, "application/json; charset=utf-8", encode(r))
	if err != nil {
		return nil, err
	}
	return a.heard(raw)
}

// encode writes a value the way it is signed: <, > and & as they are.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("taobao: our own values are always JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// undecided are 饿了么's refusals that say nothing about what was asked: its own trouble, too
// many calls, or a token, clock or key that somebody will put right.
var undecided = []string{
	"SERVER_ERROR", "SOURCE_TIMEOUT", "EXCEED_LIMIT",
	"UNAUTHORIZED", "ACCESS_DENIED", "PERMISSION_DENIED", "INVALID_SIGNATURE", "INVALID_TIMESTAMP",
}

// heard reads 饿了么's answer.
func (a *Adapter) heard(raw []byte) (json.RawMessage, error) {
	var got struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Code    text `json:"code"`
			Message text `json:"message"`
		} `json:"error"`
	}
	err := json.Unmarshal(raw, &got)
	switch {
	case err != nil:
		return nil, &upstream.Error{Reason: upstream.Unreachable, Message: "the answer cannot be read", Err: err}
	case got.Error == nil && len(got.Result) > 0:
		return got.Result, nil
	case got.Error == nil:
		return nil, &upstream.Error{Reason: upstream.Unreachable, Message: "the answer cannot be read",
			Err: errors.New("neither a result nor an error")}
	}
	code := string(got.Error.Code)
	e := &upstream.Error{Reason: upstream.Refused, Message: string(got.Error.Message), Err: refusal(code)}
	if code == "" || slices.Contains(undecided, code) || slices.Contains(a.cfg.RetryCodes, code) {
		e.Reason = upstream.Unreachable
	}
	if e.Message == "" {
		e.Message = "the platform says no"
	}
	return nil, e
}

// refusal is a code of 饿了么's.
type refusal string

// Error is the code.
func (r refusal) Error() string { return string(r) }
