package trigger

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/chuandao/qianfan/shared/clock"
)

const (
	heartbeatEvery = 10 * time.Second
	firstPause     = 50 * time.Millisecond // before the next try to reach a broker that is away; doubled up to longestPause
	longestPause   = 2 * time.Second
	tellEvery      = 30 * time.Second // how often an outage that goes on is logged
)

// session keeps one consumer known to the broker: a Telemetry stream with settings, and heartbeats. A real broker refuses to deliver
// without; the stream is opened again whenever it breaks.
type session struct {
	*consumer
	log *slog.Logger

	mu    sync.Mutex
	queue *v2.MessageQueue // nil while not connected
	ready chan struct{}    // closed while connected
}

func newSession(c *consumer, log *slog.Logger) *session {
	return &session{consumer: c, log: log, ready: make(chan struct{})}
}

// wait returns when the session is connected.
func (s *session) wait(ctx context.Context) error {
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// connected is the queue to receive from, or nil.
func (s *session) connected() *v2.MessageQueue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue
}

func (s *session) set(queue *v2.MessageQueue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.queue != nil
	s.queue = queue
	switch {
	case queue != nil && !was:
		close(s.ready)
	case queue == nil && was:
		s.ready = make(chan struct{})
	}
}

// run connects again and again until ctx ends.
func (s *session) run(ctx context.Context) {
	pause := firstPause
	var told time.Time
	for ctx.Err() == nil {
		connected, err := s.connect(ctx)
		s.set(nil)
		if ctx.Err() != nil {
			break
		}
		if connected {
			pause = firstPause
		}
		if now := clock.System.Now(); connected || now.Sub(told) >= tellEvery {
			s.log.Warn("stream is not connected to the broker", "topic", s.topic.GetName(), "group", s.group.GetName(), "error", err, "again_in", pause)
			told = now
		}
		_ = clock.System.Sleep(ctx, pause) // the loop's condition sees the end
		pause = min(2*pause, longestPause)
	}
	s.goodbye(context.WithoutCancel(ctx))
}

// connect opens the Telemetry stream and keeps it until it breaks.
func (s *session) connect(ctx context.Context) (connected bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue, err := s.consumer.queue(ctx)
	if err != nil {
		return false, err
	}
	stream, err := s.link.stub.Telemetry(s.sign(ctx))
	if err != nil {
		return false, fmt.Errorf("telemetry: %w", err)
	}
	if err := stream.Send(s.settings()); err != nil {
		return false, fmt.Errorf("telemetry: send settings: %w", err)
	}
	var beats sync.WaitGroup
	defer beats.Wait()
	defer cancel()
	for {
		command, err := stream.Recv()
		if err != nil {
			return connected, fmt.Errorf("telemetry: %w", err)
		}
		if _, ok := command.GetCommand().(*v2.TelemetryCommand_Settings); ok && !connected {
			connected = true
			s.set(queue)
			beats.Go(func() { s.beat(ctx) })
		}
	}
}

// beat sends heartbeats until ctx ends. One that fails means nothing by itself.
func (s *session) beat(ctx context.Context) {
	for {
		if err := s.heartbeat(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("heartbeat failed", "group", s.group.GetName(), "error", err)
		}
		if clock.System.Sleep(ctx, heartbeatEvery) != nil {
			return
		}
	}
}
