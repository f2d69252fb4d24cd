package console

import (
	"net/http"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
)

// cancelCost is what withdrawing an order would cost now: 违约金 by the rules, unless a carrier
// has named its own.
type cancelCost struct {
	OrderID       int64         `json:"order_id,string"`
	State         string        `json:"state"`
	Version       int           `json:"version"`
	PenaltyInFen  money.Fen     `json:"penalty_in_fen"` // what the platform owes us
	PenaltyInNote string        `json:"penalty_in_note"`
	PenaltyOutFen money.Fen     `json:"penalty_out_fen"` // what we owe carriers, all live attempts together
	CostFen       money.Fen     `json:"cost_fen"`        // out less in; the lost margin is not in it
	FeeFen        money.Fen     `json:"fee_fen"`         // what a delivery would have been billed
	Attempts      []attemptCost `json:"attempts"`        // the live ones
	At            time.Time     `json:"at"`              // virtual time: waiting changes it
}

type attemptCost struct {
	N          int       `json:"n"`
	Carrier    string    `json:"carrier"`
	State      string    `json:"state"`
	PriceFen   money.Fen `json:"price_fen"`
	PenaltyFen money.Fen `json:"penalty_fen"`
	Source     string    `json:"source"` // carrier: it was asked; rule
	Note       string    `json:"note,omitempty"`
}

func (s *server) cancelCost(r *http.Request) (any, error) {
	view, err := s.findOrder(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if order.State(view.Order.State).Final() {
		return nil, bad(http.StatusConflict, "what it cost is in GET /api/orders/{id}", "the order is %s", view.Order.State)
	}
	return costOf(s.Book, view, s.Clock.Status().Virtual), nil
}

func costOf(book penalty.Book, v store.OrderView, now time.Time) cancelCost {
	o := v.Order
	c := cancelCost{OrderID: o.ID, State: o.State, Version: o.Version, FeeFen: o.FeeFen, Attempts: []attemptCost{}, At: now}
	c.PenaltyInFen, c.PenaltyInNote = book.Penalty(penalty.Case{Party: "platform:" + o.Platform, State: o.State, Accepted: since(o.AssignedAt, now), Fee: o.FeeFen})
	for _, a := range v.Attempts {
		if order.AttemptState(a.State).Final() {
			continue
		}
		one := attemptOf(book, a, now)
		c.PenaltyOutFen += one.PenaltyFen
		c.Attempts = append(c.Attempts, one)
	}
	c.CostFen = c.PenaltyOutFen - c.PenaltyInFen
	return c
}

// attemptOf goes by the state in which the carrier has the attempt: beneath a cancel that is
// under way, and picked up once it was.
func attemptOf(book penalty.Book, a store.AttemptView, now time.Time) attemptCost {
	out := attemptCost{N: a.N, Carrier: a.Carrier, State: a.State, PriceFen: a.PriceFen, Source: "rule"}
	if a.CancelFee != nil {
		out.PenaltyFen, out.Source = *a.CancelFee, "carrier"
		return out
	}
	state := a.State
	if a.Under != "" {
		state = a.Under
	}
	if !a.PickedAt.IsZero() {
		state = string(order.AttemptPickedUp)
	}
	out.PenaltyFen, out.Note = book.Penalty(penalty.Case{Party: "carrier:" + a.Carrier, State: state, Accepted: since(a.AcceptedAt, now), Fee: a.PriceFen})
	return out
}

// since is how long ago something was; 0 = it has not happened.
func since(from, now time.Time) time.Duration {
	if from.IsZero() || now.Before(from) {
		return 0
	}
	return now.Sub(from)
}
