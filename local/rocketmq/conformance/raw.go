package conformance

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chuandao/qianfan/shared/clock"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// raw is a client on the bare stubs.
type raw struct {
	*scenario
	stub  v2.MessagingServiceClient
	id    string
	group string
}

// rawClient has no settings and no stream.
func (s *scenario) rawClient() *raw {
	return &raw{scenario: s, stub: v2.NewMessagingServiceClient(s.clients.conn), id: s.nextID()}
}

// rawConsumer keeps a Telemetry stream with a simple consumer's settings until the scenario ends.
func (s *scenario) rawConsumer(group string, topics ...string) *raw {
	s.Helper()
	r := s.rawClient()
	r.group = group
	require.NoError(s, r.telemetry(consumerSettings(group, topics...)))
	return r
}

func consumerSettings(group string, topics ...string) *v2.Settings {
	kind := v2.ClientType_SIMPLE_CONSUMER
	var entries []*v2.SubscriptionEntry
	for _, topic := range topics {
		entries = append(entries, &v2.SubscriptionEntry{
			Topic: &v2.Resource{Name: topic}, Expression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"},
		})
	}
	return &v2.Settings{
		ClientType: &kind, RequestTimeout: durationpb.New(3 * time.Second), UserAgent: agent(),
		PubSub: &v2.Settings_Subscription{Subscription: &v2.Subscription{
			Group: &v2.Resource{Name: group}, Subscriptions: entries,
			LongPollingTimeout: durationpb.New(5 * time.Second),
		}},
	}
}

// rawProducer keeps a Telemetry stream with a producer's settings until the scenario ends.
func (s *scenario) rawProducer(topics ...string) *raw {
	s.Helper()
	r := s.rawClient()
	require.NoError(s, r.telemetry(producerSettings(topics...)))
	return r
}

func producerSettings(topics ...string) *v2.Settings {
	kind := v2.ClientType_PRODUCER
	publishing := &v2.Publishing{}
	for _, topic := range topics {
		publishing.Topics = append(publishing.Topics, &v2.Resource{Name: topic})
	}
	return &v2.Settings{
		ClientType: &kind, RequestTimeout: durationpb.New(3 * time.Second), UserAgent: agent(),
		BackoffPolicy: &v2.RetryPolicy{MaxAttempts: 3, Strategy: &v2.RetryPolicy_ExponentialBackoff{
			ExponentialBackoff: &v2.ExponentialBackoff{
				Initial: durationpb.New(0), Max: durationpb.New(0), Multiplier: 1,
			},
		}},
		PubSub: &v2.Settings_Publishing{Publishing: publishing},
	}
}

func agent() *v2.UA { return &v2.UA{Language: v2.Language_GOLANG, Version: "5.1.4"} }

// telemetry opens a stream, sends the settings and waits for the broker's, or for the error that ends the stream.
func (r *raw) telemetry(settings *v2.Settings) error {
	r.Helper()
	settings.AccessPoint = &v2.Endpoints{Scheme: v2.AddressScheme_DOMAIN_NAME, Addresses: []*v2.Address{
		{Host: "localhost", Port: 8081},
	}}
	ctx, cancel := context.WithCancel(r.headers(context.Background()))
	r.Cleanup(cancel)
	stream, err := r.stub.Telemetry(ctx)
	require.NoError(r, err)
	require.NoError(r, stream.Send(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: settings}}))
	for {
		c, err := stream.Recv()
		if err != nil || c.GetSettings() != nil {
			return err
		}
	}
}

func (r *raw) headers(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-mq-client-id", r.id, "x-mq-language", "GO",
		"x-mq-protocol", "v2", "x-mq-client-version", "5.1.4")
}

func (r *raw) call(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.headers(r.Context()), d)
}

// message is a sendable one.
func (r *raw) message(topic, body string, with ...func(*v2.Message)) *v2.Message {
	m := &v2.Message{
		Topic: &v2.Resource{Name: topic}, Body: []byte(body), UserProperties: map[string]string{},
		SystemProperties: &v2.SystemProperties{
			MessageId: r.nextID(), BodyEncoding: v2.Encoding_IDENTITY, MessageType: v2.MessageType_NORMAL,
			BornTimestamp: timestamppb.New(clock.System.Now()), BornHost: "conformance",
		},
	}
	for _, f := range with {
		f(m)
	}
	return m
}

func tagged(tag string) func(*v2.Message) {
	return func(m *v2.Message) { m.SystemProperties.Tag = &tag }
}

func grouped(group string) func(*v2.Message) {
	return func(m *v2.Message) {
		m.SystemProperties.MessageGroup = &group
		m.SystemProperties.MessageType = v2.MessageType_FIFO
	}
}

