package function

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const cloudEvents = `[{"id":"ce-1","source":"RocketMQ-Function-rocketmq-trigger","specversion":"1.0","type":"mq:Topic:SendMessage",
 "datacontenttype":"application/json; charset=utf-8","subject":"acs:mq:cn-hangzhou:1:i%orders","time":"2021-04-08T06:01:20.766Z",
 "data":{"topic":"orders","systemProperties":{"MIN_OFFSET":"0","MAX_OFFSET":"8","KEYS":"k1 k2","TAGS":"created","UNIQ_KEY":"01AB",
  "CONSUME_START_TIME":1628577790396,"RECONSUME_TIMES":"2","__SHARDINGKEY":"g"},"userProperties":{"trace":"t","n":7},"body":"{\"v\":1}"}}]`

func TestDecodeEventsReadsTheDocumentedSample(t *testing.T) {
	t.Parallel()
	events, err := DecodeEvents([]byte(cloudEvents))
	require.NoError(t, err)
	require.Equal(t, []Event{{
		ID: "01AB", Topic: "orders", Key: "k1 k2", Tag: "created", Group: "g", Attempt: 3,
		Properties: map[string]string{"trace": "t", "n": "7"}, Body: []byte(`{"v":1}`),
	}}, events)
}

func TestDecodeEventsIsTolerant(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload, id, body string
	}{
		"raw data":           {`[{"topic":"t","msgId":"M","systemProperties":{"KEYS":"k"},"body":"x"}]`, "M", "x"},
		"key names it":       {`[{"id":"c","data":{"topic":"t","systemProperties":{"KEYS":"k"},"body":"x"}}]`, "k", "x"},
		"envelope names it":  {`[{"id":"c","data":{"topic":"t","body":"x"}}]`, "c", "x"},
		"JSON body":          {`[{"id":"c","data":{"topic":"t","body":{"a": 1}}}]`, "c", `{"a": 1}`},
		"null body":          {`[{"id":"c","data":{"topic":"t","body":null}}]`, "c", ""},
		"single object":      {`{"id":"c","data":{"topic":"t","body":"x"}}`, "c", "x"},
		"data as string":     {`[{"id":"c","data":"{\"topic\":\"t\",\"body\":\"x\"}"}]`, "c", "x"},
		"elements as string": {`["{\"id\":\"c\",\"data\":{\"topic\":\"t\",\"body\":\"x\"}}"]`, "c", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := DecodeEvents([]byte(c.payload))
			require.NoError(t, err)
			require.Len(t, events, 1)
			require.Equal(t, "t", events[0].Topic)
			require.Equal(t, c.id, events[0].ID)
			require.Equal(t, c.body, string(events[0].Body))
			require.Equal(t, 1, events[0].Attempt)
		})
	}
}

func TestDecodeEventsRefusesOtherThings(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{``, `7`, `"text"`, `[7]`, `[{"id":"c"}]`, `[{"id":"c","data":{"topic":"t","body":"x"}},{}]`,
		`{"triggerTime":"2026-01-01T00:00:00Z","triggerName":"sweep","payload":""}`} {
		_, err := DecodeEvents([]byte(payload))
		require.Error(t, err, payload)
	}
	events, err := DecodeEvents([]byte(`[]`))
	require.NoError(t, err)
	require.Empty(t, events)
}

func TestTimerIsToldFromMessages(t *testing.T) {
	t.Parallel()
	payload := []byte(` {"triggerTime":"2026-11-23T04:05:00Z","triggerName":"sweep","payload":"x"}`)
	timer, err := DecodeTimer(payload)
	require.NoError(t, err)
	require.Equal(t, Timer{Time: time.Date(2026, 11, 23, 4, 5, 0, 0, time.UTC), Name: "sweep", Payload: "x"}, timer)
	require.True(t, IsTimer(payload))
	for _, other := range []string{cloudEvents, `{"id":"c","data":{}}`, `{"triggerName":"x"}`, `[]`, ``} {
		require.False(t, IsTimer([]byte(other)), other)
	}
}
