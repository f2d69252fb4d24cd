package function

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Event is one RocketMQ message as the trigger hands it over.
type Event struct {
	ID         string // UNIQ_KEY, else the key, else the CloudEvent's id: names the message in every delivery of it
	Topic      string
	Key        string // KEYS; several are separated by a space
	Tag        string
	Group      string            // the message group of a FIFO message
	Properties map[string]string // user properties
	Body       []byte
	Attempt    int // 1 for the first delivery by the broker, where the trigger tells
}

// cloudEvent is an element of the array that an event stream delivers, in schema CloudEvents. In schema RawData the element is only
// the data object. Values of the properties may be strings or numbers (CONSUME_START_TIME is one).
type cloudEvent struct {
	ID   string          `json:"id"`
	Data json.RawMessage `json:"data"`
}

type rawMessage struct {
	Topic            string         `json:"topic"`
	MsgID            string         `json:"msgId"`
	SystemProperties map[string]any `json:"systemProperties"`
	UserProperties   map[string]any `json:"userProperties"`
	Body             jsonBody       `json:"body"`
}

// jsonBody is a body written as a JSON string (its text) or as a JSON value (its JSON).
type jsonBody []byte

func (b *jsonBody) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		*b = jsonBody(s)
		return nil
	}
	if string(raw) == "null" {
		*b = nil
		return nil
	}
	*b = append((*b)[:0], raw...)
	return nil
}

// DecodeEvents reads what a RocketMQ trigger delivers: a JSON array of CloudEvents or of raw messages; a single one and elements that
// are JSON in a string are understood too. The body of a dead letter is such an array.
func DecodeEvents(payload []byte) ([]Event, error) {
	elements, err := split(payload)
	if err != nil {
		return nil, fmt.Errorf("decode events: %w", err)
	}
	events := make([]Event, 0, len(elements))
	for i, element := range elements {
		e, err := decodeEvent(element)
		if err != nil {
			return nil, fmt.Errorf("decode events: element %d: %w", i, err)
		}
		events = append(events, e)
	}
	return events, nil
}

func split(payload []byte) ([]json.RawMessage, error) {
	payload = bytes.TrimSpace(payload)
	if len(payload) > 0 && payload[0] == '{' {
		return []json.RawMessage{payload}, nil
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(payload, &elements); err != nil {
		return nil, fmt.Errorf("neither an array of messages nor a message: %w", err)
	}
	if elements == nil {
		return nil, fmt.Errorf("neither an array of messages nor a message: null")
	}
	return elements, nil
}

func decodeEvent(element json.RawMessage) (Event, error) {
	element, err := unquote(element)
	if err != nil {
		return Event{}, err
	}
	var envelope cloudEvent
	if err := json.Unmarshal(element, &envelope); err != nil {
		return Event{}, err
	}
	data := element // RawData
	if len(envelope.Data) > 0 {
		if data, err = unquote(envelope.Data); err != nil {
			return Event{}, err
		}
	}
	var raw rawMessage
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&raw); err != nil {
		return Event{}, err
	}
	if raw.Topic == "" {
		return Event{}, fmt.Errorf("no topic: not a RocketMQ message")
	}
	return raw.event(envelope.ID), nil
}

func (m rawMessage) event(envelopeID string) Event {
	system, user := texts(m.SystemProperties), texts(m.UserProperties)
	e := Event{
		Topic: m.Topic, Key: system["KEYS"], Tag: system["TAGS"], Properties: user, Body: m.Body, Attempt: 1,
		Group: firstSet(system["__SHARDINGKEY"], user["__SHARDINGKEY"]),
		ID:    firstSet(system["UNIQ_KEY"], m.MsgID, system["KEYS"], envelopeID),
	}
	if n, err := strconv.Atoi(system["RECONSUME_TIMES"]); err == nil && n > 0 {
		e.Attempt = n + 1
	}
	return e
}

// unquote turns JSON that was wrapped into a JSON string back into itself.
func unquote(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 || raw[0] != '"' {
		return raw, nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	return json.RawMessage(strings.TrimSpace(s)), nil
}

func texts(values map[string]any) map[string]string {
	out := make(map[string]string, len(values))
	for k, v := range values {
		switch v := v.(type) {
		case string:
			out[k] = v
		case nil:
		case json.Number:
			out[k] = v.String()
		case bool:
			out[k] = strconv.FormatBool(v)
		default:
			// A nested value is kept as its JSON; it was just decoded from JSON, so it always marshals.
			text, _ := json.Marshal(v)
			out[k] = string(text)
		}
	}
	return out
}

func firstSet(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
