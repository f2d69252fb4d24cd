package message

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chuandao/qianfan/shared/clock"
)

// PropDue is the user property that carries the virtual instant (unix milliseconds) at which
// a delayed message is due; a broker that knows no virtual time goes by its delivery timestamp.
const PropDue = "qf-due"

// PropBatch is the user property that names the intake batch of a half message.
const PropBatch = "qf-batch"

// PropFrom is the user property that names the function which published a message.
const PropFrom = "qf-from"

// Config is how to reach RocketMQ 5.
type Config struct {
	Endpoint  string // host:port of the gRPC endpoint
	AccessKey string
	SecretKey string
	TLS       bool
	Clock     clock.Clock
	Function  string        // who publishes
	Timeout   time.Duration // of one send; default 3 s
	MaxDelay  time.Duration // longest delay that the broker takes; default 23 h (a longer one hops)
	// Trace gives the traceparent of an order for its items, empty when it is not traced; nil = none is.
	Trace func(ctx context.Context, order int64) string
}

// Client publishes over the generated stubs of the official client module. The official
// producer is not used: its Start takes a second or two, a send ignores its context while a
// server is away, and its correctness rests on goroutines that stand still in a frozen
// instance. After silence the connection is made anew before use.
type Client struct {
	cfg   Config
	id    string
	pause time.Duration // between heartbeats

	mu    sync.Mutex
	conn  *grpc.ClientConn
	used  time.Time
	heard time.Time // when the broker last answered anything
	seq   uint32
}

const (
	silence     = 20 * time.Second // of system time, after which a thawed connection is not trusted
	sendTimeout = 3 * time.Second
	sendTries   = 3
	maxDelay    = 23 * time.Hour
	parallel    = 16
)

// NewClient prepares a client; the first use connects.
func NewClient(cfg Config) *Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = sendTimeout
	}
	if cfg.MaxDelay == 0 {
		cfg.MaxDelay = maxDelay
	}
	host, _ := os.Hostname()
	return &Client{cfg: cfg, pause: beatPause, id: fmt.Sprintf("%s@%d@%s@%s", host, os.Getpid(), cfg.Function, randomHex(4))}
}

func randomHex(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}

// Close ends the connection.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

// reconnect keeps the pauses between two tries to connect below a send's timeout: after a
// long outage the broker must not wait for us in its turn.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: 2 * time.Second,
}

// stub is the service on a connection that can be trusted.
func (c *Client) stub() (rmq.MessagingServiceClient, error) {
	conn, err := c.trusted()
	if err != nil {
		return nil, err
	}
	return rmq.NewMessagingServiceClient(conn), nil
}

func (c *Client) trusted() (*grpc.ClientConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Clock.System()
	if c.conn != nil && now.Sub(c.used) > silence {
		_ = c.conn.Close()
		c.conn = nil
	}
	c.used = now
	if c.conn == nil {
		transport := insecure.NewCredentials()
		if c.cfg.TLS {
			transport = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
		}
		conn, err := grpc.NewClient("passthrough:///"+c.cfg.Endpoint, grpc.WithTransportCredentials(transport),
			grpc.WithConnectParams(reconnect), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(8<<20)))
		if err != nil {
			return nil, fmt.Errorf("QIANFAN_ROCKETMQ_ENDPOINT %q: %w", c.cfg.Endpoint, err)
		}
		c.conn = conn
	}
	return c.conn, nil
}

// judge learns from a call what its connection is worth. An open one over which nothing at
// all was heard since began, until the call's time was over, may lead nowhere: nothing else
// would tell for a quarter of an hour. The next call makes it anew.
func (c *Client) judge(conn *grpc.ClientConn, began time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch code := status.Code(err); {
	case code != codes.DeadlineExceeded && code != codes.Unavailable && code != codes.Canceled:
		c.heard = c.cfg.Clock.System()
	case code == codes.DeadlineExceeded && c.conn == conn && conn.GetState() == connectivity.Ready && !c.heard.After(began):
		_ = conn.Close()
		c.conn = nil
	}
}

// sign adds the headers that every call carries.
func (c *Client) sign(ctx context.Context) context.Context {
	now := c.cfg.Clock.System().UTC().Format("20060102T150405Z")
	kv := []string{"x-mq-language", "GO", "x-mq-protocol", "v2", "x-mq-client-version", "5.1.4",
		"x-mq-client-id", c.id, "x-mq-request-id", randomHex(16), "x-mq-date-time", now}
	if c.cfg.AccessKey != "" {
		mac := hmac.New(sha1.New, []byte(c.cfg.SecretKey))
		mac.Write([]byte(now))
		kv = append(kv, "authorization", fmt.Sprintf("MQv2-HMAC-SHA1 Credential=%s//Rocketmq, SignedHeaders=x-mq-date-time, Signature=%s",
			c.cfg.AccessKey, hex.EncodeToString(mac.Sum(nil))))
	}
	return metadata.AppendToOutgoingContext(ctx, kv...)
}

// ErrBroker says that the broker answered with a refusal.
var ErrBroker = errors.New("broker refuses")

// Publish sends messages side by side and returns when the broker has taken all of them.
func (c *Client) Publish(ctx context.Context, messages ...Message) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, m := range messages {
		g.Go(func() error {
			_, err := c.send(ctx, m, rmq.MessageType_NORMAL)
			return err
		})
	}
	return g.Wait()
}

