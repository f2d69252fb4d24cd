package taobao

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/chuandao/qianfan/shared/upstream"
)

// Fetch asks for an order again (eleme.order.getOrder): what a degraded push left out is
// there once 饿了么 has made up for it. Create.Degraded names what is still missing.
func (a *Adapter) Fetch(ctx context.Context, no string) (upstream.Create, error) {
	result, err := a.call(ctx, "eleme.order.getOrder", a.cfg.Token, map[string]any{"orderId": no})
	var code refusal
	switch {
	case errors.As(err, &code) && slices.Contains(a.cfg.NotFoundCodes, string(code)), err == nil && string(result) == "null":
		return upstream.Create{}, &upstream.Error{Reason: upstream.NotFound, Message: "no such order", Err: err}
	case err != nil:
		return upstream.Create{}, err
	}
	f := &fields{}
	if err := json.Unmarshal(result, &f.values); err != nil {
		return upstream.Create{}, &upstream.Error{Reason: upstream.Unreachable, Message: "the answer cannot be read", Err: err}
	}
	push := a.readCreate(envelope{}, f)
	f.short()
	switch {
	case f.fault != nil:
		return upstream.Create{}, f.fault
	case push.No != no:
		return upstream.Create{}, &upstream.Error{Reason: upstream.Unreachable, Message: "the answer is about another order"}
	}
	return *push.Create, nil
}
