package jd

import (
	"encoding/json"
	"net/http"

	"github.com/chuandao/qianfan/shared/upstream"
)

// The codes that 京东 knows as answers to a message.
const (
	codeOK        = "0"
	codeRefused   = "-1"
	codeSendAgain = "-10000"
)

// answer is the body of every answer.
type answer struct {
	Code string `json:"code"`
	Msg  string `json:"msg"`
	Data string `json:"data"`
}

// Answer writes code 0 for what is accepted, repeated or only noted, -1 and why for what
// is refused, and -10000 for what 京东 shall send again, because nothing was stored. All
// of them are HTTP 200.
func (a *Adapter) Answer(w http.ResponseWriter, _ upstream.Push, res upstream.Result) {
	out := answer{Code: codeOK, Msg: "success"}
	if res.Err != nil {
		out = refusal(upstream.AsError(res.Err))
	}
	body, _ := json.Marshal(out)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(body)
}

func refusal(e *upstream.Error) answer {
	out := answer{Code: codeRefused, Msg: string(e.Reason)}
	if e.Reason == upstream.SendAgain {
		out.Code = codeSendAgain
	}
	if e.Field != "" {
		out.Msg += " " + e.Field
	}
	if e.Message != "" {
		out.Msg += ": " + e.Message
	}
	return out
}
