package taobao

import (
	"encoding/json"
	"net/http"

	"github.com/chuandao/qianfan/shared/upstream"
)

// answer is the body of every answer: message "ok", or why not.
type answer struct {
	Message string `json:"message"`
	Code    int    `json:"code,omitempty"`
}

// Answer writes {"message":"ok"} for what is accepted, repeated or a probe. A refusal is
// HTTP 200 with another message; 503 asks 饿了么 to push again, because nothing was stored.
// What 饿了么 makes of a refusal is not public.
func (a *Adapter) Answer(w http.ResponseWriter, _ upstream.Push, res upstream.Result) {
	status, out := http.StatusOK, answer{Message: "ok"}
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
	says := string(e.Reason)
	if e.Field != "" {
		says += " " + e.Field
	}
	if e.Message != "" {
		says += ": " + e.Message
	}
	return status, answer{Message: says, Code: code}
}
