package canonical

import (
	"encoding/json"
	"net/http"

	"github.com/chuandao/qianfan/docs/openapi"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
)

// answer is the body of every answer. Code 0 is success; Field is the path of the field
// at fault.
type answer struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
	Data    any    `json:"data,omitempty"`
}

// accepted is the data of a create or a command. What a command comes to is read from the order.
type accepted struct {
	OrderID string      `json:"order_id"` // empty: the order is not known yet
	State   order.State `json:"state"`
	FeeFen  money.Fen   `json:"fee_fen"`
}

// Answer writes the outcome as JSON, with the HTTP status that fits.
func (a *Adapter) Answer(w http.ResponseWriter, push upstream.Push, res upstream.Result) {
	if push.Kind == upstream.KindDocument && res.Err == nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(openapi.Canonical) // a client that has left is no error of ours
		return
	}
	status, out := http.StatusOK, answer{Message: "ok", Data: data(push, res)}
	if res.Err != nil {
		e := upstream.AsError(res.Err)
		status, out = e.HTTP(), answer{Code: e.Code(), Message: message(e), Field: e.Field}
	}
	body, _ := json.Marshal(out)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func data(push upstream.Push, res upstream.Result) any {
	switch {
	case push.Kind == upstream.KindQuery && res.View != nil:
		return res.View
	case push.Kind == upstream.KindQuote && res.Estimate != nil:
		return res.Estimate
	case push.Kind == upstream.KindRider && res.Rider != nil:
		return res.Rider
	case push.Kind == upstream.KindCancelCost && res.Cost != nil:
		return res.Cost
	}
	return accepted{OrderID: res.OrderID, State: res.State, FeeFen: res.Fee}
}

func message(e *upstream.Error) string {
	if e.Message == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Message
}
