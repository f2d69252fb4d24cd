package jd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"

	"github.com/chuandao/qianfan/shared/upstream"
)

const apiPath = "/djapi/"

// call makes one signed call and gives what stands in data, without its envelopes. Errors:
// Unreachable, and Refused when 京东 has decided.
func (a *Adapter) call(ctx context.Context, path string, business any) (json.RawMessage, error) {
	content, err := json.Marshal(business)
	if err != nil {
		return nil, &upstream.Error{Reason: upstream.Refused, Message: "the call cannot be written", Err: err}
	}
	params := map[string]string{
		"app_key": a.cfg.AppKey, "token": a.cfg.Token, "format": "json", "v": "1.0",
		"timestamp": a.system().In(shanghai).Format(layout), "jd_param_json": string(content),
	}
	params["sign"] = a.sign(params)
	form := make(url.Values, len(params))
	for name, value := range params {
		form.Set(name, value)
	}
	raw, err := upstream.Post(ctx, a.http, a.cfg.BaseURL+apiPath+path, "application/x-www-form-urlencoded; charset=utf-8", []byte(form.Encode()))
	if err != nil {
		return nil, err
	}
	return a.heard(raw)
}

// envelope is an answer, and again what stands in its data.
type envelope struct {
	Code   *text           `json:"code"`
	Msg    text            `json:"msg"`
	Data   json.RawMessage `json:"data"`
	Result json.RawMessage `json:"result"`
}

// heard opens both envelopes: the platform's, and within its data the service's. Data and
// result come as JSON or as text that holds JSON.
func (a *Adapter) heard(raw []byte) (json.RawMessage, error) {
	var outer, inner envelope
	if err := json.Unmarshal(raw, &outer); err != nil || outer.Code == nil {
		return nil, unreadable(err)
	}
	if *outer.Code != codeOK {
		return nil, a.turnedAway(outer)
	}
	data, err := unwrap(outer.Data)
	if err != nil {
		return nil, unreadable(err)
	}
	if data == nil {
		return nil, nil
	}
	if err := json.Unmarshal(data, &inner); err != nil {
		return nil, unreadable(err)
	}
	if inner.Code != nil && *inner.Code != codeOK {
		return nil, a.refused(inner)
	}
	result, err := unwrap(inner.Result)
	if err != nil {
		return nil, unreadable(err)
	}
	return result, nil
}

// unwrap takes JSON out of a text that may hold it; null and an empty text are nothing.
func unwrap(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if raw[0] != '"' {
		return raw, nil
	}
	var held string
	if err := json.Unmarshal(raw, &held); err != nil || held == "" {
		return nil, err
	}
	if !json.Valid([]byte(held)) {
		return nil, errors.New("the text holds no JSON")
	}
	return json.RawMessage(held), nil
}

func unreadable(err error) *upstream.Error {
	return &upstream.Error{Reason: upstream.Unreachable, Message: "the answer cannot be read", Err: err}
}

// turnedAway is a call that the platform did not let through to its service: of a token
// that has run out, or of too many calls, no order must suffer. Only -1 and what is
// configured decide.
func (a *Adapter) turnedAway(e envelope) *upstream.Error {
	if code := string(*e.Code); code != codeRefused && !slices.Contains(a.cfg.RefusalCodes, code) {
		return upstream.Refuse(upstream.Unreachable, "", "%s %s", *e.Code, e.Msg)
	}
	return a.refused(e)
}

func (a *Adapter) refused(e envelope) *upstream.Error {
	reason := upstream.Refused
	if code := string(*e.Code); code == codeSendAgain || slices.Contains(a.cfg.RetryCodes, code) {
		reason = upstream.Unreachable
	}
	return upstream.Refuse(reason, "", "%s %s", *e.Code, e.Msg)
}

// decode reads one JSON object, with errors that name the field; whole names it all.
func decode(raw []byte, whole string, into any) *upstream.Error {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) == 0 || trimmed[0] != '{' {
		return upstream.Refuse(upstream.Malformed, whole, "not a JSON object")
	}
	err := json.Unmarshal(raw, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return upstream.Refuse(upstream.BadField, wrong.Field, "%s does not belong there", wrong.Value)
	}
	return upstream.Refuse(upstream.Malformed, whole, "not one JSON object")
}
