// Package intake takes the platforms' pushes: verify, accept or refuse, store, start the
// pipeline, and answer in the platform's own protocol. Nobody hears success before the commit.
package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/position"
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
	Desk      *acceptance.Desk
	Instance  string
	Positions *position.Board   // nil = nobody knows where riders are
	Tracer    *telemetry.Tracer // nil = nothing is traced
}

// Config tunes the aggregation.
type Config struct {
	Size int           // requests per batch
	Wait time.Duration // system time that a request may wait for company while a flush is under way
}

// Stage is the function.
type Stage struct {
	Deps
	creates  *function.Batcher[store.NewOrder, store.Stored]
	commands *function.Batcher[store.NewCommand, store.CommandStored]
}

const flushTimeout = 5 * time.Second // of system time

// New makes a stage. Close it.
func New(d Deps, cfg Config) *Stage {
	s := &Stage{Deps: d}
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
		acceptance.Refused(r.Context(), name, "", upstream.Refuse(upstream.NoRoute, "", "no such platform"))
		http.Error(w, `{"error":"no such platform"}`, http.StatusNotFound)
		return
	}
	push, res := s.take(r, name, adapter, tooLarge)
	if res.Err != nil {
		e := upstream.AsError(res.Err)
		acceptance.Refused(r.Context(), name, push.No, e)
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
	case upstream.KindProbe, upstream.KindDocument:
		return push, upstream.Result{}
	case upstream.KindCreate:
		return push, s.create(r.Context(), adapter, push)
	case upstream.KindCancel, upstream.KindTip, upstream.KindChange:
		return push, s.command(r.Context(), name, push)
	case upstream.KindQuery:
		return push, s.view(r.Context(), name, push)
	case upstream.KindQuote:
		return push, s.estimate(r.Context(), name, push)
	case upstream.KindRider:
		return push, s.rider(r.Context(), name, push)
	case upstream.KindCancelCost:
		return push, s.cancelCost(r.Context(), name, push)
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

// create has an order decided about and joins a batch.
func (s *Stage) create(ctx context.Context, from upstream.Adapter, push upstream.Push) upstream.Result {
	n, err := s.Desk.Order(ctx, s.IDs.Next(), from, push)
	if err != nil {
		return s.before(ctx, from.Name(), push, err)
	}
	stored, err := s.creates.Do(ctx, n)
	accepted(ctx, n, stored, err)
	switch {
	case err != nil:
		return upstream.Result{Err: err}
	case stored.Conflict:
		return upstream.Result{Err: upstream.Refuse(upstream.Conflict, "order_no", "order %s exists with other content", push.No)}
	}
	return upstream.Result{OrderID: fmt.Sprint(stored.ID), State: stored.State, Fee: stored.Fee}
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

// storeError is the answer for a batch that could not be stored: nothing was decided.
func storeError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return upstream.Refuse(upstream.SendAgain, "", "too busy, send again")
	}
	return upstream.AsError(err)
}
