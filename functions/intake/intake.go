// Package intake takes the platforms' pushes: verify, accept or refuse, store, start the
// pipeline, and answer in the platform's own protocol. Nobody hears success before the commit.
package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
	"github.com/chuandao/qianfan/shared/upstream"
)

// Bus is what intake needs of the broker: plain messages and half messages.
type Bus interface {
	Publish(ctx context.Context, messages ...message.Message) error
	SendHalf(ctx context.Context, m message.Message) (message.Half, error)
	End(ctx context.Context, h message.Half, commit bool) error
}

// Deps is what a stage works with.
type Deps struct {
	Platforms map[string]upstream.Adapter
	Store     *store.Store
	Bus       Bus
	Clock     clock.Clock
	IDs       *order.IDs
	Book      penalty.Book
	Instance  string
	Tracer    *telemetry.Tracer // nil = nothing is traced
}

// Config tunes the aggregation and the limits.
type Config struct {
	Size      int           // requests per batch
	Wait      time.Duration // system time that a request may wait for company while a flush is under way
	MaxValue  int64         // fen that goods may be worth at most
	MaxWeight int           // grams that goods may weigh at most
	MaxAhead  time.Duration // virtual time that an order may be for later at most; 0 = 30 days
}

// Stage is the function.
type Stage struct {
	Deps
	cfg      Config
	catalog  *catalog
	creates  *function.Batcher[store.NewOrder, store.Stored]
	commands *function.Batcher[store.NewCommand, store.CommandStored]
}

const flushTimeout = 5 * time.Second // of system time

// New makes a stage. Close it.
func New(d Deps, cfg Config) *Stage {
	cfg.MaxAhead = cmp.Or(cfg.MaxAhead, maxAhead)
	s := &Stage{Deps: d, cfg: cfg, catalog: newCatalog(d.Store, d.Clock)}
	batch := function.BatchConfig{Size: cfg.Size, Wait: cfg.Wait, Timeout: flushTimeout}
	s.creates = function.NewBatcher(batch, traced(d.Tracer, "intake orders", s.storeOrders))
	s.commands = function.NewBatcher(batch, traced(d.Tracer, "intake commands", s.storeCommands))
	return s
}

// Close waits for what is under way.
func (s *Stage) Close() {
	s.creates.Close()
	s.commands.Close()
}

const routePrefix = "/upstream/"

// routes maps the first segment of a path to a platform; the canonical API is versioned.
func platformOf(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, routePrefix), "/")
	if name == "v1" {
		return "canonical"
	}
	return name
}

// ServeHTTP serves /upstream/….
func (s *Stage) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r, false) }

// TooLarge answers a push whose body is over the limit, in the platform's own protocol.
func (s *Stage) TooLarge() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, true) })
}

func (s *Stage) serve(w http.ResponseWriter, r *http.Request, tooLarge bool) {
	name := platformOf(r.URL.Path)
	adapter, ok := s.Platforms[name]
	if !ok {
		trace(r.Context(), name, "", upstream.Refuse(upstream.NoRoute, "", "no such platform"))
		http.Error(w, `{"error":"no such platform"}`, http.StatusNotFound)
		return
	}
	push, res := s.take(r, name, adapter, tooLarge)
	if res.Err != nil {
		e := upstream.AsError(res.Err)
		trace(r.Context(), name, push.No, e)
		res.Err = e
	}
	adapter.Answer(w, push, res)
}

func (s *Stage) take(r *http.Request, name string, adapter upstream.Adapter, tooLarge bool) (upstream.Push, upstream.Result) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return upstream.Push{}, upstream.Result{Err: err}
	}
	push, err := adapter.Decode(upstream.Request{
		Method: r.Method, URL: urlOf(r), Path: r.URL.Path, RawQuery: r.URL.RawQuery, Header: r.Header, Body: body, TooLarge: tooLarge, Now: s.Clock.System(),
	})
	if err != nil {
		return push, upstream.Result{Err: err}
	}
	switch push.Kind {
	case upstream.KindProbe:
		return push, upstream.Result{}
	case upstream.KindCreate:
		return push, s.create(r.Context(), name, push)
	case upstream.KindCancel:
		return push, s.cancel(r.Context(), name, push)
	case upstream.KindQuery:
		return push, s.view(r.Context(), name, push)
	}
	return push, upstream.Result{Err: upstream.Refuse(upstream.NoRoute, "", "nothing is done with %q", push.Kind)}
}

