package intake

import (
	"context"
	"fmt"
	"slices"

	"github.com/chuandao/qianfan/shared/upstream"
)

// ourWord are the refusals that come and go with what our people set, not with the order's content.
var ourWord = []upstream.Reason{upstream.SwitchedOff, upstream.NoStrategy, upstream.UnknownShop}

// before answers a create that is refused for what our people have set (a platform or city
// that is switched off, a strategy or shop that is gone): one that was accepted before then
// stays accepted, and its repeat is told so.
func (s *Stage) before(ctx context.Context, platform string, push upstream.Push, refusal error) upstream.Result {
	if !slices.Contains(ourWord, upstream.AsError(refusal).Reason) {
		return upstream.Result{Err: refusal}
	}
	had, known, err := s.Store.Accepted(ctx, platform, push.No, push.Hash)
	switch {
	case err != nil:
		return upstream.Result{Err: err} // nothing was decided: the platform sends it again
	case !known:
		return upstream.Result{Err: refusal}
	case had.Conflict:
		return upstream.Result{Err: upstream.Refuse(upstream.Conflict, "order_no", "order %s exists with other content", push.No)}
	}
	return upstream.Result{OrderID: fmt.Sprint(had.ID), State: had.State, Fee: had.Fee}
}
