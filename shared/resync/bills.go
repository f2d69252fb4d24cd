package resync

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/turn"
)

// Bill is one carrier's bill of one business day and one prepaid account.
type Bill struct {
	Carrier, Account, Day string
	Name                  string // of the file, for people
	Mapping               bill.Mapping
	File                  io.Reader
}

// Stray is a line of a bill that belongs to nothing that we have.
type Stray struct {
	Bill      string    `json:"bill"` // name of the file
	Line      int       `json:"line"`
	CarrierNo string    `json:"carrier_no"`
	OurNo     string    `json:"our_no,omitempty"`
	Order     int64     `json:"order_id,string,omitempty"` // that is not there any more; 0 = the line names none
	Kind      bill.Kind `json:"kind"`
	Amount    money.Fen `json:"amount_fen"`
	Why       string    `json:"why"`
}

// number names an attempt.
type number struct {
	id int64
	n  int
}

// billed is what bills say of one attempt of an order that may have lost something.
type billed struct {
	account, carrierNo string
	fee, tip, penalty  money.Fen
	lines              []Stray // should the carrier itself not know it
}

// linesAtOnce is how many lines of a bill are looked up together.
const linesAtOnce = 500

// read takes up what a bill says of orders that are open or lack the attempt.
func (r *run) read(ctx context.Context, b Bill) error {
	lines, err := bill.Open(b.File, b.Mapping, b.Day)
	if err != nil {
		return fmt.Errorf("%s: %w", b.Name, err)
	}
	var chunk []bill.Line
	for {
		l, err := lines.Next()
		var bad *bill.LineError
		switch {
		case errors.As(err, &bad):
			r.UnreadLines++
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return fmt.Errorf("%s: %w", b.Name, err)
		case err == nil:
			r.Lines++
			chunk = append(chunk, l)
		}
		if len(chunk) == linesAtOnce || err != nil {
			if err := r.sort(ctx, b, chunk); err != nil {
				return fmt.Errorf("%s: %w", b.Name, err)
			}
			chunk = chunk[:0]
			r.tell("bills", r.Lines, 0)
		}
		if err != nil {
			return nil
		}
	}
}

// sort looks up what lines are about.
func (r *run) sort(ctx context.Context, b Bill, lines []bill.Line) error {
	names, err := r.name(ctx, b, lines)
	if err != nil {
		return err
	}
	var ids []int64
	for _, x := range names {
		ids = append(ids, x.id)
	}
	orders, err := r.Store.OrdersWithAttempts(ctx, ids)
	if err != nil {
		return err
	}
	known := map[int64]*order.Aggregate{}
	for i := range orders {
		known[orders[i].ID] = &orders[i]
	}
	for i, l := range lines {
		stray := Stray{Bill: b.Name, Line: l.No, CarrierNo: l.CarrierNo, OurNo: l.ClientNo, Kind: l.Kind, Amount: l.Amount}
		x := names[i]
		o, there := known[x.id]
		switch {
		case x.id == 0:
			stray.Why = "a waybill of which we have neither number"
			r.stray(stray)
		case !there:
			stray.Order, stray.Why = x.id, "its order is not in the database"
			r.stray(stray)
			r.lost[x.id] = true
		case o.Attempt(x.n) == nil || !closed(o):
			r.bill(x, b, l, stray)
		}
	}
	return nil
}

func closed(o *order.Aggregate) bool {
	return o.State.Final() && o.ActAt.IsZero() && o.TellAt.IsZero() && o.PostAt.IsZero()
}

// name finds the attempt of each line: by our number, else by the carrier's.
func (r *run) name(ctx context.Context, b Bill, lines []bill.Line) ([]number, error) {
	out := make([]number, len(lines))
	var refs []turn.Ref
	for i, l := range lines {
		id, n, err := order.ParseOurNo(l.ClientNo)
		if err != nil {
			refs = append(refs, turn.Ref{Carrier: b.Carrier, CarrierNo: l.CarrierNo})
			continue
		}
		out[i] = number{id, n}
	}
	found, err := r.Store.FindRefs(ctx, refs)
	if err != nil {
		return nil, err
	}
	for i, l := range lines {
		if ref, ok := found[turn.Ref{Carrier: b.Carrier, CarrierNo: l.CarrierNo}]; ok && out[i].id == 0 {
			out[i] = number{ref.Order, ref.N}
		}
	}
	return out, nil
}

// bill adds a line up. What was given back after the end is reconciliation's.
func (r *run) bill(x number, b Bill, l bill.Line, stray Stray) {
	sum := r.billed[x.id][probe{x.n, b.Carrier}]
	if sum == nil {
		sum = &billed{account: b.Account, carrierNo: l.CarrierNo}
		if r.billed[x.id] == nil {
			r.billed[x.id] = map[probe]*billed{}
		}
		r.billed[x.id][probe{x.n, b.Carrier}] = sum
	}
	switch l.Kind {
	case bill.Fee:
		sum.fee += l.Amount
	case bill.Tip:
		sum.tip += l.Amount
	case bill.Penalty:
		sum.penalty += l.Amount
	}
	stray.Order = x.id
	sum.lines = append(sum.lines, stray)
}

func (r *run) stray(s Stray) {
	r.StrayLines++
	if len(r.Strays) < mostListed {
		r.Strays = append(r.Strays, s)
	}
}

// complete fills in what the carrier's answer does not state and its bill does.
func (b *billed) complete(s carrier.Status) carrier.Status {
	if b == nil || !s.State.Final() || s.Charged != nil || s.Penalty != nil {
		return s
	}
	if charged := b.fee + b.tip; s.State == carrier.Delivered && charged > 0 {
		s.Charged = &charged
		if b.penalty > 0 {
			s.Penalty = &b.penalty
		}
	} else if kept := b.fee + b.tip + b.penalty; s.State != carrier.Delivered && kept > 0 {
		s.Penalty = &kept
	}
	return s
}
