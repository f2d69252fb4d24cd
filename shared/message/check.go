package message

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chuandao/qianfan/shared/clock"
)

// Verdict answers a check-back.
type Verdict int

// The answers to a check-back.
const (
	Undecided Verdict = iota // ask again later
	Commit
	Rollback
)

// Checker decides what becomes of a half message whose end was lost. batch is its PropBatch.
type Checker func(ctx context.Context, batch string, born time.Time) Verdict

const (
	checkPause = time.Second      // of system time, between two tries to open the stream
	beatPause  = 10 * time.Second // of system time, between two heartbeats; a broker forgets a producer after 120 s
)

// ServeChecks answers the broker's check-backs for a transaction topic until ctx ends. It
// keeps one Telemetry stream open and opens it anew when it breaks; orders do not depend on
// it, the sweep finds them without.
func (c *Client) ServeChecks(ctx context.Context, topic string, check Checker) {
	for ctx.Err() == nil {
		if err := c.serveChecks(ctx, topic, check); ctx.Err() == nil {
			slog.WarnContext(ctx, "check-back stream ended", "topic", topic, "error", err)
		}
		_ = clock.System.Sleep(ctx, checkPause)
	}
}

// serveChecks serves one stream; it ends only with an error.
func (c *Client) serveChecks(ctx context.Context, topic string, check Checker) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var beating sync.WaitGroup
	defer beating.Wait()
	defer cancel(nil)
	stub, err := c.stub()
	if err != nil {
		return err
	}
	stream, err := stub.Telemetry(c.sign(ctx), grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("open telemetry: %w", err)
	}
	if err := stream.Send(c.settings(topic)); err != nil {
		return fmt.Errorf("send settings: %w", err)
	}
	beating.Go(func() { cancel(c.beat(ctx)) })
	for {
		cmd, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("telemetry: %w", errors.Join(err, context.Cause(ctx)))
		}
		if orphan := cmd.GetRecoverOrphanedTransactionCommand(); orphan != nil {
			if err := c.answer(ctx, orphan, check); err != nil {
				slog.WarnContext(ctx, "check-back not answered", "topic", topic, "error", err)
			}
		}
	}
}

// beat keeps the stream's client known to the broker: without, the stream stays open and check-backs stop coming. It ends
// with an error when the broker no longer knows the client: the stream has to be opened anew.
func (c *Client) beat(ctx context.Context) error {
	for clock.System.Sleep(ctx, c.pause) == nil {
		if err := c.heartbeat(ctx); errors.Is(err, ErrBroker) {
			return err
		}
	}
	return nil
}

// heartbeat fails with ErrBroker when the broker answers but does not know the client; what else fails shows in the stream.
func (c *Client) heartbeat(ctx context.Context) error {
	conn, err := c.trusted()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	began := c.cfg.Clock.System()
	reply, err := rmq.NewMessagingServiceClient(conn).Heartbeat(c.sign(ctx), &rmq.HeartbeatRequest{ClientType: rmq.ClientType_PRODUCER})
	c.judge(conn, began, err)
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	if status := reply.GetStatus(); status.GetCode() != rmq.Code_OK {
		return fmt.Errorf("heartbeat: %w: %s %s", ErrBroker, status.GetCode(), status.GetMessage())
	}
	return nil
}

func (c *Client) settings(topic string) *rmq.TelemetryCommand {
	kind := rmq.ClientType_PRODUCER
	return &rmq.TelemetryCommand{Command: &rmq.TelemetryCommand_Settings{Settings: &rmq.Settings{
		ClientType: &kind, AccessPoint: endpoints(c.cfg.Endpoint), RequestTimeout: durationpb.New(c.cfg.Timeout),
		UserAgent: &rmq.UA{Language: rmq.Language_GOLANG, Version: "5.1.4", Hostname: c.id},
		PubSub:    &rmq.Settings_Publishing{Publishing: &rmq.Publishing{Topics: []*rmq.Resource{{Name: topic}}}},
	}}}
}

func (c *Client) answer(ctx context.Context, orphan *rmq.RecoverOrphanedTransactionCommand, check Checker) error {
	m := orphan.GetMessage()
	batch := m.GetUserProperties()[PropBatch]
	if batch == "" {
		return errors.New("half message without " + PropBatch)
	}
	verdict := check(ctx, batch, m.GetSystemProperties().GetBornTimestamp().AsTime())
	if verdict == Undecided {
		return nil // the broker asks again
	}
	h := Half{Topic: m.GetTopic().GetName(), ID: m.GetSystemProperties().GetMessageId(), Tx: orphan.GetTransactionId()}
	return c.end(ctx, h, verdict == Commit, rmq.TransactionSource_SOURCE_SERVER_CHECK)
}

// endpoints is host:port in the protocol's own form.
func endpoints(address string) *rmq.Endpoints {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	n, _ := strconv.ParseInt(port, 10, 32)
	scheme := rmq.AddressScheme_DOMAIN_NAME
	if ip := net.ParseIP(host); ip != nil && ip.To4() != nil {
		scheme = rmq.AddressScheme_IPv4
	} else if ip != nil {
		scheme = rmq.AddressScheme_IPv6
	}
	return &rmq.Endpoints{Scheme: scheme, Addresses: []*rmq.Address{{Host: host, Port: int32(n)}}}
}
