package trigger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Times and sizes of the protocol (rocketmq.md §2, §3).
const (
	requestTimeout = 3 * time.Second
	longPoll       = 20 * time.Second
	receiveTimeout = longPoll + 5*time.Second
	receiveBatch   = 32
	ackBatch       = 32
	maxBody        = 4 << 20  // of a message
	maxReceive     = 16 << 20 // of a gRPC message: above maxBody, with properties
)

// link is the connection to the broker that all streams share.
type link struct {
	conn      *grpc.ClientConn
	stub      v2.MessagingServiceClient
	endpoints *v2.Endpoints
	host      string
}

func dial(endpoint string) (*link, error) {
	host, portText, err := net.SplitHostPort(endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", endpoint, err)
	}
	port, err := strconv.ParseInt(portText, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", endpoint, err)
	}
	conn, err := grpc.NewClient("passthrough:///"+endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceive)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstPause, Multiplier: 2, Jitter: 0.2, MaxDelay: longestPause},
			MinConnectTimeout: requestTimeout,
		}))
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", endpoint, err)
	}
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	return &link{conn: conn, stub: v2.NewMessagingServiceClient(conn), endpoints: endpointsOf(host, int32(port)), host: name}, nil
}

func endpointsOf(host string, port int32) *v2.Endpoints {
	scheme := v2.AddressScheme_DOMAIN_NAME
	if ip := net.ParseIP(host); ip != nil {
		scheme = v2.AddressScheme_IPv6
		if ip.To4() != nil {
			scheme = v2.AddressScheme_IPv4
		}
	}
	return &v2.Endpoints{Scheme: scheme, Addresses: []*v2.Address{{Host: host, Port: port}}}
}

func (l *link) close() error {
	if err := l.conn.Close(); err != nil {
		return fmt.Errorf("close connection to the broker: %w", err)
	}
	return nil
}

// consumer makes the calls of one group on one topic.
type consumer struct {
	link     *link
	clientID string
	topic    *v2.Resource
	group    *v2.Resource
	filter   *v2.FilterExpression
}

func newConsumer(l *link, topic, group, tag string) *consumer {
	return &consumer{
		link: l, clientID: fmt.Sprintf("%s@%d@%s@%s", l.host, os.Getpid(), group, rand.Text()[:8]),
		topic: &v2.Resource{Name: topic}, group: &v2.Resource{Name: group},
		filter: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: tag},
	}
}

// sign adds what the broker wants to know of a client. Credentials are left out: access control is not emulated.
func (c *consumer) sign(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-mq-client-id", c.clientID, "x-mq-language", "GO", "x-mq-protocol", "v2", "x-mq-client-version", "5.1.4")
}

// status turns a business status into an error; the broker answers those with a gRPC OK.
func status(what string, s *v2.Status, fine ...v2.Code) error {
	code := s.GetCode()
	if code == v2.Code_OK {
		return nil
	}
	for _, f := range fine {
		if code == f {
			return nil
		}
	}
	return &brokerError{what, code, s.GetMessage()}
}

type brokerError struct {
	what    string
	code    v2.Code
	message string
}

func (e *brokerError) Error() string { return fmt.Sprintf("%s: %s: %s", e.what, e.code, e.message) }

func refusedWith(err error, code v2.Code) bool {
	var refused *brokerError
	return errors.As(err, &refused) && refused.code == code
}

// queue finds the topic's queue. The broker pops from all of them when the id is -1.
func (c *consumer) queue(ctx context.Context) (*v2.MessageQueue, error) {
	ctx, cancel := context.WithTimeout(c.sign(ctx), requestTimeout)
	defer cancel()
	res, err := c.link.stub.QueryRoute(ctx, &v2.QueryRouteRequest{Topic: c.topic, Endpoints: c.link.endpoints})
	if err != nil {
		return nil, fmt.Errorf("query route: %w", err)
	}
	if err := status("query route", res.GetStatus()); err != nil {
		return nil, err
	}
	if len(res.GetMessageQueues()) == 0 {
		return nil, errors.New("query route: no queue")
	}
	queue := proto.CloneOf(res.GetMessageQueues()[0])
	queue.Id = -1
	return queue, nil
}

func (c *consumer) settings() *v2.TelemetryCommand {
	kind := v2.ClientType_SIMPLE_CONSUMER
	return &v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: &v2.Settings{
		ClientType: &kind, AccessPoint: c.link.endpoints, RequestTimeout: durationpb.New(requestTimeout),
		PubSub: &v2.Settings_Subscription{Subscription: &v2.Subscription{
			Group: c.group, Subscriptions: []*v2.SubscriptionEntry{{Topic: c.topic, Expression: c.filter}}, LongPollingTimeout: durationpb.New(longPoll),
		}},
		UserAgent: &v2.UA{Language: v2.Language_GOLANG, Version: "5.1.4", Hostname: c.link.host},
	}}}
}

