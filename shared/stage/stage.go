// Package stage is what the seven functions have in common: dependencies from the
// environment, and the inputs inside a trigger's batch.
package stage

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
)

// Publisher takes aggregated messages; nil means that the broker has all of them.
type Publisher interface {
	Publish(ctx context.Context, messages ...message.Message) error
}

// Deps is what a stage works with.
type Deps struct {
	Name     string // "dispatch"
	Instance string // unique per process, owner of leases
	Clock    clock.Clock
	Store    *store.Store
	Bus      *message.Client
	Tracer   *telemetry.Tracer // nil = orders are not traced
	Dev      bool
}

// Build makes the dependencies from the environment.
func Build(env *function.Env, name string) (*Deps, function.Closer, error) {
	common := function.LoadCommon(env)
	conns := env.Int("QIANFAN_MYSQL_CONNS", 4, 1, 200)
	tls := env.Bool("QIANFAN_ROCKETMQ_TLS", false)
	tracing := traces(env, name)
	if err := env.Err(); err != nil {
		return nil, nil, err
	}
	instance := name + "-" + token()
	tracing.Instance = instance
	tracer, err := telemetry.New(tracing)
	if err != nil {
		return nil, nil, err
	}
	slog.SetDefault(slog.New(telemetry.Logs(slog.NewJSONHandler(os.Stdout, nil), tracer)).With("function", name))
	now, closeClock, err := clock.FromEnv(os.Getenv)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", function.EnvClockFile, err)
	}
	db, err := store.Open(store.Options{DSN: common.MySQLDSN, Key: common.DataKey, MaxConns: conns, Judge: rightsAlarm(common.Dev, slog.Default())})
	if err != nil {
		return nil, nil, errors.Join(err, closeClock.Close())
	}
	bus := message.NewClient(message.Config{Endpoint: common.RocketMQ.Endpoint, AccessKey: common.RocketMQ.AccessKey,
		SecretKey: common.RocketMQ.SecretKey, TLS: tls, Clock: now, Function: name, Trace: telemetry.Traceparent})
	d := &Deps{Name: name, Instance: instance, Clock: now, Store: db, Bus: bus, Tracer: tracer, Dev: common.Dev}
	closer := function.CloserFuncs{OnFlush: tracer.Flush, OnClose: func(ctx context.Context) error {
		return errors.Join(bus.Close(), db.Close(), closeClock.Close(), tracer.Close(ctx))
	}}
	return d, closer, nil
}

// rightsAlarm cries out when the database's user could change the ledger, or may not do what functions do. In the emulator, on
// somebody's database whose owner is all there is, that is not worth a line.
func rightsAlarm(dev bool, log *slog.Logger) func(store.Rights) {
	if dev {
		return nil
	}
	return func(r store.Rights) {
		if err := r.Err(); err != nil {
			log.Error("the database user has not the rights of a function", "user", r.User, "error", err)
		}
	}
}

// Outside is what the adapters of carriers and platforms take from outside.
func (d *Deps) Outside() settings.Deps {
	return settings.Deps{HTTP: HTTP(), System: d.Clock.System, Vault: d.Store.Vault(d.Instance, d.Clock.System)}
}

func token() string {
	raw := make([]byte, 8)
	_, _ = rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}

// Input is one item and the topic that it came by.
type Input struct {
	Topic string
	Item  message.Item
}

// Inputs takes the items out of a trigger's batch. What cannot be read is logged and left
// out; an envelope of an unknown version is reported besides the items of the others, so
// that the batch is tried again when a newer build may be there.
func Inputs(ctx context.Context, payload []byte) ([]Input, error) {
	events, err := function.DecodeEvents(payload)
	if err != nil {
		return nil, fmt.Errorf("read batch: %w", err)
	}
	var out []Input
	var unknown error
	for _, e := range events {
		env, err := message.Decode(e.Body)
		switch {
		case errors.Is(err, message.ErrVersion):
			unknown = fmt.Errorf("message %s of %s: %w", e.ID, e.Topic, err)
		case err != nil:
			slog.ErrorContext(ctx, "message cannot be read", "topic", e.Topic, "message", e.ID, "error", err)
		default:
			for _, item := range env.Items {
				telemetry.Received(ctx, env.Kind, item.Trace)
				out = append(out, Input{Topic: env.Kind, Item: item})
			}
		}
	}
	return out, unknown
}
