package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chuandao/qianfan/local/template"
)

const group = "GID-quote-orders"

func ordersStream() template.Stream {
	return template.Stream{
		Function: "quote", Name: "orders", Region: "cn-hangzhou", Account: "1", Instance: "rmq-cn-x", Topic: "orders", Group: group, Tag: "*",
		CountWindow: 100, Retry: template.ExponentialDecayRetry, ErrorsTolerance: template.ToleranceAll, DeadLetterTopic: "dead-letter",
		EventSchema: template.SchemaCloudEvents,
	}
}

func newMessage(id string) *v2.Message {
	tag, offset, attempt := "created", int64(7), int32(2)
	return &v2.Message{
		Topic: &v2.Resource{Name: "orders"}, Body: []byte(`{"n":"` + id + `"}`), UserProperties: map[string]string{"qf-due": "12"},
		SystemProperties: &v2.SystemProperties{
			MessageId: id, Keys: []string{"k1", "k2"}, Tag: &tag, QueueOffset: &offset, DeliveryAttempt: &attempt, BornHost: "10.0.0.1:99",
			BornTimestamp: timestamppb.New(time.Date(2026, 11, 23, 3, 0, 0, 5e6, time.UTC)),
		},
	}
}

func numbered(from, to int) []*v2.Message {
	var out []*v2.Message
	for i := from; i <= to; i++ {
		out = append(out, newMessage(fmt.Sprintf("M%03d", i)))
	}
	return out
}

// calls is a function under test: it notes each call and answers what the test says.
type calls struct {
	lock   sync.Mutex
	batch  [][]string // ids
	answer func(n int, ids []string) error
	seen   chan int // number of each call, when it ends
	gate   chan struct{}
	begun  chan struct{}
}

func newCalls() *calls { return &calls{seen: make(chan int, 1000)} }

func idsOf(payload []byte) []string {
	var events []struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(payload, &events); err != nil {
		return []string{err.Error()}
	}
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	return ids
}

func (c *calls) invoke(ctx context.Context, _ string, payload []byte) error {
	ids := idsOf(payload)
	c.lock.Lock()
	c.batch = append(c.batch, ids)
	n, answer, gate, begun := len(c.batch), c.answer, c.gate, c.begun
	c.lock.Unlock()
	if begun != nil {
		begun <- struct{}{}
	}
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var err error
	if answer != nil {
		err = answer(n, ids)
	}
	c.seen <- n
	return err
}

func (c *calls) all() [][]string {
	c.lock.Lock()
	defer c.lock.Unlock()
	return slices.Clone(c.batch)
}

type fixture struct {
	*fakeBroker
	*calls
	clock *fakeClock
	pump  *Pump
}

func start(t *testing.T, change func(o *Options, c *calls)) fixture {
	t.Helper()
	f := fixture{fakeBroker: newFakeBroker(t), calls: newCalls(), clock: newFakeClock()}
	o := Options{
		Endpoint: f.addr, Streams: []template.Stream{ordersStream()}, Invoke: f.calls.invoke, Clock: f.clock, Seed: 1,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if change != nil {
		change(&o, f.calls)
	}
	var err error
	f.pump, err = New(o)
	require.NoError(t, err)
	f.pump.Start()
	t.Cleanup(func() {
		require.NoError(t, f.pump.Close())
		require.Zero(t, f.clock.busy(), "tokens left")
	})
	require.NoError(t, f.pump.Connected(t.Context()))
	return f
}

func (f fixture) untilAcked(n int) {
	f.until(func() bool { return len(f.acked) >= n }, fmt.Sprint(n, " messages acknowledged"))
}

// untilIdle waits until nothing is open, so that virtual time may move.
func (f fixture) untilIdle(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return f.clock.busy() == 0 && len(f.clock.waits()) > 0 }, 20*time.Second, time.Millisecond)
}

