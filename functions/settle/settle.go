// Package settle posts settlement facts to the ledger: capture, release, penalties, income.
// Facts commute, so neither the order nor the number of messages matters.
package settle

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
)

// Stage is the function with its dependencies.
type Stage struct {
	Store *store.Store
	Clock clock.Clock
}

// Handle serves one batch of settlement messages. An order that cannot be posted does not
// hold up its neighbours: after a failure each order is tried alone.
func (s *Stage) Handle(ctx context.Context, payload json.RawMessage) error {
	inputs, unread := stage.Inputs(ctx, payload)
	ids := make([]int64, 0, len(inputs))
	for _, in := range inputs {
		ids = append(ids, in.Item.Order)
	}
	began := s.Clock.System()
	_, err := s.Store.Settle(ctx, ids, s.Clock.Virtual())
	trace(ctx, ids, began, err)
	if err == nil || len(ids) < 2 || store.Away(err) {
		return errors.Join(unread, err)
	}
	errs := []error{unread}
	for _, id := range ids {
		began := s.Clock.System()
		_, err := s.Store.Settle(ctx, []int64{id}, s.Clock.Virtual())
		trace(ctx, []int64{id}, began, err)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// trace records that orders were posted together.
func trace(ctx context.Context, ids []int64, began time.Time, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "not posted"
	}
	for _, id := range ids {
		_, span := telemetry.Order(ctx, id, "settle", began)
		span.Outcome(outcome, err != nil).End()
	}
}