func (c *consumer) heartbeat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(c.sign(ctx), requestTimeout)
	defer cancel()
	res, err := c.link.stub.Heartbeat(ctx, &v2.HeartbeatRequest{Group: c.group, ClientType: v2.ClientType_SIMPLE_CONSUMER})
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	return status("heartbeat", res.GetStatus())
}

func (c *consumer) goodbye(ctx context.Context) {
	ctx, cancel := context.WithTimeout(c.sign(ctx), requestTimeout)
	defer cancel()
	_, _ = c.link.stub.NotifyClientTermination(ctx, &v2.NotifyClientTerminationRequest{Group: c.group}) // a courtesy
}

// receive waits for messages. What came before an error was delivered: it is returned with it.
func (c *consumer) receive(ctx context.Context, queue *v2.MessageQueue, invisible time.Duration) ([]*v2.Message, error) {
	ctx, cancel := context.WithTimeout(c.sign(ctx), receiveTimeout)
	defer cancel()
	stream, err := c.link.stub.ReceiveMessage(ctx, &v2.ReceiveMessageRequest{
		Group: c.group, MessageQueue: queue, FilterExpression: c.filter, BatchSize: receiveBatch,
		InvisibleDuration: durationpb.New(invisible), LongPollingTimeout: durationpb.New(longPoll),
	})
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	var messages []*v2.Message
	var refused error
	for {
		res, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return messages, refused
		case err != nil:
			return messages, fmt.Errorf("receive: %w", err)
		}
		switch content := res.GetContent().(type) {
		case *v2.ReceiveMessageResponse_Status:
			refused = status("receive", content.Status, v2.Code_MESSAGE_NOT_FOUND)
		case *v2.ReceiveMessageResponse_Message:
			messages = append(messages, content.Message)
		}
	}
}

// ack acknowledges at most ackBatch messages. An expired one is no error: its next delivery is under way already.
func (c *consumer) ack(ctx context.Context, entries []*v2.AckMessageEntry) error {
	ctx, cancel := context.WithTimeout(c.sign(ctx), requestTimeout)
	defer cancel()
	res, err := c.link.stub.AckMessage(ctx, &v2.AckMessageRequest{Group: c.group, Topic: c.topic, Entries: entries})
	if err != nil {
		return fmt.Errorf("ack: %w", err)
	}
	return status("ack", res.GetStatus(), v2.Code_MULTIPLE_RESULTS, v2.Code_INVALID_RECEIPT_HANDLE)
}

// hide keeps a delivered message invisible for d from now on, and gives its new handle.
func (c *consumer) hide(ctx context.Context, id, handle string, d time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(c.sign(ctx), requestTimeout)
	defer cancel()
	res, err := c.link.stub.ChangeInvisibleDuration(ctx, &v2.ChangeInvisibleDurationRequest{
		Group: c.group, Topic: c.topic, MessageId: id, ReceiptHandle: handle, InvisibleDuration: durationpb.New(d),
	})
	if err != nil {
		return "", fmt.Errorf("change invisible duration: %w", err)
	}
	if err := status("change invisible duration", res.GetStatus()); err != nil {
		return "", err
	}
	return res.GetReceiptHandle(), nil
}

// send publishes a NORMAL message.
func (c *consumer) send(ctx context.Context, topic string, body []byte, now time.Time) error {
	ctx, cancel := context.WithTimeout(c.sign(ctx), requestTimeout)
	defer cancel()
	res, err := c.link.stub.SendMessage(ctx, &v2.SendMessageRequest{Messages: []*v2.Message{{
		Topic: &v2.Resource{Name: topic}, Body: body,
		SystemProperties: &v2.SystemProperties{
			MessageId: newMessageID(), BodyEncoding: v2.Encoding_IDENTITY, MessageType: v2.MessageType_NORMAL,
			BornTimestamp: timestamppb.New(now), BornHost: c.link.host,
		},
	}}})
	if err != nil {
		return fmt.Errorf("send to %s: %w", topic, err)
	}
	return status("send to "+topic, res.GetStatus())
}

// newMessageID has the form of the clients' ids: version 01 and 16 bytes in upper hexadecimal.
func newMessageID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.ToUpper(fmt.Sprintf("01%x", b))
}
