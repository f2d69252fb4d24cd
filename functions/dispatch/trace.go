package dispatch

import (
	"context"
	"time"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/telemetry"
	"github.com/chuandao/qianfan/shared/turn"
)

// spanNames tell turns apart by the call that they decided.
var spanNames = map[string]string{
	order.CallPlace: "dispatch place", order.CallQuery: "dispatch query", order.CallCancel: "dispatch cancel", order.CallConfirm: "dispatch confirm return",
	order.CallTip: "dispatch tip",
}

// trace records the committed turns of a round; their calls and messages are below them.
func trace(ctx context.Context, began time.Time, turns []*turn.Turn) {
	for _, t := range turns {
		name, carrier := "dispatch", ""
		if len(t.Calls) > 0 {
			name, carrier = spanNames[t.Calls[0].Kind], t.Calls[0].Attempt.Carrier
		}
		_, span := telemetry.Order(ctx, t.ID, name, began)
		span.Text("platform", t.Platform).Text("from", from(t)).Text("to", string(t.State)).Text("carrier", carrier).Int("calls", len(t.Calls)).End()
	}
}

// from is the state that the order had before the turn.
func from(t *turn.Turn) string {
	for _, e := range t.Events {
		if e.Kind == "order" {
			return e.From
		}
	}
	return string(t.State)
}
