package services

import (
	"context"
	"fmt"
	"slices"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/shared/clock"
)

// dial prepares a connection that tries often to reach a server that is starting.
func dial(endpoint string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("passthrough:///"+endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1, MaxDelay: 50 * time.Millisecond},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		return nil, fmt.Errorf("gRPC endpoint %q: %w", endpoint, err)
	}
	return conn, nil
}

// probe signs a call as a client of its own.
func probe(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-mq-client-id", "qianfan-services", "x-mq-language", "GO",
		"x-mq-protocol", "v2", "x-mq-client-version", "5.1.4")
}

// route asks for a topic's route.
func route(ctx context.Context, conn *grpc.ClientConn, topic string) (*v2.QueryRouteResponse, error) {
	reply, err := v2.NewMessagingServiceClient(conn).QueryRoute(probe(ctx), &v2.QueryRouteRequest{Topic: &v2.Resource{Name: topic}},
		grpc.WaitForReady(true))
	if err != nil {
		return nil, fmt.Errorf("route of %s: %w", topic, err)
	}
	return reply, nil
}

// answers waits until the endpoint answers anything.
func answers(ctx context.Context, conn *grpc.ClientConn) error {
	_, err := route(ctx, conn, "anything")
	return err
}

// verify waits until the endpoint serves every topic, with its type, and every group.
func verify(ctx context.Context, conn *grpc.ClientConn, topics []rocketmq.Topic, groups []rocketmq.Group) error {
	for _, t := range topics {
		if err := until(ctx, func() error { return serves(ctx, conn, t) }); err != nil {
			return err
		}
	}
	for _, g := range groups {
		if err := until(ctx, func() error { return knows(ctx, conn, g) }); err != nil {
			return err
		}
	}
	return nil
}

// until repeats a check until it passes or ctx ends; then the error is the check's last.
func until(ctx context.Context, check func() error) error {
	for {
		err := check()
		if err == nil {
			return nil
		}
		if clock.System.Sleep(ctx, lookPause) != nil {
			return err
		}
	}
}

func serves(ctx context.Context, conn *grpc.ClientConn, t rocketmq.Topic) error {
	reply, err := route(ctx, conn, t.Name)
	if err != nil {
		return err
	}
	if reply.GetStatus().GetCode() != v2.Code_OK {
		return fmt.Errorf("route of %s: %s %s", t.Name, reply.GetStatus().GetCode(), reply.GetStatus().GetMessage())
	}
	want := v2.MessageType(v2.MessageType_value[string(t.Type)])
	for _, q := range reply.GetMessageQueues() {
		if slices.Contains(q.GetAcceptMessageTypes(), want) {
			return nil
		}
	}
	return fmt.Errorf("route of %s: no queue takes %s messages", t.Name, t.Type)
}

// knows asks whether a group exists: settings that name one that does not end the stream.
func knows(ctx context.Context, conn *grpc.ClientConn, g rocketmq.Group) error {
	ctx, cancel := context.WithCancel(probe(ctx))
	defer cancel()
	stream, err := v2.NewMessagingServiceClient(conn).Telemetry(ctx, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("group %s: %w", g.Name, err)
	}
	kind := v2.ClientType_SIMPLE_CONSUMER
	settings := &v2.Settings{ClientType: &kind, UserAgent: &v2.UA{Language: v2.Language_GOLANG}, PubSub: &v2.Settings_Subscription{
		Subscription: &v2.Subscription{Group: &v2.Resource{Name: g.Name}},
	}}
	_ = stream.Send(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: settings}}) // a failure is Recv's
	for {
		command, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
		if got := command.GetSettings(); got != nil {
			return nil
		}
	}
}
