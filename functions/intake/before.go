package intake

import (
	"context"
	"fmt"

	"github.com/chuandao/qianfan/shared/upstream"
)

// before answers a create that is refused because its platform or city is switched off: one
// that was accepted before then stays accepted, and its repeat is told so.
func (s *Stage) before(ctx context.Context, platform string, push upstream.Push, refusal error) upstream.Result {
	if upstream.AsError(refusal).Reason != upstream.SwitchedOff {
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
