package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

type telemetryStream = grpc.BidiStreamingServer[v2.TelemetryCommand, v2.TelemetryCommand]

// session is one Telemetry stream. The handler's goroutine alone sends on it; a second one, which ends with the stream,
// receives.
type session struct {
	client string
	out    chan *v2.TelemetryCommand
}

// sessionQueue bounds what waits for a client that does not read, such as a frozen process. A check-back that finds no room
// goes to another producer, or is repeated later.
const sessionQueue = 64

// offer queues a command unless the queue is full.
func (s *session) offer(c *v2.TelemetryCommand) bool {
	select {
	case s.out <- c:
		return true
	default:
		return false
	}
}

// Telemetry answers settings and carries check-backs, until the client hangs up or sends settings that are refused.
func (v *service) Telemetry(stream telemetryStream) error {
	id := clientID(stream.Context())
	if id == "" {
		return status.Error(codes.InvalidArgument, "client id is required")
	}
	s := &session{client: id, out: make(chan *v2.TelemetryCommand, sessionQueue)}
	defer v.clients.hangUp(id, s)
	ended := make(chan error, 1)
	v.running.Go(func() { ended <- v.listen(stream, s) })
	for {
		select {
		case c := <-s.out:
			if err := stream.Send(c); err != nil {
				return err
			}
		case err := <-ended:
			return err
		}
	}
}

// listen takes the client's commands until the stream ends. The error is what the stream is to end with.
func (v *service) listen(stream telemetryStream, s *session) error {
	for {
		c, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		settings := c.GetSettings()
		if settings == nil { // an answer to a command that this broker does not send
			continue
		}
		reply, err := v.answerSettings(settings)
		if err != nil {
			return err
		}
		v.clients.settle(s.client, settings, s)
		if err := s.send(stream.Context(), reply); err != nil {
			return err
		}
	}
}

func (s *session) send(ctx context.Context, settings *v2.Settings) error {
	command := &v2.TelemetryCommand{
		Status:  okStatus(),
		Command: &v2.TelemetryCommand_Settings{Settings: settings},
	}
	select {
	case s.out <- command:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answerSettings checks a client's settings, makes its group a consumer of the topics that they name, and returns the
// broker's own. A topic that does not exist is no error. The errors are those of gRPC, which end the stream.
func (v *service) answerSettings(settings *v2.Settings) (*v2.Settings, error) {
	switch settings.GetPubSub().(type) {
	case *v2.Settings_Publishing:
		return producerSettings(settings.GetPublishing()), nil
	case *v2.Settings_Subscription:
		return v.consumerSettings(settings.GetSubscription())
	}
	return nil, status.Error(codes.InvalidArgument, "settings without publishing or subscription")
}

// retryTable is the pause before each further attempt of a push consumer, as the real broker sends it.
var retryTable = []time.Duration{
	time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute,
	4 * time.Minute, 5 * time.Minute, 6 * time.Minute, 7 * time.Minute, 8 * time.Minute, 9 * time.Minute,
	10 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
}

func producerSettings(p *v2.Publishing) *v2.Settings {
	return &v2.Settings{
		BackoffPolicy: &v2.RetryPolicy{MaxAttempts: 3, Strategy: &v2.RetryPolicy_ExponentialBackoff{
			ExponentialBackoff: &v2.ExponentialBackoff{
				Initial: durationpb.New(10 * time.Millisecond), Max: durationpb.New(time.Second), Multiplier: 2,
			},
		}},
		PubSub: &v2.Settings_Publishing{Publishing: &v2.Publishing{
			Topics: p.GetTopics(), MaxBodySize: maxBody, ValidateMessageType: true,
		}},
		Metric: &v2.Metric{},
	}
}

func (v *service) consumerSettings(sub *v2.Subscription) (*v2.Settings, error) {
	name := sub.GetGroup().GetName()
	if why := badGroupName(name); why != "" {
		return nil, status.Error(codes.InvalidArgument, why)
	}
	var group *Group
	v.store.update(func(time.Time) {
		known := v.store.groups[name]
		if known == nil {
			return
		}
		copied := *known
		group = &copied
		for _, e := range sub.GetSubscriptions() {
			if t := v.store.topics[e.GetTopic().GetName()]; t != nil {
				v.store.subscribe(t, known)
			}
		}
	})
	if group == nil {
		return nil, status.Error(codes.InvalidArgument, fmt.Sprintf("group not found: %s", name))
	}
	return groupSettings(group, sub), nil
}

func groupSettings(g *Group, sub *v2.Subscription) *v2.Settings {
	pauses := make([]*durationpb.Duration, len(retryTable))
	for i, d := range retryTable {
		pauses[i] = durationpb.New(d)
	}
	poll := maxPoll
	if asked := sub.GetLongPollingTimeout(); asked != nil {
		poll = clampPoll(asked.AsDuration())
	}
	batch := int32(maxBatch)
	return &v2.Settings{
		BackoffPolicy: &v2.RetryPolicy{MaxAttempts: g.MaxAttempts, Strategy: &v2.RetryPolicy_CustomizedBackoff{
			CustomizedBackoff: &v2.CustomizedBackoff{Next: pauses},
		}},
		PubSub: &v2.Settings_Subscription{Subscription: &v2.Subscription{
			Fifo: &g.Ordered, ReceiveBatchSize: &batch, LongPollingTimeout: durationpb.New(poll),
		}},
		Metric: &v2.Metric{},
	}
}
