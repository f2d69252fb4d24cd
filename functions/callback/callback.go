// Package callback takes the carriers' pushes: verify, decode, make a durable event, answer.
// No carrier hears success before the broker has the event.
package callback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/telemetry"
)

// Stage is the function with its dependencies.
type Stage struct {
	Carriers carrier.Set
	Clock    clock.Clock
	places   *position.Board
	batch    *function.Batcher[message.Item, struct{}]
}

// Config tunes the aggregation.
type Config struct {
	Size int           // events per message
	Wait time.Duration // system time that an event may wait for company while a flush is under way

	Tracer    *telemetry.Tracer // nil = nothing is traced
	Positions *position.Board   // where riders' places are noted; nil = nowhere
}

const flushTimeout = 3 * time.Second // of system time

// New makes a stage that publishes to bus. Close it.
func New(carriers carrier.Set, bus stage.Publisher, now clock.Clock, cfg Config) *Stage {
	s := &Stage{Carriers: carriers, Clock: now, places: cfg.Positions}
	s.batch = function.NewBatcher(function.BatchConfig{Size: cfg.Size, Wait: cfg.Wait, Timeout: flushTimeout},
		func(ctx context.Context, items []message.Item) []function.Result[struct{}] {
			ctx, end := cfg.Tracer.Batch(ctx, "callback batch", telemetry.Caller{})
			for _, item := range items {
				telemetry.Received(ctx, message.CarrierEvent, item.Trace)
			}
			err := bus.Publish(ctx, message.Message{Topic: message.CarrierEvent, Items: items})
			end(err)
			out := make([]function.Result[struct{}], len(items))
			for i := range out {
				out[i].Err = err
			}
			return out
		})
	return s
}

// Close waits for what is under way.
func (s *Stage) Close() { s.batch.Close() }

// routePrefix is where the custom domain sends carriers' pushes.
const routePrefix = "/carrier/"

// ServeHTTP serves /carrier/{carrier}[/secret segment].
func (s *Stage) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r, false) }

// TooLarge answers a push whose body is over the limit, in the carrier's own protocol.
func (s *Stage) TooLarge() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, true) })
}

func (s *Stage) serve(w http.ResponseWriter, r *http.Request, tooLarge bool) {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, routePrefix), "/")
	adapter, ok := s.Carriers[name]
	if !ok || !strings.HasPrefix(r.URL.Path, routePrefix) {
		refuse(r.Context(), "carrier:"+name, "no_route", "no such carrier")
		http.Error(w, `{"error":"no such carrier"}`, http.StatusNotFound)
		return
	}
	if tooLarge {
		err := &carrier.Error{Carrier: name, Op: "callback", Kind: carrier.KindBadRequest, Message: "body over the limit"}
		refuse(r.Context(), "carrier:"+name, "too_large", err.Message)
		adapter.Reply(w, err)
		return
	}
	adapter.Reply(w, s.take(r, name))
}

// take gives the push to the broker; nil means that the broker has it.
func (s *Stage) take(r *http.Request, name string) error {
	ctx := r.Context()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return &carrier.Error{Carrier: name, Op: "callback", Kind: carrier.KindTemporary, Err: err}
	}
	now := s.Clock.System()
	status, err := s.read(name, carrier.CallbackRequest{Header: r.Header, Query: r.URL.RawQuery, Path: r.URL.Path, Body: body, Now: now})
	if err != nil {
		refuse(ctx, "carrier:"+name, string(carrier.KindOf(err)), err.Error())
		return err
	}
	id, n, _ := order.ParseOurNo(status.OurNo) // a callback by the carrier's number alone finds its order in dispatch
	ctx, span := telemetry.Order(ctx, id, "callback", now)
	defer span.Text("carrier", name).Text("state", string(status.State)).Text("code", status.Code).Int("attempt", n).End()
	data, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("callback: %w", err)
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	item := message.Item{Key: name + ":" + hash, Hash: hash, At: s.Clock.Virtual(), Data: data, Trace: telemetry.Traceparent(ctx, id)}
	if _, err := s.batch.Do(ctx, item); err != nil {
		slog.ErrorContext(ctx, "callback not stored", "carrier", name, "error", err)
		return &carrier.Error{Carrier: name, Op: "callback", Kind: carrier.KindTemporary, Message: "try again", Err: err}
	}
	s.note(ctx, status)
	return nil
}

// read verifies and decodes a push as one of our accounts with the carrier: the one that it
// holds for. Of the reasons why it holds for none, that of an account that knew the sender
// says most.
func (s *Stage) read(name string, push carrier.CallbackRequest) (carrier.Status, error) {
	var refusal error
	for _, adapter := range s.Carriers.Of(name) {
		status, err := adapter.Callback(push)
		if err == nil {
			return status, nil
		}
		if refusal == nil || carrier.KindOf(refusal) == carrier.KindForged {
			refusal = err
		}
	}
	return carrier.Status{}, refusal
}

// note remembers where the rider is. It is in no table and may be lost, so it fails nothing; a
// push that proves nothing about its sender moves no rider.
func (s *Stage) note(ctx context.Context, status carrier.Status) {
	if status.Position == nil || !status.Verified {
		return
	}
	at := status.At
	if at.IsZero() {
		at = s.Clock.Virtual()
	}
	k := position.Key{Carrier: status.Carrier, OurNo: status.OurNo, CarrierNo: status.CarrierNo}
	if err := s.places.Put(ctx, k, position.Seen{Point: *status.Position, At: at}); err != nil {
		slog.DebugContext(ctx, "position not noted", "carrier", status.Carrier, "error", err)
	}
}

// refuse leaves the trace by which an operator finds bad input. It names no person.
func refuse(ctx context.Context, party, reason, detail string) {
	slog.WarnContext(ctx, "input refused", "party", party, "reason", reason, "detail", detail)
}