func TestAMessageBecomesACloudEvent(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1628577790396)
	event, err := encodeEvent(ordersStream(), newMessage("01AB"), now)
	require.NoError(t, err)
	require.JSONEq(t, `{"id":"01AB","source":"RocketMQ-Function-orders","specversion":"1.0","type":"mq:Topic:SendMessage",
	 "datacontenttype":"application/json; charset=utf-8","subject":"acs:mq:cn-hangzhou:1:rmq-cn-x%orders","time":"2026-11-23T03:00:00.005Z",
	 "aliyunaccountid":"1","aliyunpublishtime":"2021-08-10T06:43:10.396Z","aliyunoriginalaccountid":"1","aliyuneventbusname":"RocketMQ-Function-orders",
	 "aliyunregionid":"cn-hangzhou","aliyunpublishaddr":"10.0.0.1",
	 "data":{"topic":"orders","systemProperties":{"MIN_OFFSET":"0","MAX_OFFSET":"8","TRACE_ON":"true","MSG_REGION":"cn-hangzhou","KEYS":"k1 k2",
	  "TAGS":"created","UNIQ_KEY":"01AB","INSTANCE_ID":"rmq-cn-x","CONSUME_START_TIME":1628577790396,"RECONSUME_TIMES":"1"},
	  "userProperties":{"qf-due":"12"},"body":"{\"n\":\"01AB\"}"}}`, string(event))

	raw := ordersStream()
	raw.EventSchema = template.SchemaRawData
	event, err = encodeEvent(raw, newMessage("01AB"), now)
	require.NoError(t, err)
	require.Contains(t, string(event), `{"topic":"orders","msgId":"01AB","systemProperties":`)

	broken := newMessage("01AC")
	broken.Body = []byte{0xff}
	_, err = encodeEvent(raw, broken, now)
	require.ErrorContains(t, err, "not UTF-8")
}

func TestRetrySchedules(t *testing.T) {
	t.Parallel()
	d := newDice(1, group)
	var sum time.Duration
	for n := range 176 {
		wait, more := retryWait(template.ExponentialDecayRetry, n, d)
		require.True(t, more)
		if n < 9 {
			require.Equal(t, time.Second<<n, wait)
		} else {
			require.Equal(t, 512*time.Second, wait)
		}
		sum += wait
	}
	require.InDelta(t, 24*time.Hour, sum, float64(time.Hour), "about a day")
	_, more := retryWait(template.ExponentialDecayRetry, 176, d)
	require.False(t, more)

	seen := map[time.Duration]bool{}
	for n := range 3 {
		wait, more := retryWait(template.BackoffRetry, n, d)
		require.True(t, more)
		require.GreaterOrEqual(t, wait, 10*time.Second)
		require.LessOrEqual(t, wait, 20*time.Second)
		seen[wait] = true
	}
	require.Len(t, seen, 3, "random")
	_, more = retryWait(template.BackoffRetry, 3, d)
	require.False(t, more)
}

func TestBatchesAreDeliveredAndAcknowledged(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options, c *calls) {
		o.Concurrency = 1
		c.begun, c.gate = make(chan struct{}, 100), make(chan struct{}, 100)
	})
	f.put(group, newMessage("A"))
	<-f.begun
	require.Equal(t, [][]string{{"A"}}, f.all(), "a lone message goes at once")
	require.Equal(t, 1, f.clock.busy(), "virtual time waits for it")
	f.put(group, numbered(1, 250)...)
	f.until(func() bool { return len(f.flight) == 1+5*receiveBatch }, "four receives gathered, the fifth in hand, the rest left with the broker")
	f.gate <- struct{}{}
	<-f.begun
	require.Len(t, f.all()[1], 100, "the count window")
	require.False(t, slices.IsSorted(f.all()[1]), "shuffled")
	close(f.gate)
	f.untilAcked(251)
	for _, b := range f.all() {
		require.LessOrEqual(t, len(b), 100)
	}
	f.mu.Lock()
	for _, n := range f.lastPoll {
		require.EqualValues(t, receiveBatch, n)
	}
	f.mu.Unlock()
	require.Eventually(t, func() bool { return f.clock.busy() == 0 }, 20*time.Second, time.Millisecond)
	s := f.pump.Stats()[0]
	require.EqualValues(t, 251, s.Messages)
	require.EqualValues(t, len(f.all()), s.Batches)
	require.Zero(t, s.InFlight)
	require.Equal(t, "quote", s.Function)
	require.True(t, s.Connected)
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options, c *calls) {
		o.Concurrency, o.InOrder = 2, true
		o.Streams[0].CountWindow = 10
		c.begun, c.gate = make(chan struct{}, 100), make(chan struct{})
	})
	f.put(group, numbered(1, 200)...)
	<-f.begun
	<-f.begun
	// The receiver holds one receive more than the feeder wants; the rest stays with the broker.
	f.until(func() bool { return len(f.flight) >= 32 }, "something was received")
	select {
	case <-f.begun:
		t.Fatal("a third call at a time")
	default:
	}
	f.mu.Lock()
	require.LessOrEqual(t, len(f.flight), 20+10+2*32)
	f.mu.Unlock()
	close(f.gate)
	f.untilAcked(200)
	for _, b := range f.all() {
		require.True(t, slices.IsSorted(b), "in order when asked")
	}
}

