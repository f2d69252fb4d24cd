package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
)

// cancelCost is what withdrawing an order would cost now: 违约金 by the rules in force, unless a
// carrier names its own.
type cancelCost struct {
	OrderID       int64           `json:"order_id,string"`
	State         string          `json:"state"`
	Version       int             `json:"version"`        // of the order
	By            string          `json:"by"`             // who would withdraw it
	PenaltyInFen  money.Fen       `json:"penalty_in_fen"` // what the platform would owe us
	PenaltyInNote string          `json:"penalty_in_note"`
	Rule          penalty.Verdict `json:"rule"`                 // by which it would
	FreeUntil     *time.Time      `json:"free_until"`           // for the platform; null = it is not free, or there is no end to it yet
	PenaltyOutFen money.Fen       `json:"penalty_out_fen"`      // what we would owe carriers, all live attempts together
	CostFen       money.Fen       `json:"cost_fen"`             // out less in; the lost margin is not in it
	FeeFen        money.Fen       `json:"fee_fen"`              // what a delivery would have been billed
	Attempts      []attemptCost   `json:"attempts"`             // the live ones
	At            time.Time       `json:"at"`                   // virtual time: waiting changes it
	BookVersion   int             `json:"penalty_book_version"` // of the rules; 0 = built in
}

type attemptCost struct {
	N          int             `json:"n"`
	Carrier    string          `json:"carrier"`
	State      string          `json:"state"`
	PriceFen   money.Fen       `json:"price_fen"`
	PenaltyFen money.Fen       `json:"penalty_fen"`
	Source     string          `json:"source"`            // whose figure it is, see below
	ToldAt     *time.Time      `json:"told_at"`           // virtual time at which the carrier told its figure; null = it did not, or nobody knows when
	Unasked    string          `json:"unasked,omitempty"` // why the carrier did not tell it now, where it was to be asked
	Note       string          `json:"note,omitempty"`
	Rule       penalty.Verdict `json:"rule"`       // what the rule says, also beside the carrier's own figure
	FreeUntil  *time.Time      `json:"free_until"` // by the rule; null = as above
}

// Whose figure an amount is.
const (
	sourceNow     = "carrier_now" // the carrier was asked for it just now
	sourceCarrier = "carrier"     // the carrier told it before a cancel that has not come to an end
	sourceRule    = "rule"        // by our rules
)

// withdrawers are those for whom a cancel can be priced.
var withdrawers = []string{penalty.ByPlatform, penalty.ByCustomer, penalty.ByMerchant, penalty.ByUs}

// cancelCost changes nothing; ?by= says who would withdraw the order, its platform by default.
// With ?ask=true the carriers are asked, each for at most askTimeout; else nobody is.
func (s *server) cancelCost(r *http.Request) (any, error) {
	by := r.URL.Query().Get("by")
	if by == "" {
		by = penalty.ByPlatform
	}
	if !slices.Contains(withdrawers, by) {
		return nil, bad(http.StatusBadRequest, "by is one of "+strings.Join(withdrawers, ", "), "nobody is called %q here", by)
	}
	view, err := s.findOrder(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if order.State(view.Order.State).Final() {
		return nil, bad(http.StatusConflict, "what it cost is in GET /api/orders/{id}", "the order is %s", view.Order.State)
	}
	ask, err := boolean(r, "ask")
	if err != nil {
		return nil, err
	}
	var heard map[int]feeAnswer
	if ask {
		heard = s.askCancelCost(r.Context(), view)
	}
	now := s.Clock.Status().Virtual
	rows, err := s.Store.RuleBooks(r.Context(), now)
	if err != nil {
		return nil, err
	}
	books, err := live.NewBooks(rows)
	if err != nil {
		return nil, err
	}
	return costOf(books.Penalty(now), view, heard, by, now), nil
}

// costOf puts together what rules say and what carriers told; heard is nil when nobody was asked.
func costOf(book penalty.Book, v store.OrderView, heard map[int]feeAnswer, by string, now time.Time) cancelCost {
	o := v.Order
	c := cancelCost{OrderID: o.ID, State: o.State, Version: o.Version, By: by, FeeFen: o.FeeFen, Attempts: []attemptCost{}, At: now, BookVersion: book.Version}
	if penalty.Answers(by) {
		x := penalty.OfOrder(&order.Order{Platform: o.Platform, State: order.State(o.State), AssignedAt: o.AssignedAt, Fee: o.FeeFen}, by, now)
		c.Rule = book.Judge(x)
		c.PenaltyInFen, c.PenaltyInNote, c.FreeUntil = c.Rule.Amount, c.Rule.Note, freeUntil(book, x, o.AssignedAt)
	} else {
		c.PenaltyInNote = "our own cancel: the platform owes nothing"
	}
	for _, a := range v.Attempts {
		if order.AttemptState(a.State).Final() {
			continue
		}
		one := attemptOf(book, a, by, now)
		if heard != nil {
			one.hear(heard[a.N], now)
		}
		c.PenaltyOutFen += one.PenaltyFen
		c.Attempts = append(c.Attempts, one)
	}
	c.CostFen = c.PenaltyOutFen - c.PenaltyInFen
	return c
}

func attemptOf(book penalty.Book, a store.AttemptView, by string, now time.Time) attemptCost {
	x := penalty.OfAttempt(&order.Attempt{Carrier: a.Carrier, State: order.AttemptState(a.State), Under: order.AttemptState(a.Under), Price: a.PriceFen,
		PlacedAt: a.PlacedAt, AcceptedAt: a.AcceptedAt, PickedAt: a.PickedAt, Rider: order.Rider{Name: a.RiderName, Phone: a.RiderPhone}}, by, order.CauseCancelled, now)
	out := attemptCost{N: a.N, Carrier: a.Carrier, State: a.State, PriceFen: a.PriceFen, Source: sourceRule, Rule: book.Judge(x), FreeUntil: freeUntil(book, x, a.AcceptedAt)}
	out.PenaltyFen, out.Note = out.Rule.Cost(), out.Rule.Note
	if a.CancelFee != nil {
		out.PenaltyFen, out.Source, out.Note = *a.CancelFee, sourceCarrier, ""
		if !a.CancelTold.IsZero() {
			out.ToldAt = &a.CancelTold
		}
	}
	return out
}

// hear takes what the carrier told now; without that, what is known stands, with the reason.
func (c *attemptCost) hear(x feeAnswer, now time.Time) {
	if x.err != nil {
		c.Unasked = x.err.Error()
		return
	}
	c.PenaltyFen, c.Source, c.Note, c.ToldAt = x.fee, sourceNow, "", &now
}

// freeUntil is the end of the free window that a case is in; nil = it is in none, or none that
// ends by itself.
func freeUntil(book penalty.Book, x penalty.Case, accepted time.Time) *time.Time {
	w := book.Free(x)
	if !w.Free || !w.Ends || accepted.IsZero() {
		return nil
	}
	at := accepted.Add(w.End)
	return &at
}
