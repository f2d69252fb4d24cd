package message_test

import (
	"context"
	"sync"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/message"
)

// forgetful is a broker that takes a Telemetry stream, hears one heartbeat, and has then forgotten the client.
type forgetful struct {
	*broker
	streams chan string // the topic of each stream's settings

	mu    sync.Mutex
	beats int
}

func (f *forgetful) Telemetry(stream rmq.MessagingService_TelemetryServer) error {
	command, err := stream.Recv()
	if err != nil {
		return err
	}
	f.streams <- command.GetSettings().GetPublishing().GetTopics()[0].GetName()
	<-stream.Context().Done()
	return nil
}

func (f *forgetful) Heartbeat(_ context.Context, r *rmq.HeartbeatRequest) (*rmq.HeartbeatResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beats++
	if r.GetClientType() != rmq.ClientType_PRODUCER || f.beats == 2 {
		return &rmq.HeartbeatResponse{Status: &rmq.Status{Code: rmq.Code_UNRECOGNIZED_CLIENT_TYPE}}, nil
	}
	return &rmq.HeartbeatResponse{Status: &rmq.Status{Code: rmq.Code_OK}}, nil
}

// A broker forgets a producer that is silent for two minutes and asks it nothing more, on a stream that stays open. So there are
// heartbeats; one that is refused opens the stream anew.
func TestChecksAreServedWithHeartbeats(t *testing.T) {
	t.Parallel()
	f := &forgetful{broker: &broker{}, streams: make(chan string, 8)}
	serve(t, "127.0.0.1:0", f.broker, f)
	c := newClient(t, f.Addr().String(), time.Second)
	c.HastenBeats(time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	var serving sync.WaitGroup
	serving.Go(func() {
		c.ServeChecks(ctx, message.OrderAccepted, func(context.Context, string, time.Time) message.Verdict { return message.Undecided })
	})
	t.Cleanup(func() { cancel(); serving.Wait() })
	for range 2 {
		select {
		case topic := <-f.streams:
			require.Equal(t, message.OrderAccepted, topic)
		case <-ctx.Done():
			require.FailNow(t, "no stream")
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	require.GreaterOrEqual(t, f.beats, 2)
}
