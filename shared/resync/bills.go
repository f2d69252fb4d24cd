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
	fee, tip, penalty  money.Fen // of the first line of each kind: what is there twice is reconciliation's to dispute
	contested          bool      // its carrier's number stands beside another number of ours, too
	lines              []Stray   // should the bill be about something else
}

// fits reports whether a bill is about a waybill: that it has our number is not enough, since a
// line may be wrong, and a file be given as another account's. carrierNo is empty where the
// carrier does not tell it.
func (b *billed) fits(account, carrierNo string) bool {
	return b.account == account && !b.contested && (carrierNo == "" || b.carrierNo == carrierNo)
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
		case x == contradiction:
			stray.Why = "our number and the carrier's name two attempts"
			r.stray(stray)
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

// contradiction stands for a line whose two numbers name two attempts.
var contradiction = number{-1, 0}

// name finds the attempt of each line: by our number, else by the carrier's.
func (r *run) name(ctx context.Context, b Bill, lines []bill.Line) ([]number, error) {
	refs := make([]turn.Ref, len(lines))
	for i, l := range lines {
		refs[i] = turn.Ref{Carrier: b.Carrier, CarrierNo: l.CarrierNo}
	}
	found, err := r.Store.FindRefs(ctx, refs)
	if err != nil {
		return nil, err
	}
	out := make([]number, len(lines))
	for i, l := range lines {
		if id, n, err := order.ParseOurNo(l.ClientNo); err == nil {
			out[i] = number{id, n}
		}
		theirs, known := found[refs[i]]
		switch named := (number{theirs.Order, theirs.N}); {
		case known && out[i].id == 0:
			out[i] = named
		case known && out[i] != named:
			out[i] = contradiction
		}
	}
	return out, nil
}

// bill takes up a line. What was given back after the end is reconciliation's.
func (r *run) bill(x number, b Bill, l bill.Line, stray Stray) {
	stray.Order = x.id
	sum := r.sumOf(x, b, l)
	if sum.account != b.Account || sum.carrierNo != l.CarrierNo {
		stray.Why = "another waybill of the bills has the same number of ours"
		r.stray(stray)
		return
	}
	for kind, to := range map[bill.Kind]*money.Fen{bill.Fee: &sum.fee, bill.Tip: &sum.tip, bill.Penalty: &sum.penalty} {
		if l.Kind == kind && *to == 0 {
			*to = l.Amount
		}
	}
	sum.lines = append(sum.lines, stray)
}

// sumOf is where what bills say of an attempt is taken up. A carrier's number that stands
// beside two of ours is believed beside neither.
func (r *run) sumOf(x number, b Bill, l bill.Line) *billed {
	key, ref := probe{x.n, b.Carrier}, turn.Ref{Carrier: b.Carrier, CarrierNo: l.CarrierNo}
	sum := r.billed[x.id][key]
	if sum != nil {
		return sum
	}
	sum = &billed{account: b.Account, carrierNo: l.CarrierNo}
	if first := r.claims[ref]; first != nil {
		first.contested, sum.contested = true, true
	}
	r.claims[ref] = sum
	if r.billed[x.id] == nil {
		r.billed[x.id] = map[probe]*billed{}
	}
	r.billed[x.id][key] = sum
	return sum
}

// disown reports the lines of a bill that is not about what its numbers say.
func (r *run) disown(b *billed, why string) {
	r.note(func() {
		for _, s := range b.lines {
			s.Why = why
			r.stray(s)
		}
	})
}

func (r *run) stray(s Stray) {
	r.StrayLines++
	if len(r.Strays) < mostListed {
		r.Strays = append(r.Strays, s)
	}
}

// complete is billed.complete, and counts what nobody but a bill says.
func (r *run) complete(b *billed, s carrier.Status) carrier.Status {
	full := b.complete(s)
	if full.Penalty != s.Penalty {
		r.note(func() { r.Believed++ })
	}
	return full
}

// mostBelieved is what a bill alone may claim as 违约金: what reconciliation books by itself.
const mostBelieved money.Fen = 20_00

// complete fills in the 违约金 that the carrier's answer does not state and its bill does, where
// reconciliation would take it from the bill as well: one line alone, of not too much. What a
// delivery cost is known by its price, and a bill that differs is to be disputed.
func (b *billed) complete(s carrier.Status) carrier.Status {
	if b == nil || !s.State.Final() || s.State == carrier.Delivered || s.Charged != nil || s.Penalty != nil {
		return s
	}
	if len(b.lines) == 1 && 0 < b.penalty && b.penalty <= mostBelieved {
		s.Penalty = &b.penalty
	}
	return s
}
