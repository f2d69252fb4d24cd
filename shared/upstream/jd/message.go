package jd

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"

	"github.com/chuandao/qianfan/shared/upstream"
)

// message is the body of every push: thin, it names the order and its state.
type message struct {
	BillID   text `json:"billId"`
	StatusID text `json:"statusId"`
	Remark   text `json:"remark"`
}

// text is a JSON string, or a number taken digit by digit: 京东 writes ids as either.
type text string

// UnmarshalJSON takes a string, a number or null (empty).
func (t *text) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, (*string)(t))
	}
	var number *json.Number
	if err := json.Unmarshal(raw, &number); err != nil {
		return err
	}
	if number != nil {
		*t = text(*number)
	}
	return nil
}

// orderID is a 64-bit number, kept as text.
var orderID = regexp.MustCompile(`^[1-9][0-9]{0,19}$`)

// cancelled is the statusId and orderStatus of an order that is over (已取消).
const cancelled = "20020"

// messages says what each message asks for. Those that only confirm what we told 京东
// itself need no act.
var messages = map[string]func(message) (upstream.Push, *upstream.Error){
	"newOrder":         created,
	"applyCancelOrder": cancelWanted,
	"userCancelOrder":  cancelDone,
	"deliveryOrder":    noted,
	"finishOrder":      noted,
	"orderFinish":      noted,
}

// read tells what a push is by the last segment of its path.
func (a *Adapter) read(route, raw string) (upstream.Push, *upstream.Error) {
	name := path.Base(route)
	meaning, known := messages[name]
	if !known && slices.Contains(a.cfg.Notices, name) {
		meaning, known = noted, true
	}
	if !known {
		return upstream.Push{}, upstream.Refuse(upstream.NoRoute, "", "messages of this name are not taken")
	}
	var m message
	if fault := upstream.CheckJSON("jd_param_json", []byte(raw)); fault != nil {
		return upstream.Push{}, fault
	}
	if fault := decode([]byte(raw), "jd_param_json", &m); fault != nil {
		return upstream.Push{}, fault
	}
	switch {
	case m.BillID == "":
		return upstream.Push{}, upstream.Refuse(upstream.MissingField, "billId", "missing")
	case !orderID.MatchString(string(m.BillID)):
		return upstream.Push{}, upstream.Refuse(upstream.BadField, "billId", "not an order's number")
	}
	if fault := upstream.CheckLength("remark", string(m.Remark), upstream.MaxText); fault != nil {
		return upstream.Push{}, fault
	}
	return meaning(m)
}

// created is an order of which only the number is known. Its hash leaves the state out:
// that may have moved on when the push is repeated.
func created(m message) (upstream.Push, *upstream.Error) {
	no := string(m.BillID)
	if m.StatusID == cancelled {
		return upstream.Push{}, upstream.Refuse(upstream.BadField, "statusId", "a new order cannot be cancelled already")
	}
	return upstream.Push{
		Kind: upstream.KindCreate, No: no, Create: &upstream.Create{Thin: true},
		Hash: upstream.HashOf([]any{upstream.KindCreate, no}),
	}, nil
}

// cancelWanted is the customer's wish (用户取消申请), which the report-back answers.
func cancelWanted(m message) (upstream.Push, *upstream.Error) {
	return withdrawn(m, "customer"), nil
}

// cancelDone says that the order is over at 京东. Only the state that says so counts: an
// order is not dropped for a message of another meaning.
func cancelDone(m message) (upstream.Push, *upstream.Error) {
	switch m.StatusID {
	case cancelled:
		return withdrawn(m, "platform"), nil
	case "":
		return upstream.Push{}, upstream.Refuse(upstream.MissingField, "statusId", "missing")
	}
	return upstream.Push{}, upstream.Refuse(upstream.BadField, "statusId", "not %s", cancelled)
}

// withdrawn makes the command; a repeat with the same number and origin is the same one.
func withdrawn(m message, by string) upstream.Push {
	no := string(m.BillID)
	return upstream.Push{
		Kind: upstream.KindCancel, No: no,
		Cancel: &upstream.Cancel{
			Key: upstream.HashOf([]any{upstream.KindCancel, no, by}),
			By:  by, Reason: string(m.Remark),
		},
		Hash: upstream.HashOf([]any{upstream.KindCancel, no, by}),
	}
}

// noted is a message to be answered with success and otherwise left alone.
func noted(m message) (upstream.Push, *upstream.Error) {
	return upstream.Push{Kind: upstream.KindProbe, No: string(m.BillID)}, nil
}
