package emulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/sqlserver"
	"github.com/chuandao/qianfan/local/trigger"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/store"
)

// Services are addresses of real services; an empty one means the embedded one.
type Services struct {
	MySQLDSN  string // QIANFAN_MYSQL_DSN, go-sql-driver's form, database included; the owner's, who makes the database
	AppDSN    string // QIANFAN_MYSQL_APP_DSN, the same database as the user of the functions; empty = they work as the owner
	RedisAddr string // QIANFAN_REDIS_ADDR
	RocketMQ  string // QIANFAN_ROCKETMQ_ENDPOINT, host:port of the gRPC endpoint

	OTLP        string // QIANFAN_OTLP_ENDPOINT, where functions send their traces; empty = nowhere
	OTLPHeaders string // QIANFAN_OTLP_HEADERS
}

// MaxRealSpeed is the ceiling of the clock with a real RocketMQ, which cannot follow jumps.
const MaxRealSpeed = 10

// used is what one emulator runs on, its own or not.
type used struct {
	dsn, store            string // address of the owner, and name
	app                   string // the database's address for whatever a deployment runs as the application
	redis, cache          string
	endpoint, broker      string
	realStore, realBroker bool
	durability            sqlserver.Durability
	embeddedSQL           *sqlserver.Server
	embeddedRedis         *miniredis.Miniredis
	stopAging             func()
}

// openStores opens the SQL server and Redis side by side.
func (e *Emulator) openStores(ctx context.Context) error {
	e.opened(func() error {
		if e.on.embeddedRedis != nil {
			e.on.stopAging()
			e.on.embeddedRedis.Close()
		}
		if e.on.embeddedSQL != nil {
			e.on.embeddedSQL.Close()
		}
		return nil
	})
	g, starting := errgroup.WithContext(ctx)
	g.Go(func() error { return e.openSQL(starting) })
	g.Go(func() error { return e.openRedis(starting) })
	if err := g.Wait(); err != nil {
		return err
	}
	var err error
	if e.Store, err = store.Open(store.Options{DSN: e.on.app, Key: dataKey[:], MaxConns: 4, Observe: e.own.count}); err != nil {
		return err
	}
	e.opened(e.Store.Close)
	server, err := e.Store.Server(ctx)
	if err != nil {
		return err
	}
	e.on.store, e.on.durability = server.Name, e.opts.Durability
	if e.on.realStore {
		e.on.durability = sqlserver.Relaxed
		if server.Durable {
			e.on.durability = sqlserver.Flush
		}
	}
	return nil
}

func (e *Emulator) openSQL(ctx context.Context) error {
	if e.opts.Services.MySQLDSN != "" {
		on := e.opts.Services
		e.on.dsn, e.on.app, e.on.realStore = on.MySQLDSN, cmp.Or(on.AppDSN, on.MySQLDSN), true
		if err := claim(ctx, e.on.dsn, e.opts.Reset); err != nil || on.AppDSN == "" {
			return err
		}
		return admit(ctx, on)
	}
	server, err := sqlserver.Start(ctx, sqlserver.Options{Durability: e.opts.Durability, Template: sqlTemplate()})
	if err != nil {
		return err
	}
	e.on.embeddedSQL, e.on.dsn, e.on.app = server, server.DSN(database), server.AppDSN(database)
	return nil
}

// admit lets the functions' user of a real database do what functions do there.
func admit(ctx context.Context, on Services) error {
	user, host, err := store.Account(ctx, on.AppDSN)
	if err != nil {
		return fmt.Errorf("QIANFAN_MYSQL_APP_DSN: %w", err)
	}
	if err := grant(ctx, on.MySQLDSN, user, host); err != nil {
		return err
	}
	db, err := store.Open(store.Options{DSN: on.AppDSN, Key: dataKey[:], MaxConns: 1})
	if err != nil {
		return fmt.Errorf("QIANFAN_MYSQL_APP_DSN: %w", err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Ping(ctx); err != nil {
		return fmt.Errorf("QIANFAN_MYSQL_APP_DSN must be the database of QIANFAN_MYSQL_DSN: %w", err)
	}
	return nil
}

// ErrUsedDatabase says that a real database holds orders of an earlier run.
var ErrUsedDatabase = errors.New("the database holds orders of an earlier run, whose riders and books went with it")

// ErrForeignDatabase says that a real database holds what no emulator put there: it may be that of a deployment, with
// everything that people owe each other.
var ErrForeignDatabase = errors.New("the database was not made by an emulator")

// mine refuses a database that no emulator made, before anything in it is touched: the address may be left over from a
// deployment. The simulated shops are the mark. A schema without any shop, which a start that was cut short leaves
// behind, may be emptied.
func mine(ctx context.Context, dsn string, reset bool) error {
	in, err := store.Look(ctx, dsn, shops()[0].Code)
	switch {
	case err != nil:
		return err
	case in.Tables == 0 || in.Marked:
		return nil
	case in.Shops > 0 || !in.Schema:
		return fmt.Errorf("QIANFAN_MYSQL_DSN: %w and was left as it is: name another database, or unset it for an embedded one", ErrForeignDatabase)
	case !reset:
		return fmt.Errorf("QIANFAN_MYSQL_DSN: %w, or by one that was cut short: empty it with `qianfan up --reset`, or name another database", ErrForeignDatabase)
	}
	return nil
}

// claim makes a real database ready for a run: there, migrated, seeded and without orders. The
// simulated parties start without memory, so that orders they never heard of could not end.
func claim(ctx context.Context, dsn string, reset bool) error {
	if err := mine(ctx, dsn, reset); err != nil {
		return err
	}
	if reset {
		if err := store.DropDatabase(ctx, dsn); err != nil {
			return err
		}
	}
	if err := store.CreateDatabase(ctx, dsn); err != nil {
		return err
	}
	if err := prepare(ctx, dsn); err != nil {
		return err
	}
	db, err := store.Open(store.Options{DSN: dsn, Key: dataKey[:], MaxConns: 1})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	counts, err := db.StatusCounts(ctx)
	if err != nil {
		return err
	}
	n := counts.Open
	for _, orders := range counts.Orders {
		n += orders
	}
	if n > 0 {
		return fmt.Errorf("QIANFAN_MYSQL_DSN: %w: empty it with `qianfan up --reset`, or name another database", ErrUsedDatabase)
	}
	return nil
}

func (e *Emulator) openRedis(ctx context.Context) error {
	if addr := e.opts.Services.RedisAddr; addr != "" {
		e.on.redis, e.on.cache = addr, redisName(ctx, addr)
		return nil
	}
	r := miniredis.NewMiniRedis()
	if err := r.Start(); err != nil {
		return fmt.Errorf("start redis: %w", err)
	}
	e.on.embeddedRedis, e.on.redis, e.on.cache = r, r.Addr(), "miniredis"
	e.on.stopAging = ages(r)
	return nil
}

// redisName asks a real Redis for its version. One that is away is no error: what it holds may be lost.
func redisName(ctx context.Context, addr string) string {
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return "redis (away: " + err.Error() + ")"
	}
	for line := range strings.Lines(info) {
		if version, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:"); ok {
			return "redis " + version
		}
	}
	return "redis"
}

