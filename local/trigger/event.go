package trigger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/chuandao/qianfan/local/template"
)

// cloudEvent is an element of what a stream delivers (function-compute.md §3.3).
type cloudEvent struct {
	ID              string      `json:"id"`
	Source          string      `json:"source"`
	SpecVersion     string      `json:"specversion"`
	Type            string      `json:"type"`
	ContentType     string      `json:"datacontenttype"`
	Subject         string      `json:"subject"`
	Time            string      `json:"time"`
	Account         string      `json:"aliyunaccountid"`
	PublishTime     string      `json:"aliyunpublishtime"`
	OriginalAccount string      `json:"aliyunoriginalaccountid"`
	EventBus        string      `json:"aliyuneventbusname"`
	Region          string      `json:"aliyunregionid"`
	PublishAddress  string      `json:"aliyunpublishaddr"`
	Data            messageData `json:"data"`
}

type messageData struct {
	Topic            string            `json:"topic"`
	MsgID            string            `json:"msgId,omitempty"` // only in schema RawData
	SystemProperties map[string]any    `json:"systemProperties"`
	UserProperties   map[string]string `json:"userProperties"`
	Body             string            `json:"body"`
}

// encodeEvent is one message as the stream's element. A body that is not UTF-8 would lose bytes, as JSON has no others: it is refused.
func encodeEvent(s template.Stream, m *v2.Message, now time.Time) (json.RawMessage, error) {
	if !utf8.Valid(m.GetBody()) {
		return nil, fmt.Errorf("encode message %s: its body is not UTF-8", m.GetSystemProperties().GetMessageId())
	}
	data := dataOf(s, m, now)
	var element any
	if s.EventSchema == template.SchemaRawData {
		data.MsgID = m.GetSystemProperties().GetMessageId()
		element = data
	} else {
		element = envelope(s, m, data, now)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(element); err != nil {
		return nil, fmt.Errorf("encode message %s: %w", m.GetSystemProperties().GetMessageId(), err)
	}
	return json.RawMessage(bytes.TrimSpace(out.Bytes())), nil
}

func envelope(s template.Stream, m *v2.Message, data messageData, now time.Time) cloudEvent {
	born := now
	if t := m.GetSystemProperties().GetBornTimestamp(); t != nil {
		born = t.AsTime()
	}
	host, _, _ := strings.Cut(m.GetSystemProperties().GetBornHost(), ":")
	return cloudEvent{
		ID: m.GetSystemProperties().GetMessageId(), Source: "RocketMQ-Function-" + s.Name, SpecVersion: "1.0", Type: "mq:Topic:SendMessage",
		ContentType: "application/json; charset=utf-8",
		Subject:     fmt.Sprintf("acs:mq:%s:%s:%s%%%s", s.Region, s.Account, s.Instance, s.Topic),
		Time:        born.UTC().Format("2006-01-02T15:04:05.000Z"), PublishTime: now.UTC().Format("2006-01-02T15:04:05.000Z"),
		Account: s.Account, OriginalAccount: s.Account, EventBus: "RocketMQ-Function-" + s.Name, Region: s.Region,
		PublishAddress: host, Data: data,
	}
}

func dataOf(s template.Stream, m *v2.Message, now time.Time) messageData {
	sys := m.GetSystemProperties()
	properties := map[string]any{
		"MIN_OFFSET": "0", "MAX_OFFSET": strconv.FormatInt(sys.GetQueueOffset()+1, 10), "TRACE_ON": "true", "MSG_REGION": s.Region,
		"UNIQ_KEY": sys.GetMessageId(), "INSTANCE_ID": s.Instance,
		"CONSUME_START_TIME": now.UnixMilli(), // a number among texts, as in the cloud
	}
	if keys := sys.GetKeys(); len(keys) > 0 {
		properties["KEYS"] = strings.Join(keys, " ")
	}
	if sys.Tag != nil {
		properties["TAGS"] = sys.GetTag()
	}
	if sys.MessageGroup != nil {
		properties["__SHARDINGKEY"] = sys.GetMessageGroup()
	}
	if n := sys.GetDeliveryAttempt(); n > 1 {
		properties["RECONSUME_TIMES"] = strconv.Itoa(int(n - 1))
	}
	user := m.GetUserProperties()
	if user == nil {
		user = map[string]string{}
	}
	return messageData{Topic: s.Topic, SystemProperties: properties, UserProperties: user, Body: string(m.GetBody())}
}

// array joins elements into the payload of one call.
func array(elements []json.RawMessage) []byte {
	size := 2
	for _, e := range elements {
		size += len(e) + 1
	}
	out := make([]byte, 0, size)
	out = append(out, '[')
	for i, e := range elements {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, e...)
	}
	return append(out, ']')
}
