package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// quiet sets the official client's globals, once and before there is any client: plain text, and no log of each call. Its
// other log goes to a file in the temporary directory. That one stays at its usual level on purpose: the client passes
// settings between its goroutines with nothing but the log's lock between them, and the race detector sees it.
var quiet = sync.OnceValue(func() error {
	err := os.Setenv("rocketmq.client.logRoot", filepath.Join(os.TempDir(), "rocketmq-client"))
	rmq.ResetLogger()
	rmq.EnableSsl = false
	dial := rmq.NewRpcClient
	rmq.NewRpcClient = func(target string, opts ...rmq.RpcClientOption) (rmq.RpcClient, error) {
		silent := rmq.WithRpcClientConnOption(rmq.WithZapLogger(zap.NewNop()))
		return dial(target, append(opts, silent)...)
	}
	return err
})

// clients are all clients of a run, started side by side because a start takes a second. Each of the official ones has a
// single topic, and works only once it is some seconds old: the client replaces its settings, on every new topic and one
// second after its start, while it is reading them.
type clients struct {
	conn      *grpc.ClientConn
	producers map[string]rmq.Producer       // by topic
	consumers map[string]rmq.SimpleConsumer // by topic
	resolve   *resolver                     // answers check-backs
	pushed    *listener                     // listens for the push consumer
	push      rmq.PushConsumer
	stopping  sync.WaitGroup // of clients; failures go to failed
	failed    func(format string, args ...any)
}

// starter is any of the official clients.
type starter interface {
	Start() error
	GracefulStop() error
}

func startClients(t *testing.T, s *suite) *clients {
	t.Helper()
	require.NoError(t, quiet())
	conn, err := grpc.NewClient(s.endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	c := &clients{
		conn: conn, producers: map[string]rmq.Producer{}, consumers: map[string]rmq.SimpleConsumer{},
		resolve: &resolver{answers: map[string][]rmq.TransactionResolution{}},
		pushed:  &listener{seen: make(chan string, 64)},
		failed:  t.Errorf,
	}
	var all []starter
	for _, topic := range []string{"normal", "fifo", "delay", "recall", "redeliver", "push", "transaction"} {
		p, err := rmq.NewProducer(s.config(""), rmq.WithTopics(s.topic(topic)),
			rmq.WithTransactionChecker(&rmq.TransactionChecker{Check: c.resolve.check}))
		require.NoError(t, err)
		c.producers[topic] = p
		all = append(all, p)
	}
	for _, topic := range []string{"normal", "fifo", "delay", "redeliver"} {
		consumer, err := rmq.NewSimpleConsumer(s.config(s.group(topic)), rmq.WithSimpleAwaitDuration(5*time.Second),
			rmq.WithSimpleSubscriptionExpressions(s.everything(topic)))
		require.NoError(t, err)
		c.consumers[topic] = consumer
		all = append(all, consumer)
	}
	c.push, err = rmq.NewPushConsumer(s.config(s.group("push")),
		rmq.WithPushSubscriptionExpressions(s.everything("push")), rmq.WithPushAwaitDuration(5*time.Second),
		rmq.WithPushConsumptionThreadCount(4),
		rmq.WithPushMessageListener(&rmq.FuncMessageListener{Consume: c.pushed.consume}))
	require.NoError(t, err)
	c.start(t, append(all, c.push))
	t.Cleanup(func() {
		for _, one := range all {
			c.stop(one)
		}
		c.stopping.Wait()
	})
	return c
}

// start starts them side by side.
func (c *clients) start(t *testing.T, all []starter) {
	t.Helper()
	started := make(chan error, len(all))
	for _, one := range all {
		go func() { started <- one.Start() }()
	}
	for range all {
		select {
		case err := <-started:
			require.NoError(t, err)
		case <-t.Context().Done():
			require.FailNow(t, "test ended while a client was starting")
		}
	}
}

// stop begins to stop a client; the end of the run waits for it.
func (c *clients) stop(one starter) {
	c.stopping.Go(func() {
		if err := one.GracefulStop(); err != nil {
			c.failed("stop client: %v", err)
		}
	})
}

func (s *suite) config(group string) *rmq.Config {
	return &rmq.Config{Endpoint: s.endpoint, ConsumerGroup: group}
}

func (s *suite) everything(topic string) map[string]*rmq.FilterExpression {
	return map[string]*rmq.FilterExpression{s.topic(topic): rmq.SUB_ALL}
}

// send sends to the scenario's own topic by the official client.
func (s *scenario) send(m *rmq.Message) *rmq.SendReceipt {
	s.Helper()
	m.Topic = s.topic(s.name)
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	receipts, err := s.clients.producers[s.name].Send(ctx, m)
	require.NoError(s, err)
	require.Len(s, receipts, 1)
	return receipts[0]
}

// await receives until there is something.
func (s *scenario) await(c rmq.SimpleConsumer, limit int32, invisible time.Duration) []*rmq.MessageView {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	for {
		got, err := c.Receive(ctx, limit, invisible)
		if err == nil && len(got) > 0 {
			return got
		}
		if codeOf(err) != v2.Code_MESSAGE_NOT_FOUND {
			require.NoError(s, err)
		}
		require.NoError(s, ctx.Err(), "nothing came")
	}
}

// codeOf is the broker's code in an error of the official client.
func codeOf(err error) v2.Code {
	if status, ok := rmq.AsErrRpcStatus(err); ok {
		return v2.Code(status.GetCode())
	}
	return v2.Code_CODE_UNSPECIFIED
}

// resolver answers check-backs.
type resolver struct {
	mu      sync.Mutex
	answers map[string][]rmq.TransactionResolution
	asked   int
}

// plan sets the answers for a message by its body, one for each check.
func (r *resolver) plan(body string, answers ...rmq.TransactionResolution) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[body] = answers
}

func (r *resolver) check(m *rmq.MessageView) rmq.TransactionResolution {
	r.mu.Lock()
	defer r.mu.Unlock()
	planned := r.answers[string(m.GetBody())]
	if len(planned) == 0 {
		return rmq.UNKNOWN
	}
	r.answers[string(m.GetBody())] = planned[1:]
	r.asked++
	return planned[0]
}

func (r *resolver) checks() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// listener fails the first delivery of the body "0" and notes every delivery as body/attempt.
type listener struct {
	seen   chan string
	failed sync.Once
}

func (l *listener) consume(m *rmq.MessageView) rmq.ConsumerResult {
	result := rmq.SUCCESS
	if string(m.GetBody()) == "0" {
		l.failed.Do(func() { result = rmq.FAILURE })
	}
	l.seen <- fmt.Sprintf("%s/%d", m.GetBody(), m.GetDeliveryAttempt())
	return result
}