func (e *Emulator) openBroker(ctx context.Context) error {
	if endpoint := e.opts.Services.RocketMQ; endpoint != "" {
		e.on.endpoint, e.on.broker, e.on.realBroker = endpoint, "rocketmq "+endpoint, true
		return e.inspectBroker(ctx)
	}
	var topics []rocketmq.Topic
	for _, t := range e.Template.Topics {
		topics = append(topics, rocketmq.Topic{Name: t.Name, Type: rocketmq.TopicType(t.Type)})
	}
	var groups []rocketmq.Group
	for _, g := range e.Template.Groups {
		groups = append(groups, rocketmq.Group{Name: g})
	}
	addr, err := untaken(e.opts.RocketMQ)
	if err != nil {
		return fmt.Errorf("rocketmq: %w", err)
	}
	e.Broker = rocketmq.New(rocketmq.Options{Addr: addr, Topics: topics, Groups: groups, Clock: e.Clock, WAL: filepath.Join(e.dir, "rocketmq.wal"),
		Sync: e.opts.Durability == sqlserver.Flush, Hook: e.opts.Hook})
	if err := e.Broker.Start(ctx); err != nil {
		return fmt.Errorf("start rocketmq: %w", err)
	}
	e.on.endpoint, e.on.broker = e.Broker.Addr(), "embedded"
	e.opened(e.Broker.Close)
	return nil
}

// inspectBroker finds what a real broker lacks before anything waits for it.
func (e *Emulator) inspectBroker(ctx context.Context) error {
	problems := trigger.Inspect(ctx, e.on.endpoint, e.Template)
	if len(problems) == 0 {
		return nil
	}
	var first *trigger.Problem
	more := ""
	if n := len(problems) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more, which `qianfan doctor` lists)", n)
	}
	if errors.As(problems[0], &first) {
		more += "; " + first.Remedy()
	}
	return fmt.Errorf("QIANFAN_ROCKETMQ_ENDPOINT: %w%s", problems[0], more)
}

// messages counts what the broker did. A real one is seen by what came out of it.
func (e *Emulator) messages() MessageCounts {
	if e.Broker != nil {
		s := e.Broker.Stats()
		return MessageCounts{Sent: s.Sent, Redelivered: s.Redelivered, Dead: s.Dead}
	}
	var m MessageCounts
	for _, s := range e.pump.Stats() {
		m.Sent += s.Messages - s.Redelivered
		m.Redelivered += s.Redelivered
		m.Dead += s.DeadLetters
	}
	return m
}

// brokerIdle reports whether no message waits or is being worked on. What a real broker still
// holds cannot be seen: it is taken to be idle when no carrier's event has come out of it for
// quietFor. The other topics hold hints, of which those about timers that were superseded come
// for a long time after the last order is closed.
func (e *Emulator) brokerIdle() bool {
	if e.Broker != nil {
		return e.Broker.Stats().Idle()
	}
	events := int64(0)
	for _, s := range e.pump.Stats() {
		if s.Topic != message.CarrierEvent {
			continue
		}
		if s.InFlight+s.Waiting > 0 {
			return false
		}
		events += s.Messages
	}
	return e.quiet.since(events) >= quietFor
}

// warn tells of a service that is away but not needed to start.
func (e *Emulator) warn(w io.Writer) {
	if e.on.realStore && e.on.app == e.on.dsn {
		_, _ = fmt.Fprintln(w, "functions work as the database's owner, who may change the ledger: name a user for them in QIANFAN_MYSQL_APP_DSN, as a deployment has one")
	}
	if strings.HasPrefix(e.on.cache, "redis (away") {
		_, _ = fmt.Fprintf(w, "QIANFAN_REDIS_ADDR %s: %s; going on without, and using it when it comes back\n", e.on.redis, e.on.cache)
	}
}
