package turn

import (
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
)

// plan gives each attempt that needs a call its lease. At most one call is under way.
func (t *Turn) plan() {
	for _, a := range t.Attempts {
		if a.Call.Kind != "" && !t.env.System.Before(a.Call.Until) {
			t.expire(a)
		}
		switch kind := nextCall(a); {
		case kind == "" || a.Call.Kind != "":
		case a.NextCall.After(t.env.Now):
			t.wait(a)
		default:
			t.lease(a, kind)
		}
	}
}

// facts are a carrier's habits; none of a carrier that is switched off.
func (t *Turn) facts(a *order.Attempt) carrier.Facts {
	f, _ := t.env.Carrier(a.Carrier)
	return f
}

// nextCall is the call that an attempt needs most. One that is over may still be asked
// about: a carrier spoke of it again.
func nextCall(a *order.Attempt) string {
	switch {
	case !a.Live() && !a.Want.Query:
		return ""
	case a.State == order.Intent && a.Call.Seq == 0:
		return order.CallPlace
	case a.State == order.Intent:
		return "" // its placement is under way
	case a.State == order.Unknown, a.Call.Doubt != "", a.Want.Query:
		return order.CallQuery
	case tipDue(a):
		return order.CallTip
	case a.State == order.AttemptCancelling:
		return order.CallCancel
	case a.State == order.AttemptReturning && a.Want.Confirm:
		return order.CallConfirm
	}
	return ""
}

// wait arms the timer of a call that may not be made yet. One that is armed for the same
// instant stays: its message is on its way.
func (t *Turn) wait(a *order.Attempt) {
	due := roundUp(a.NextCall, time.Second)
	x := order.Timer{Kind: order.TimerRetry, N: a.N, Due: due, Epoch: t.Version}
	if i := t.timer(x.Kind, x.N); i >= 0 && t.Timers[i].Due.Equal(due) {
		return
	}
	t.disarm(x.Kind, x.N)
	t.Timers = append(t.Timers, x)
}

func (t *Turn) lease(a *order.Attempt, kind string) {
	a.Call.Kind, a.Call.Seq, a.Call.Owner = kind, a.Call.Seq+1, t.env.Owner
	a.Call.Until = t.env.System.Add(t.env.Lease)
	a.Call.Seen = t.Version
	a.NextCall = time.Time{}
	t.disarm(order.TimerRetry, a.N)
	switch kind {
	case order.CallQuery:
		a.Want.Query = false
	case order.CallCancel:
		a.Want.Unpriced = false
	case order.CallConfirm:
		a.Want.Confirm = false
		t.arm(order.TimerConfirm, a.N, confirmAgain, timerStep)
	}
	t.touchQuietly(a)
	t.Calls = append(t.Calls, PlannedCall{Order: t.ID, Platform: t.Platform, City: t.City, Shop: t.ShopCode, Attempt: *a, Kind: kind, Seq: a.Call.Seq, Until: a.Call.Until})
}

// expire ends a lease whose holder vanished: nobody repeats the call, it is queried.
func (t *Turn) expire(a *order.Attempt) {
	kind, seq := a.Call.Kind, a.Call.Seq
	a.Call.Kind, a.Call.Owner, a.Call.Until = "", "", time.Time{}
	t.touchQuietly(a)
	t.key, t.rows = fmt.Sprintf("x:%d:%d", a.N, seq), 0
	detail := map[string]string{"call": kind, "error": "its caller vanished"}
	switch {
	case !a.Live() && kind != order.CallQuery: // the end was heard
	case kind == order.CallPlace && a.State == order.Intent:
		t.doubt(a, detail)
		a.NextCall = time.Time{}
	case kind == order.CallCancel:
		t.cancelDoubt(a)
	case kind == order.CallConfirm:
		a.Call.Doubt = kind
		t.inquire(a, 0)
	case kind == order.CallTip:
		t.tipDoubt(a)
	default:
		a.Want.Query = true
	}
	if t.rows == 0 {
		t.record(row{n: a.N, kind: "lease", from: kind, to: string(a.State), decision: order.Verify, detail: detail})
	}
}

// schedule sets the due times and owes the message of the earliest timer.
func (t *Turn) schedule() {
	t.ActAt = t.earliest()
	for _, a := range t.Attempts {
		if a.Call.Kind != "" {
			t.ActAt = earlier(t.ActAt, t.env.Virtual(a.Call.Until))
		}
	}
	if t.ActAt.IsZero() && !(t.State.Final() && t.live() == 0) {
		t.ActAt = t.env.Now.Add(time.Minute) // nothing may be forgotten, whatever the tables say
	}
	at := t.earliest()
	if at.IsZero() {
		return
	}
	for _, x := range t.Timers {
		// Those of an instant whose message is on its way are in it, unless they are new.
		if x.Due.Equal(at) && (!at.Equal(t.TimerSent) || !slices.ContainsFunc(t.loaded, x.Same)) {
			t.owe(message.Owed{Topic: message.OrderTimer, Due: at, Item: message.Item{
				Key: fmt.Sprintf("%d:%s:%d:%d", t.ID, x.Kind, x.N, x.Epoch), Order: t.ID, Timer: x.Kind, N: x.N, Epoch: x.Epoch}})
		}
	}
	t.TimerSent = at
}