// send delivers one message, again after a transport error: a message that arrives twice is
// harmless by design.
func (c *Client) send(ctx context.Context, m Message, kind rmq.MessageType) (*rmq.SendResultEntry, error) {
	m.Items = c.traced(ctx, m.Items)
	msg, err := c.wire(m, kind)
	if err != nil {
		return nil, err
	}
	var last error
	for range sendTries {
		entry, retry, err := c.try(ctx, msg)
		if err == nil {
			return entry, nil
		}
		last = err
		if !retry || ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("publish to %s: %w", m.Topic, last)
}

func (c *Client) try(ctx context.Context, msg *rmq.Message) (entry *rmq.SendResultEntry, retry bool, err error) {
	conn, err := c.trusted()
	if err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	began := c.cfg.Clock.System()
	reply, err := rmq.NewMessagingServiceClient(conn).SendMessage(c.sign(ctx), &rmq.SendMessageRequest{Messages: []*rmq.Message{msg}}, grpc.WaitForReady(true))
	c.judge(conn, began, err)
	if err != nil {
		return nil, true, err
	}
	if reply.GetStatus().GetCode() != rmq.Code_OK || len(reply.GetEntries()) == 0 {
		return nil, false, fmt.Errorf("%w: %s %s", ErrBroker, reply.GetStatus().GetCode(), reply.GetStatus().GetMessage())
	}
	return reply.GetEntries()[0], false, nil
}

// traced names in each item the span that sends it; what an item brought along stays where there is none.
func (c *Client) traced(ctx context.Context, items []Item) []Item {
	if c.cfg.Trace == nil {
		return items
	}
	own := false
	for i, item := range items {
		parent := c.cfg.Trace(ctx, item.Order)
		if parent == "" {
			continue
		}
		if !own { // the items are the caller's
			items, own = slices.Clone(items), true
		}
		items[i].Trace = parent
	}
	return items
}

func (c *Client) wire(m Message, kind rmq.MessageType) (*rmq.Message, error) {
	body, err := Encode(m.Topic, m.Items)
	if err != nil {
		return nil, err
	}
	now := c.cfg.Clock.System()
	sys := &rmq.SystemProperties{
		MessageId: c.messageID(now), BodyEncoding: rmq.Encoding_IDENTITY, MessageType: kind,
		BornTimestamp: timestamppb.New(now), BornHost: c.id,
	}
	props := map[string]string{PropFrom: c.cfg.Function}
	for k, v := range m.Props {
		props[k] = v
	}
	switch {
	case m.Group != "":
		sys.MessageType, sys.MessageGroup = rmq.MessageType_FIFO, &m.Group
	case !m.Due.IsZero():
		sys.MessageType = rmq.MessageType_DELAY
		props[PropDue] = fmt.Sprint(m.Due.UnixMilli())
		sys.DeliveryTimestamp = timestamppb.New(c.deliverAt(m.Due, now))
	}
	return &rmq.Message{Topic: &rmq.Resource{Name: m.Topic}, UserProperties: props, SystemProperties: sys, Body: body}, nil
}

// deliverAt is when a message that is due at a virtual instant should come, in system time:
// no later than the broker allows; one that comes early is sent again.
func (c *Client) deliverAt(due, now time.Time) time.Time {
	at := clock.ToSystem(c.cfg.Clock, due)
	if latest := now.Add(c.cfg.MaxDelay); at.After(latest) {
		return latest
	}
	return at
}

// messageID follows the official form: 34 upper hex digits that begin with 01.
func (c *Client) messageID(now time.Time) string {
	c.mu.Lock()
	c.seq++
	seq := c.seq
	c.mu.Unlock()
	return fmt.Sprintf("01%016X%08X%08X", now.UnixNano(), uint32(os.Getpid()), seq)
}

// Half is a half message whose fate is open.
type Half struct {
	Topic string
	ID    string // message id
	Tx    string // the broker's transaction id
}

// SendHalf sends a half message. It is delivered only after Commit, or after a check-back
// that finds its batch.
func (c *Client) SendHalf(ctx context.Context, m Message) (Half, error) {
	entry, err := c.send(ctx, m, rmq.MessageType_TRANSACTION)
	if err != nil {
		return Half{}, err
	}
	return Half{Topic: m.Topic, ID: entry.GetMessageId(), Tx: entry.GetTransactionId()}, nil
}

// End commits a half message or rolls it back.
func (c *Client) End(ctx context.Context, h Half, commit bool) error {
	return c.end(ctx, h, commit, rmq.TransactionSource_SOURCE_CLIENT)
}

func (c *Client) end(ctx context.Context, h Half, commit bool, source rmq.TransactionSource) error {
	stub, err := c.stub()
	if err != nil {
		return err
	}
	resolution := rmq.TransactionResolution_ROLLBACK
	if commit {
		resolution = rmq.TransactionResolution_COMMIT
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	reply, err := stub.EndTransaction(c.sign(ctx), &rmq.EndTransactionRequest{
		Topic: &rmq.Resource{Name: h.Topic}, MessageId: h.ID, TransactionId: h.Tx, Resolution: resolution, Source: source,
	})
	if err != nil {
		return fmt.Errorf("end transaction: %w", err)
	}
	if code := reply.GetStatus().GetCode(); code != rmq.Code_OK {
		return fmt.Errorf("end transaction: %w: %s %s", ErrBroker, code, reply.GetStatus().GetMessage())
	}
	return nil
}
