package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/clock"
	"github.com/chuandao/qianfan/local/console"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/carrier"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/store"
)

// workplace is where a verb about orders works.
type workplace struct {
	Database bool `help:"Work on the deployment that QIANFAN_MYSQL_DSN and QIANFAN_DATA_KEY name, instead of a running emulator."`
}

// at runs do on a running emulator, or on a deployment: then the control API answers in this
// process, from the deployment's own rows.
func (w workplace) at(e *env, do func(e *env) error) error {
	if !w.Database {
		return do(e)
	}
	settings := function.NewEnv(e.look)
	dsn, key := settings.Require(function.EnvMySQLDSN), settings.Key(function.EnvDataKey, 32)
	endpoint := settings.Optional(function.EnvRocketMQEndpoint, "")
	access, secret := settings.Optional(function.EnvRocketMQAccessKey, ""), settings.Optional(function.EnvRocketMQSecretKey, "")
	tls := settings.Bool("QIANFAN_ROCKETMQ_TLS", false)
	if err := settings.Err(); err != nil {
		return fmt.Errorf("--database: %w", err)
	}
	db, err := store.Open(store.Options{DSN: dsn, Key: key, MaxConns: 2})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	deps := console.Deps{Store: db, Clock: realTime{}, Faults: world.None(), Adapters: sync.OnceValues(func() (carrier.Set, error) { return askable(e.look, db) })}
	if endpoint != "" { // without it dispatch hears of commands from the sweep, within two minutes
		bus := message.NewClient(message.Config{Endpoint: endpoint, AccessKey: access, SecretKey: secret, TLS: tls, Clock: sharedclock.Real(), Function: "operator"})
		defer func() { _ = bus.Close() }()
		deps.Publish = bus.Publish
	}
	return do(e.inside(deps))
}

// inside lets the control API answer in this process.
func (e *env) inside(deps console.Deps) *env {
	there := *e
	there.api = &api{base: "http://localhost", client: &http.Client{Transport: inside{console.New(deps)}}}
	return &there
}

// realTime is a deployment's clock, which nobody moves.
type realTime struct{}

var errRealTime = errors.New("a deployment's time is real")

func (realTime) Status() clock.Status {
	now := sharedclock.Real()
	return clock.Status{Virtual: now.Virtual(), System: now.System(), Ceiling: 1, Speed: 1}
}
func (realTime) SetSpeed(float64) error                       { return errRealTime }
func (realTime) Freeze(bool)                                  {}
func (realTime) Advance(context.Context, time.Duration) error { return errRealTime }
func (realTime) RunToNext(context.Context) (time.Time, error) { return time.Time{}, errRealTime }
func (realTime) Busy(string) func()                           { return func() {} }

// inside answers requests in this process.
type inside struct{ http.Handler }

func (h inside) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &answerBuffer{header: http.Header{}, status: http.StatusOK}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	h.ServeHTTP(w, r)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: r}, nil
}

type answerBuffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *answerBuffer) Header() http.Header         { return w.header }
func (w *answerBuffer) WriteHeader(status int)      { w.status = status }
func (w *answerBuffer) Write(p []byte) (int, error) { return w.body.Write(p) }
