package trigger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/chuandao/qianfan/local/template"
)

// Problem is something that a broker lacks, or has otherwise than declared.
type Problem struct {
	Subject string // "topic order-quoted", "group GID-…", or the endpoint
	Cause   error
	advice  string
}

// Error names the subject and the cause.
func (p *Problem) Error() string { return p.Subject + ": " + p.Cause.Error() }

// Unwrap is the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// Remedy says what to do.
func (p *Problem) Remedy() string { return p.advice }

// Advice of Inspect.
const (
	adviceAway    = "start that RocketMQ 5 (its proxy, which speaks gRPC), correct the address, or unset it to use the embedded one"
	adviceMissing = "create it: `qianfan topics --format mqadmin | sh` makes all topics and groups of s.yaml"
	adviceType    = "a topic's type cannot be changed: delete the topic and create it again with `qianfan topics --format mqadmin`"
)

// errMissing says that the broker has no such topic, errType that it has another type than declared.
var (
	errMissing = errors.New("does not exist")
	errType    = errors.New("wrong type")
)

// Inspect asks the broker at an endpoint for every topic, its type and every group that a
// template declares. Nothing wrong is nil; each error is a *Problem.
func Inspect(ctx context.Context, endpoint string, file *template.File) []error {
	l, err := dial(endpoint)
	if err != nil {
		return []error{&Problem{endpoint, err, "write host:port of the proxy's gRPC endpoint"}}
	}
	defer func() { _ = l.close() }()
	var problems []error
	for _, t := range file.Topics {
		err := inspectTopic(ctx, newConsumer(l, t.Name, "", "*"), t.Type)
		var refused *brokerError
		switch {
		case err == nil:
		case errors.Is(err, errType):
			problems = append(problems, &Problem{"topic " + t.Name, err, adviceType})
		case refusedWith(err, v2.Code_TOPIC_NOT_FOUND):
			problems = append(problems, &Problem{"topic " + t.Name, errMissing, adviceMissing})
		case errors.As(err, &refused):
			problems = append(problems, &Problem{"topic " + t.Name, err, adviceMissing})
		default: // the same for all
			return []error{&Problem{endpoint, fmt.Errorf("no RocketMQ 5 answers: %w", err), adviceAway}}
		}
	}
	for _, s := range file.Streams() {
		if err := inspectGroup(ctx, newConsumer(l, s.Topic, s.Group, s.Tag)); err != nil {
			problems = append(problems, &Problem{"group " + s.Group, err, adviceMissing})
		}
	}
	return problems
}

func inspectTopic(ctx context.Context, c *consumer, kind string) error {
	queue, err := c.queue(ctx)
	if err != nil {
		return err
	}
	if types := queue.GetAcceptMessageTypes(); !slices.Contains(types, v2.MessageType(v2.MessageType_value[kind])) {
		return fmt.Errorf("%w: the broker has %v, s.yaml declares %s", errType, types, kind)
	}
	return nil
}

// inspectGroup opens a consumer's session as far as its settings: a broker refuses those of an
// unknown group.
func inspectGroup(ctx context.Context, c *consumer) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	defer c.goodbye(context.WithoutCancel(ctx))
	stream, err := c.link.stub.Telemetry(c.sign(ctx))
	if err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	if err := stream.Send(c.settings()); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("telemetry: %w", err)
	}
	for {
		command, err := stream.Recv()
		if err != nil {
			return errors.New(grpcstatus.Convert(err).Message())
		}
		if _, ok := command.GetCommand().(*v2.TelemetryCommand_Settings); ok {
			return nil
		}
	}
}
