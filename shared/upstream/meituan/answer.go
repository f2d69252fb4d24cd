package meituan

import (
	"encoding/json"
	"net/http"

	"github.com/chuandao/qianfan/shared/upstream"
)

// answer is the body of every answer: data "ok", or "ng" and why.
type answer struct {
	Data  string   `json:"data"`
	Error *problem `json:"error,omitempty"`
}

type problem struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

// Answer writes {"data":"ok"} for what is accepted, repeated or a probe. A refusal is
// HTTP 200 with data "ng"; 503 asks 美团 to push again, because nothing was stored.
func (a *Adapter) Answer(w http.ResponseWriter, _ upstream.Push, res upstream.Result) {
	status, out := http.StatusOK, answer{Data: "ok"}
	if res.Err != nil {
		status, out = a.refusal(upstream.AsError(res.Err))
	}
	body, _ := json.Marshal(out)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (a *Adapter) refusal(e *upstream.Error) (int, answer) {
	status, code := http.StatusOK, e.Code()
	if e.Reason == upstream.SendAgain {
		status = http.StatusServiceUnavailable
	}
	if own, ok := a.cfg.ErrorCodes[e.Reason]; ok {
		code = own
	}
	msg := string(e.Reason)
	if e.Field != "" {
		msg += " " + e.Field
	}
	if e.Message != "" {
		msg += ": " + e.Message
	}
	return status, answer{Data: "ng", Error: &problem{Code: code, Msg: msg}}
}
