package turn

import (
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

// width is how many carriers may look for a rider at once. An attempt that is being
// withdrawn counts until its carrier lets go of it: it may still come back with a rider.
func (t *Turn) width() int { return max(1, t.Width, t.Strategy.Wide()) }

// widen lets more carriers join while nobody accepts.
func (t *Turn) widen() {
	most := len(t.Strategy.Carriers)
	if t.State != order.Dispatching || t.Goal != order.NoGoal || t.Winner != 0 || t.width() >= most {
		return
	}
	t.Width = min(most, t.width()+t.Strategy.Widen())
	t.record(row{kind: "widen", to: fmt.Sprint(t.Width), decision: order.Applied})
	t.armWiden()
}

func (t *Turn) armWiden() {
	after := time.Duration(t.Strategy.Race.WidenAfter)
	if after > 0 && t.width() < len(t.Strategy.Carriers) && !t.armed(order.TimerWiden, 0) {
		t.arm(order.TimerWiden, 0, after, timerStep)
	}
}

// stale reports whether the round holds a price that nobody has used and that is too old now.
func (t *Turn) stale() bool {
	for _, q := range t.Quotes {
		if q.Refused == "" && t.Attempt(q.N) == nil && !t.env.Now.Before(q.ExpiresAt) && t.barred(q.Carrier) == "" {
			return true
		}
	}
	return false
}