func due(at time.Time) func(*v2.Message) {
	return func(m *v2.Message) {
		m.SystemProperties.DeliveryTimestamp = timestamppb.New(at)
		m.SystemProperties.MessageType = v2.MessageType_DELAY
	}
}

func typed(kind v2.MessageType) func(*v2.Message) {
	return func(m *v2.Message) { m.SystemProperties.MessageType = kind }
}

// send sends one request.
func (r *raw) send(messages ...*v2.Message) *v2.SendMessageResponse {
	r.Helper()
	ctx, cancel := r.call(10 * time.Second)
	defer cancel()
	reply, err := r.stub.SendMessage(ctx, &v2.SendMessageRequest{Messages: messages})
	require.NoError(r, err)
	return reply
}

// request is a receive that every broker takes.
func (r *raw) request(topic string, batch int32) *v2.ReceiveMessageRequest {
	return &v2.ReceiveMessageRequest{
		Group:        &v2.Resource{Name: r.group},
		MessageQueue: &v2.MessageQueue{Topic: &v2.Resource{Name: topic}, Id: -1},
		FilterExpression: &v2.FilterExpression{
			Type: v2.FilterType_TAG, Expression: "*",
		},
		BatchSize: batch, InvisibleDuration: durationpb.New(30 * time.Second),
		LongPollingTimeout: durationpb.New(5 * time.Second),
	}
}

// receive reads a receive to its end.
func (r *raw) receive(deadline time.Duration, request *v2.ReceiveMessageRequest) ([]*v2.Message, v2.Code) {
	r.Helper()
	ctx, cancel := r.call(deadline)
	defer cancel()
	stream, err := r.stub.ReceiveMessage(ctx, request)
	require.NoError(r, err)
	var messages []*v2.Message
	code := v2.Code_CODE_UNSPECIFIED
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return messages, code
		}
		require.NoError(r, err)
		if status := part.GetStatus(); status != nil {
			code = status.GetCode()
		}
		if m := part.GetMessage(); m != nil {
			messages = append(messages, m)
		}
	}
}

// collect receives until it has n messages of the topic.
func (r *raw) collect(topic string, n int) []*v2.Message {
	r.Helper()
	return r.collectBy(r.request(topic, 32), n)
}

// collectBy repeats a receive until it has n messages.
func (r *raw) collectBy(request *v2.ReceiveMessageRequest, n int) []*v2.Message {
	r.Helper()
	var all []*v2.Message
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	for len(all) < n {
		got, code := r.receive(10*time.Second, request)
		require.Contains(r, []v2.Code{v2.Code_OK, v2.Code_MESSAGE_NOT_FOUND}, code)
		all = append(all, got...)
		require.NoError(r, ctx.Err(), "%d of %d messages came", len(all), n)
	}
	return all
}

// ack acknowledges handles in one request.
func (r *raw) ack(topic string, handles ...string) *v2.AckMessageResponse {
	r.Helper()
	ctx, cancel := r.call(10 * time.Second)
	defer cancel()
	request := &v2.AckMessageRequest{Group: &v2.Resource{Name: r.group}, Topic: &v2.Resource{Name: topic}}
	for _, h := range handles {
		request.Entries = append(request.Entries, &v2.AckMessageEntry{MessageId: "unused", ReceiptHandle: h})
	}
	reply, err := r.stub.AckMessage(ctx, request)
	require.NoError(r, err)
	return reply
}

// change changes an invisible time.
func (r *raw) change(topic string, m *v2.Message, d time.Duration) *v2.ChangeInvisibleDurationResponse {
	r.Helper()
	ctx, cancel := r.call(10 * time.Second)
	defer cancel()
	reply, err := r.stub.ChangeInvisibleDuration(ctx, &v2.ChangeInvisibleDurationRequest{
		Group: &v2.Resource{Name: r.group}, Topic: &v2.Resource{Name: topic},
		ReceiptHandle: receipt(m), MessageId: m.GetSystemProperties().GetMessageId(),
		InvisibleDuration: durationpb.New(d),
	})
	require.NoError(r, err)
	return reply
}

func (r *raw) end(topic, id string, resolution v2.TransactionResolution) v2.Code {
	r.Helper()
	ctx, cancel := r.call(10 * time.Second)
	defer cancel()
	reply, err := r.stub.EndTransaction(ctx, &v2.EndTransactionRequest{
		Topic: &v2.Resource{Name: topic}, MessageId: id, TransactionId: id, Resolution: resolution,
	})
	require.NoError(r, err)
	return reply.GetStatus().GetCode()
}

func receipt(m *v2.Message) string   { return m.GetSystemProperties().GetReceiptHandle() }
func attempt(m *v2.Message) int32    { return m.GetSystemProperties().GetDeliveryAttempt() }
func messageID(m *v2.Message) string { return m.GetSystemProperties().GetMessageId() }