func TestTimeWindowGathers(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options, _ *calls) {
		o.Streams[0].TimeWindow = 15 * time.Second
		o.Streams[0].CountWindow = 3
	})
	for _, m := range numbered(1, 3) { // one receive each
		f.put(group, m)
		f.until(func() bool { return len(f.ready[group]) == 0 }, "received")
	}
	f.untilAcked(3)
	require.Len(t, f.all(), 1, "the window waits for the count")
}

func TestFailedBatchIsRetriedInVirtualTime(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options, c *calls) {
		o.Concurrency = 1
		c.answer = func(n int, ids []string) error {
			if slices.Contains(ids, "M001") && n <= 3 {
				return errors.New("store is away")
			}
			return nil
		}
	})
	f.put(group, numbered(1, 2)...)
	require.Equal(t, 1, <-f.seen)
	f.untilIdle(t)
	require.Equal(t, []time.Duration{time.Second}, f.clock.waits())
	f.mu.Lock()
	require.Equal(t, map[string]time.Duration{"M001": parked, "M002": parked}, f.hidden, "parked at the broker")
	f.mu.Unlock()
	require.Equal(t, 1, f.pump.Stats()[0].Waiting)
	require.Zero(t, f.pump.Stats()[0].InFlight)

	f.put(group, newMessage("B")) // passes by, though there is one place only
	require.Equal(t, 2, <-f.seen)
	f.untilAcked(1)
	f.untilIdle(t)
	require.True(t, f.clock.jump())
	require.Equal(t, 3, <-f.seen)
	f.untilIdle(t)
	require.Equal(t, []time.Duration{2 * time.Second}, f.clock.waits())
	require.True(t, f.clock.jump())
	require.Equal(t, 4, <-f.seen)
	f.untilAcked(3)
	all := f.all()
	require.Equal(t, all[0], all[2], "the same batch again")
	require.Equal(t, all[0], all[3])
	require.EqualValues(t, 2, f.pump.Stats()[0].Failures)
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options, c *calls) {
		o.Streams[0].Retry = template.BackoffRetry
		c.answer = func(int, []string) error { return errors.New("poison") }
	})
	f.refuse["send"] = v2.Code_INTERNAL_SERVER_ERROR
	f.put(group, numbered(1, 3)...)
	for n := 1; n <= 4; n++ {
		require.Equal(t, n, <-f.seen)
		if n < 4 {
			f.untilIdle(t)
			require.True(t, f.clock.jump())
		}
	}
	require.Never(t, func() bool { return f.clock.busy() == 0 }, 20*time.Millisecond, time.Millisecond, "not settled while the letter is unsent")
	f.mu.Lock()
	require.Empty(t, f.acked)
	f.mu.Unlock()
	f.update(func() { delete(f.refuse, "send") })
	f.untilAcked(3)
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Len(t, f.sent["dead-letter"], 1)
	letter := f.sent["dead-letter"][0]
	require.ElementsMatch(t, []string{"M001", "M002", "M003"}, idsOf(letter.GetBody()), "the events untouched, as one array")
	require.Regexp(t, `^01[0-9A-F]{32}$`, letter.GetSystemProperties().GetMessageId())
	require.Equal(t, v2.MessageType_NORMAL, letter.GetSystemProperties().GetMessageType())
	require.EqualValues(t, 3, f.pump.Stats()[0].DeadLetters)
}

