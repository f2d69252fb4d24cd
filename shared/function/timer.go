package function

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Timer is what a timer trigger delivers.
type Timer struct {
	Time    time.Time // when it was due
	Name    string    // the trigger's name
	Payload string    // the text configured with the trigger
}

type timerPayload struct {
	TriggerTime *time.Time `json:"triggerTime"`
	TriggerName *string    `json:"triggerName"`
	Payload     string     `json:"payload"`
}

// IsTimer tells a timer trigger's payload from messages: an object with a trigger name and time.
func IsTimer(payload []byte) bool {
	_, err := DecodeTimer(payload)
	return err == nil
}

// DecodeTimer reads a timer trigger's payload, {"triggerTime","triggerName","payload"}.
func DecodeTimer(payload []byte) (Timer, error) {
	if trimmed := bytes.TrimSpace(payload); len(trimmed) == 0 || trimmed[0] != '{' {
		return Timer{}, fmt.Errorf("decode timer: not an object")
	}
	var p timerPayload
	if err := json.Unmarshal(payload, &p); err != nil {
		return Timer{}, fmt.Errorf("decode timer: %w", err)
	}
	if p.TriggerTime == nil || p.TriggerName == nil {
		return Timer{}, fmt.Errorf("decode timer: triggerTime or triggerName is missing")
	}
	return Timer{Time: p.TriggerTime.UTC(), Name: *p.TriggerName, Payload: p.Payload}, nil
}