// urlOf is the URL as the caller used it; behind the gateway the scheme comes in a header.
func urlOf(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host + r.URL.EscapedPath()
}

// create checks an order against the catalogue and joins a batch.
func (s *Stage) create(ctx context.Context, platform string, push upstream.Push) upstream.Result {
	n, err := s.prepare(ctx, platform, push)
	if err != nil {
		return upstream.Result{Err: err}
	}
	stored, err := s.creates.Do(ctx, n)
	accepted(ctx, n, stored, err)
	switch {
	case err != nil:
		return upstream.Result{Err: err}
	case stored.Conflict:
		return upstream.Result{Err: upstream.Refuse(upstream.Conflict, "order_no", "order %s exists with other content", push.No)}
	}
	return upstream.Result{OrderID: fmt.Sprint(stored.ID), State: stored.State, Fee: n.Order.Fee}
}

// cancel stores the wish; what becomes of it is reported.
func (s *Stage) cancel(ctx context.Context, platform string, push upstream.Push) upstream.Result {
	began := s.Clock.System()
	stored, err := s.commands.Do(ctx, store.NewCommand{Platform: platform, No: push.No, Command: order.Command{
		Key: push.Cancel.Key, Kind: order.CommandCancel, By: push.Cancel.By, Reason: push.Cancel.Reason, Hash: push.Hash, ReceivedAt: s.Clock.Virtual(),
	}})
	switch {
	case err != nil:
		return upstream.Result{Err: err}
	case stored.Conflict:
		return upstream.Result{Err: upstream.Refuse(upstream.Conflict, "", "this cancel of %s was sent before with other content", push.No)}
	case stored.Tombstone:
		return upstream.Result{State: order.Cancelled}
	}
	_, span := telemetry.Order(ctx, stored.OrderID, "cancel wanted", began)
	span.Text("platform", platform).Text("to", string(stored.State)).Bool("repeat", stored.Repeat).End()
	return upstream.Result{OrderID: fmt.Sprint(stored.OrderID), State: stored.State}
}

func (s *Stage) view(ctx context.Context, platform string, push upstream.Push) upstream.Result {
	o, winner, ok, err := s.Store.View(ctx, platform, push.No)
	switch {
	case err != nil:
		return upstream.Result{Err: err}
	case !ok:
		return upstream.Result{Err: upstream.Refuse(upstream.NotFound, "order_no", "no order %s", push.No)}
	}
	v := upstream.View{OrderID: fmt.Sprint(o.ID), No: o.No, State: o.State, Fee: o.Fee, Penalty: o.Penalty, Updated: s.Clock.Virtual()}
	if winner != nil {
		v.Carrier, v.Waybill, v.Rider = winner.Carrier, order.OurNo(o.ID, winner.N), winner.Rider
	}
	return upstream.Result{OrderID: v.OrderID, State: o.State, Fee: o.Fee, View: &v}
}

// trace leaves the line by which an operator finds a refused request. It names no person.
func trace(ctx context.Context, platform, no string, e *upstream.Error) {
	level := slog.LevelWarn
	if e.Reason == upstream.SendAgain || e.Reason == upstream.Conflict {
		level = slog.LevelError
	}
	slog.Log(ctx, level, "input refused", "party", "platform:"+platform, "no", no, "reason", e.Reason, "field", e.Field, "detail", e.Error())
}

// storeError is the answer for a batch that could not be stored: nothing was decided.
func storeError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return upstream.Refuse(upstream.SendAgain, "", "too busy, send again")
	}
	return upstream.AsError(err)
}