func TestLargeDeadLettersAreSplit(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options, c *calls) {
		o.Streams[0].Retry = template.BackoffRetry
		c.answer = func(int, []string) error { return errors.New("poison") }
	})
	big := numbered(1, 3)
	for _, m := range big {
		m.Body = []byte(strings.Repeat("x", 3<<19))
	}
	f.put(group, big...)
	for n := range 4 {
		<-f.seen
		if n < 3 {
			f.untilIdle(t)
			require.True(t, f.clock.jump())
		}
	}
	f.untilAcked(3)
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for _, letter := range f.sent["dead-letter"] {
		ids = append(ids, idsOf(letter.GetBody())...)
	}
	require.ElementsMatch(t, []string{"M001", "M002", "M003"}, ids)
	require.Greater(t, len(f.sent["dead-letter"]), 1)
}

func TestToleranceNoneBlocksTheStream(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options, c *calls) {
		o.Streams[0].Retry, o.Streams[0].ErrorsTolerance = template.BackoffRetry, template.ToleranceNone
		c.answer = func(int, []string) error { return errors.New("poison") }
	})
	f.put(group, newMessage("A"))
	for n := range 4 {
		<-f.seen
		if n < 3 {
			f.untilIdle(t)
			require.True(t, f.clock.jump())
		}
	}
	require.Eventually(t, func() bool { return f.pump.Stats()[0].Blocked && f.clock.busy() == 0 }, 20*time.Second, time.Millisecond)
	f.put(group, newMessage("B"))
	require.Never(t, func() bool { return len(f.all()) > 4 }, 50*time.Millisecond, 5*time.Millisecond)
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Empty(t, f.acked)
	require.Empty(t, f.sent)
}

func TestPayloadsStayBelowTheLimitOfACall(t *testing.T) {
	t.Parallel()
	p, err := New(Options{Endpoint: "127.0.0.1:1", Streams: []template.Stream{ordersStream()}, Invoke: newCalls().invoke, Clock: newFakeClock()})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	sized := func(n, size int) []*message {
		out := make([]*message, n)
		for i := range out {
			out[i] = &message{event: make(json.RawMessage, size)}
		}
		return out
	}
	s := p.streams[0]
	require.Equal(t, 99, s.cut(sized(99, 10)))
	require.Equal(t, 100, s.cut(sized(101, 10)))
	require.Equal(t, 10, s.cut(sized(20, 3<<20)), "ten times 3 MB is below 32 MB, eleven are not")
	require.Equal(t, 1, s.cut(sized(3, 33<<20)), "one always goes")
}

func TestDuplicatesOnPurpose(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options, _ *calls) { o.Duplicate = 0.3 })
	f.put(group, numbered(1, 200)...)
	f.untilAcked(200)
	times := map[string]int{}
	for _, b := range f.all() {
		for _, id := range b {
			times[id]++
		}
	}
	twice := 0
	for id, n := range times {
		require.LessOrEqual(t, n, 2, id)
		if n == 2 {
			twice++
		}
	}
	require.Len(t, times, 200)
	require.EqualValues(t, f.pump.Stats()[0].Duplicates, twice)
	require.Greater(t, twice, 20)
	require.Less(t, twice, 120)
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Len(t, f.acked, 200)
}

func TestBrokerMayGoAwayAndComeBack(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.put(group, newMessage("A"))
	f.untilAcked(1)
	f.stop()
	require.Eventually(t, func() bool { return !f.pump.Stats()[0].Connected }, 20*time.Second, time.Millisecond)
	f.start()
	require.NoError(t, f.pump.Connected(t.Context()))
	f.put(group, newMessage("B"))
	f.untilAcked(2)

	f.update(func() { f.refuse["receive"] = v2.Code_INTERNAL_SERVER_ERROR })
	f.put(group, newMessage("C"))
	f.update(func() { delete(f.refuse, "receive") })
	f.untilAcked(3)

	f.update(func() { f.refuse["ack"] = v2.Code_INTERNAL_SERVER_ERROR })
	f.put(group, newMessage("D"))
	require.Equal(t, 4, <-drain(f.seen, 3))
	f.update(func() { delete(f.refuse, "ack") })
	f.untilAcked(4)
}

// drain takes n values off and returns the channel.
func drain(c chan int, n int) chan int {
	for range n {
		<-c
	}
	return c
}

