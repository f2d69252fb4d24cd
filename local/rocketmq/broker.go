package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// brokerName is what routes and recall handles call the one broker.
const brokerName = "broker-a"

// maxRequest is above the largest body and its properties.
const maxRequest = 8 << 20

// Broker is one embedded broker. Its methods are safe for concurrent use.
type Broker struct {
	opts    Options
	store   *store
	clients *clients
	server  *grpc.Server

	mu      sync.Mutex
	addr    string
	started bool
	closed  bool
	stop    context.CancelFunc
	running sync.WaitGroup
	failed  error // why serving ended, if not by Close
}

// New makes a broker with the topics and groups of the options. It holds no resources until Start.
func New(o Options) *Broker {
	o = o.withDefaults()
	b := &Broker{opts: o, store: newStore(o), clients: newClients(o.System), addr: o.Addr}
	b.store.alive = b.clients.alive
	b.store.check = b.clients.checkBack
	for _, t := range o.Topics {
		b.store.ensureTopic(t.Name, t.Type)
	}
	for _, g := range o.Groups {
		b.store.ensureGroup(g)
	}
	return b
}

// Start reads the write-ahead file back, if there is one, and returns once the broker listens. ctx bounds only that; Close
// ends the broker. A broker starts once.
func (b *Broker) Start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.started {
		return errors.New("rocketmq: broker was started before")
	}
	if err := errors.Join(ctx.Err(), b.checkDeclared()); err != nil {
		return fmt.Errorf("rocketmq: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", b.opts.Addr)
	if err != nil {
		return fmt.Errorf("rocketmq: %w", err)
	}
	if b.opts.WAL != "" {
		b.store.update(func(time.Time) { err = b.store.open(b.opts.WAL, b.opts.Sync) })
		if err != nil {
			return errors.Join(fmt.Errorf("rocketmq: %w", err), listener.Close())
		}
	}
	b.started, b.addr = true, listener.Addr().String()
	b.store.update(b.store.goLive)
	b.serve(listener)
	return nil
}

// serve starts the goroutines that Close waits for.
func (b *Broker) serve(listener net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	b.server = grpc.NewServer(grpc.MaxRecvMsgSize(maxRequest), grpc.WaitForHandlers(true))
	v2.RegisterMessagingServiceServer(b.server, &service{
		store: b.store, clients: b.clients, hook: b.opts.Hook, addr: b.addr, running: &b.running,
	})
	b.running.Go(func() { b.store.run(ctx) })
	b.running.Go(func() {
		// Close may come before the server has begun.
		if err := b.server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			b.failed = fmt.Errorf("rocketmq: serve: %w", err)
		}
	})
}

// Close cuts all connections, waits for everything that the broker has started, and closes the write-ahead file. It returns
// the first failure of the file or of the listener. Closing again does nothing.
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.started || b.closed {
		return nil
	}
	b.closed = true
	b.server.Stop()
	b.stop()
	b.running.Wait()
	b.store.update(func(time.Time) { b.store.shut() })
	if b.store.log == nil {
		return b.failed
	}
	return errors.Join(b.failed, b.store.log.close())
}

// Addr is the address that the broker listens on; before Start the one it was told.
func (b *Broker) Addr() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addr
}

// CreateTopic adds a topic. Doing it again is fine; another type than before is an error.
func (b *Broker) CreateTopic(t Topic) error {
	if err := checkTopic(t); err != nil {
		return fmt.Errorf("rocketmq: %w", err)
	}
	var kind TopicType
	b.store.update(func(time.Time) { kind = b.store.ensureTopic(t.Name, t.Type).kind })
	if kind != t.Type {
		return fmt.Errorf("rocketmq: topic %s exists with type %s, not %s", t.Name, kind, t.Type)
	}
	return nil
}

// CreateGroup adds a group, or changes the attempts of a known one. Its order cannot change.
func (b *Broker) CreateGroup(g Group) error {
	if err := checkGroup(g); err != nil {
		return fmt.Errorf("rocketmq: %w", err)
	}
	same := true
	b.store.update(func(time.Time) {
		if known := b.store.groups[g.Name]; known != nil && known.Ordered != g.Ordered {
			same = false
			return
		}
		b.store.ensureGroup(g)
	})
	if !same {
		return fmt.Errorf("rocketmq: group %s exists with another order", g.Name)
	}
	return nil
}

// checkDeclared checks the topics and groups of the options, whose errors New could not return.
func (b *Broker) checkDeclared() error {
	kinds, ordered := map[string]TopicType{}, map[string]bool{}
	for _, t := range b.opts.Topics {
		if err := checkTopic(t); err != nil {
			return err
		}
		if known, twice := kinds[t.Name]; twice && known != t.Type {
			return fmt.Errorf("topic %s is declared as %s and as %s", t.Name, known, t.Type)
		}
		kinds[t.Name] = t.Type
	}
	for _, g := range b.opts.Groups {
		if err := checkGroup(g); err != nil {
			return err
		}
		if known, twice := ordered[g.Name]; twice && known != g.Ordered {
			return fmt.Errorf("group %s is declared twice, with another order", g.Name)
		}
		ordered[g.Name] = g.Ordered
	}
	return nil
}

func checkTopic(t Topic) error {
	if why := badTopicName(t.Name); why != "" {
		return fmt.Errorf("topic %q: %s", t.Name, why)
	}
	if acceptTypes(t.Type) == nil {
		return fmt.Errorf("topic %s: unknown type %q", t.Name, t.Type)
	}
	return nil
}

func checkGroup(g Group) error {
	if why := badGroupName(g.Name); why != "" {
		return fmt.Errorf("group %q: %s", g.Name, why)
	}
	if g.MaxAttempts < 0 {
		return fmt.Errorf("group %s: negative attempts", g.Name)
	}
	return nil
}
