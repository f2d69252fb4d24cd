package taobao

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Path is where all calls of the platform go.
const Path = "/api/v1/"

// request is a nop call, its values as they were sent.
type request struct {
	NOP       string                     `json:"nop"`
	ID        string                     `json:"id"`
	Action    string                     `json:"action"`
	Token     string                     `json:"token"`
	Metas     map[string]json.RawMessage `json:"metas"`
	Params    map[string]json.RawMessage `json:"params"`
	Signature string                     `json:"signature"`
}

// response answers a nop call: a result, or an error.
type response struct {
	NOP    string   `json:"nop"`
	ID     string   `json:"id"`
	Result any      `json:"result"`
	Error  *failure `json:"error"`
}

type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// action is one call: its name in faults, whether it is the application's own (and takes
// no token), and what it does.
type action struct {
	call string
	own  bool
	do   func(s *Service, r request) (any, error)
}

var actions = map[string]action{
	"eleme.order.selfDeliveryStateSync":    {"report", false, (*Service).stateSync},
	"eleme.order.selfDeliveryLocationSync": {"position", false, (*Service).locationSync},
	"eleme.order.startDeliveryBySelf":      {"report", false, simple("DELIVERY_START")},
	"eleme.order.completeDeliveryBySelf":   {"report", false, simple("DELIVERY_COMPLETE")},
	"eleme.order.deliveryBySelfLite":       {"report", false, simple("selfDelivery")},
	"eleme.order.noMoreDeliveryLite":       {"report", false, simple("noMoreDelivery")},
	"eleme.order.getOrder":                 {"detail", false, (*Service).getOrder},
	"eleme.msgNew.getPushFailMsg":          {"pull", true, (*Service).getPushFailMsg},
	"eleme.msgNew.confirmPullMsg":          {"confirm", true, (*Service).confirmPullMsg},
	"eleme.message.getNonReachedOMessages": {"pull", false, (*Service).getPushFailMsg},
	"eleme.message.getNonReachedMessages":  {"pull", false, (*Service).getNonReachedMessages},
}

// Handler answers at the path of the real service.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, s.serve)
	mux.HandleFunc("POST "+strings.TrimSuffix(Path, "/"), s.serve)
	return mux
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	var q request
	body, err := world.ReadBody(w, r)
	if err == nil && json.Unmarshal(body, &q) != nil {
		err = errJSON
	}
	if err == nil {
		err = s.verify(q)
	}
	a, ok := actions[q.Action]
	switch {
	case err != nil:
	case !ok:
		err = fmt.Errorf("%w: %s", errNoSuchCall, q.Action)
	case a.own && q.Token != "":
		err = fmt.Errorf("%w: token 必须为空", errParams)
	case !a.own && s.creds.Token != "" && !world.Same(q.Token, s.creds.Token):
		err = errToken
	}
	if err != nil {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		_, _ = w.Write(answer(q.ID, nil, err))
		return
	}
	s.gate.Serve(w, r, a.call, q.about(), func() []byte {
		result, err := a.do(s, q)
		return answer(q.ID, result, err)
	})
}

// about is the number of the order that a call is about, for faults.
func (q request) about() string {
	if no := q.text("orderId"); no != "" {
		return no
	}
	var info struct {
		OrderID world.Text `json:"orderId"`
	}
	_ = json.Unmarshal(q.Params["stateInfo"], &info) // absent or foreign: about no order
	return string(info.OrderID)
}

// text is a parameter as text.
func (q request) text(name string) string {
	var t world.Text
	if json.Unmarshal(q.Params[name], &t) != nil {
		return ""
	}
	return string(t)
}

// verify checks who signed a call and when. Values are signed as they were sent; a client
// that puts blanks into the JSON it sends may sign without them.
func (s *Service) verify(q request) error {
	var key, at world.Text
	if json.Unmarshal(q.Metas["app_key"], &key) != nil || json.Unmarshal(q.Metas["timestamp"], &at) != nil || q.Signature == "" || q.Action == "" {
		return fmt.Errorf("%w: action, metas.app_key, metas.timestamp, signature", errParams)
	}
	if string(key) != s.creds.AppKey {
		return errApp
	}
	sent, compact := map[string]string{}, map[string]string{}
	for _, values := range []map[string]json.RawMessage{q.Metas, q.Params} {
		for name, raw := range values {
			var b bytes.Buffer
			if json.Compact(&b, raw) != nil {
				return errJSON
			}
			sent[name], compact[name] = string(raw), b.String()
		}
	}
	if !world.Same(q.Signature, SignCall(q.Action, q.Token, sent, s.creds.Secret)) &&
		!world.Same(q.Signature, SignCall(q.Action, q.Token, compact, s.creds.Secret)) {
		return errSignature
	}
	seconds, err := at.Int(0)
	if err != nil || !world.Fresh(time.Unix(int64(seconds), 0), s.options.System(), s.options.SignatureWindow) {
		return errTimestamp
	}
	return nil
}

var (
	errJSON       = errors.New("JSON解析出错")
	errParams     = errors.New("参数错误")
	errApp        = errors.New("app_key不存在")
	errToken      = errors.New("token无效")
	errSignature  = errors.New("无效的签名")
	errTimestamp  = errors.New("请求时间戳异常")
	errNoSuchCall = errors.New("接口不存在")
	errNoOrder    = errors.New("订单不存在")
)

// Codes is what a failure is answered with; the first row that matches counts. GAP: which
// of the platform's codes stands for an unknown order or key is not public.
var Codes = []struct {
	Err  error
	Code string
}{
	{errJSON, "JSON_PARSE_ERROR"},
	{errParams, "VALIDATION_FAILED"},
	{errApp, "ACCESS_DENIED"},
	{errToken, "UNAUTHORIZED"},
	{errSignature, "INVALID_SIGNATURE"},
	{errTimestamp, "INVALID_TIMESTAMP"},
	{errNoSuchCall, "METHOD_NOT_ALLOWED"},
	{errNoOrder, "BIZ_ORDER_NOT_FOUND"},
}

func answer(id string, result any, err error) []byte {
	r := response{NOP: "1.0.0", ID: id, Result: result}
	if err != nil {
		r.Result, r.Error = nil, &failure{"SERVER_ERROR", err.Error()}
		for _, row := range Codes {
			if errors.Is(err, row.Err) {
				r.Error.Code = row.Code
				break
			}
		}
	}
	return world.JSON(r)
}