func TestHeldMessagesAreKeptInvisible(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	system := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	f := start(t, func(o *Options, c *calls) {
		o.System = system
		c.begun, c.gate = make(chan struct{}, 10), make(chan struct{})
	})
	f.put(group, numbered(1, 2)...)
	<-f.begun
	s := f.pump.streams[0]
	s.renew()
	f.mu.Lock()
	require.Zero(t, f.hides, "not before it is needed")
	f.mu.Unlock()
	mu.Lock()
	now = now.Add(invisible - keepBelow + time.Second)
	mu.Unlock()
	s.renew()
	s.renew()
	f.mu.Lock()
	require.Equal(t, 2, f.hides, "once each")
	require.Equal(t, invisible, f.hidden["M001"])
	f.mu.Unlock()
	close(f.gate)
	f.untilAcked(2)
	require.Empty(t, s.holding())
}

func TestCloseEndsWhatRunsAndLetsGoOfWhatWaits(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options, c *calls) {
		o.Grace = time.Minute
		c.answer = func(_ int, ids []string) error {
			if ids[0] == "bad" {
				return errors.New("poison")
			}
			return nil
		}
		c.begun, c.gate = make(chan struct{}, 10), make(chan struct{}, 10)
	})
	f.put(group, newMessage("bad"))
	<-f.begun
	f.gate <- struct{}{}
	require.Equal(t, 1, <-f.seen)
	f.untilIdle(t)
	f.put(group, newMessage("good"))
	<-f.begun
	closed := make(chan error, 1)
	go func() { closed <- f.pump.Close() }()
	require.Eventually(t, func() bool { return f.pump.Stats()[0].Waiting == 0 }, 20*time.Second, time.Millisecond)
	f.gate <- struct{}{}
	require.NoError(t, <-closed)
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Equal(t, []string{"good"}, f.acked)
	require.Empty(t, f.sessions, "signed off")
	require.Empty(t, f.clock.waits())
}

func TestCloseGivesUpAfterTheGrace(t *testing.T) {
	t.Parallel()
	f := start(t, func(o *Options, c *calls) {
		o.Grace = time.Millisecond
		c.begun, c.gate = make(chan struct{}, 10), make(chan struct{})
	})
	f.put(group, newMessage("A"))
	<-f.begun
	require.NoError(t, f.pump.Close())
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Empty(t, f.acked)
}

func TestTimersFireInVirtualTime(t *testing.T) {
	t.Parallel()
	every, err := template.ParseSchedule("@every 1m")
	require.NoError(t, err)
	clock := newFakeClock()
	payloads, gate := make(chan string), make(chan struct{})
	p, err := New(Options{
		Clock: clock, Timers: []template.Timer{{Function: "timeout", Name: "sweep", Schedule: every, Payload: "x"}},
		Invoke: func(ctx context.Context, function string, payload []byte) error {
			payloads <- function + " " + string(payload)
			<-gate
			return errors.New("not this time")
		},
	})
	require.NoError(t, err)
	p.Start()
	require.Equal(t, []time.Duration{time.Minute}, clock.waits())
	require.True(t, clock.jump())
	require.Equal(t, `timeout {"triggerTime":"2026-11-23T04:01:00Z","triggerName":"sweep","payload":"x"}`, <-payloads)
	require.Equal(t, 1, clock.busy())
	require.False(t, clock.jump(), "virtual time waits for the call")

	clock.fireAll(2) // time goes on all the same: these instants are passed over
	gate <- struct{}{}
	require.Eventually(t, func() bool { return clock.busy() == 0 }, 20*time.Second, time.Millisecond)
	require.True(t, clock.jump())
	require.Equal(t, `timeout {"triggerTime":"2026-11-23T04:04:00Z","triggerName":"sweep","payload":"x"}`, <-payloads)
	gate <- struct{}{}
	require.NoError(t, p.Close())
	require.Empty(t, clock.waits())
	require.Zero(t, clock.busy())
}

// fireAll fires the earliest timer n times, open work or not.
func (c *fakeClock) fireAll(n int) {
	for range n {
		c.mu.Lock()
		slices.SortStableFunc(c.timers, func(a, b *fakeTimer) int { return a.at.Compare(b.at) })
		t := c.timers[0]
		c.timers, c.now = c.timers[1:], t.at
		c.mu.Unlock()
		t.f()
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	_, err := New(Options{})
	require.ErrorContains(t, err, "Invoke and Clock are required")
	_, err = New(Options{Invoke: newCalls().invoke, Clock: newFakeClock(), Streams: []template.Stream{ordersStream()}, Endpoint: "nowhere"})
	require.ErrorContains(t, err, `endpoint "nowhere"`)
}
