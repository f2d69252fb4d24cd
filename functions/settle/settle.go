// Package settle posts settlement facts to the ledger: capture, release, penalties, income.
// Facts commute, so neither the order nor the number of messages matters.
package settle

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
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
	_, err := s.Store.Settle(ctx, ids, s.Clock.Virtual())
	if err == nil || len(ids) < 2 || store.Away(err) {
		return errors.Join(unread, err)
	}
	errs := []error{unread}
	for _, id := range ids {
		_, err := s.Store.Settle(ctx, []int64{id}, s.Clock.Virtual())
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
