package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/chuandao/qianfan/shared/store"
)

// dlqCmd looks at dead letters.
type dlqCmd struct {
	List    dlqList    `cmd:"" default:"1" help:"Dead letters and carriers' events without an order."`
	Redrive dlqRedrive `cmd:"" help:"Send dead letters again."`
}

// Help is the example.
func (dlqCmd) Help() string { return "Examples:\n  qianfan dlq list\n  qianfan dlq redrive 17" }

type dlqList struct{}

// Help is the example.
func (dlqList) Help() string { return "Example:\n  qianfan dlq list --json" }

// Run is the verb.
func (dlqList) Run(e *env) error {
	var raw json.RawMessage
	var list struct {
		Letters []store.DeadLetter  `json:"dead_letters"`
		Parked  []store.ParkedEvent `json:"parked_events"`
	}
	if err := fetch(e, "/api/dlq", nil, &raw, &list); err != nil {
		return err
	}
	return e.show(raw, func() {
		e.section("dead letters", []string{"ID", "AT", "TOPIC", "STATE", "TRIES"}, rows(list.Letters, func(l store.DeadLetter) []string {
			return []string{strconv.FormatInt(l.ID, 10), moment(l.At), l.Topic, l.State, strconv.Itoa(l.Tries)}
		}))
		e.section("carriers' events without an order when they came", []string{"FIRST", "CARRIER", "OUR NUMBER", "CARRIER'S", "DECISION"}, rows(list.Parked, func(p store.ParkedEvent) []string {
			return []string{moment(p.FirstAt), p.Carrier, p.OurNo, p.CarrierNo, cmp.Or(p.Decision, "waiting")}
		}))
		e.say("%d dead letters, %d parked events", len(list.Letters), len(list.Parked))
	})
}

type dlqRedrive struct {
	IDs []int64 `arg:"" optional:"" name:"id" help:"Which; without any, all that wait."`
}

// Help is the example.
func (dlqRedrive) Help() string {
	return "Examples:\n  qianfan dlq redrive\n  qianfan dlq redrive 17 18"
}

// Run is the verb.
func (c dlqRedrive) Run(e *env) error {
	body := map[string]any{}
	if len(c.IDs) > 0 {
		body["ids"] = c.IDs
	}
	var raw json.RawMessage
	if err := e.api.post(e.ctx, "/api/dlq/redrive", body, &raw); err != nil {
		return err
	}
	var done struct {
		Redriven   int
		Unreadable []int64
	}
	if err := json.Unmarshal(raw, &done); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return e.show(raw, func() {
		e.say("%d sent again", done.Redriven)
		if len(done.Unreadable) > 0 {
			e.say("unreadable, look at them with `qianfan dlq list --json`: %v", done.Unreadable)
		}
	})
}
