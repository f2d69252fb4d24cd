package reconcile

import (
	"cmp"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
)

// kinds of money by index, in the order in which a difference is laid at their door.
const (
	fee = iota
	tip
	penalty
	refund
	compensation
	kindCount
)

func indexOf(k bill.Kind) int { return slices.Index(bill.Kinds, k) }

// sums are amounts by kind, as they count in the net: what was given is negative.
type sums [kindCount]money.Fen

func (s sums) total() money.Fen {
	var t money.Fen
	for _, x := range s {
		t += x
	}
	return t
}

// claim is a line as it was read.
type claim struct {
	bill.Line
	bad    bill.Reason // "" = a good line
	detail string      // of a bad one
}

// net is what the line says that the carrier took; a bad line says nothing that counts.
func (c claim) net() money.Fen {
	if c.bad != "" {
		return 0
	}
	return c.Kind.Net(c.Amount)
}

// compare orders claims by what they say, and equals by where they stand: no verdict depends on
// the order of the file but the one which of two equals is the second.
func (c claim) compare(o claim) int {
	return cmp.Or(c.At.Compare(o.At), cmp.Compare(c.Kind, o.Kind), cmp.Compare(c.Amount, o.Amount), cmp.Compare(c.bad, o.bad), cmp.Compare(c.Raw, o.Raw), cmp.Compare(c.No, o.No))
}

// waybill is everything that a bill and our books have of one attempt.
type waybill struct {
	ref       Ref
	carrierNo string
	claims    []claim
	booked    sums
	at        time.Time // of the last booking
}

func (w *waybill) billed() sums {
	var s sums
	for _, c := range w.claims {
		if c.bad == "" {
			s[indexOf(c.Kind)] += c.net()
		}
	}
	return s
}

// verdict is what became of one claim.
type verdict struct {
	outcome Outcome
	why     Why
}

// judge decides about one waybill. Its claims end with a verdict each, in their order.
type judge struct {
	w        *waybill
	past     Past
	o        Options
	dayEnd   time.Time
	billed   sums
	left     sums // billed, less what lines were blamed for
	verdicts []verdict
	findings []Finding
	rest     money.Fen // what the bill has more than we know of; negative = less
	early    money.Fen // of what we booked, what an earlier bill has had already
	ends     []int64   // items of other bills that are answered
}

// agree tells whether a waybill needs no judge: nothing is bad, and the totals are the same.
func (w *waybill) agree() bool {
	if slices.ContainsFunc(w.claims, func(c claim) bool { return c.bad != "" }) {
		return false
	}
	return w.billed().total() == w.booked.total()
}

// decide is the whole trial: first what time explains, then what the carrier has to answer for.
func (j *judge) decide() {
	w := j.w
	slices.SortFunc(w.claims, claim.compare)
	j.billed = w.billed()
	j.rest = j.billed.total() - w.booked.total()
	j.verdicts = make([]verdict, len(w.claims))
	j.left = j.billed
	j.byTime()
	switch {
	case j.rest > 0:
		j.over()
	case j.rest < 0:
		j.under()
	}
	j.badLines()
	j.others()
}

// others are the lines that nobody has to answer for.
func (j *judge) others() {
	for i, c := range j.w.claims {
		if k := indexOf(c.Kind); j.verdicts[i].outcome == "" {
			j.verdicts[i] = evenness(j.left[k] == j.w.booked[k])
		}
	}
}

// evenness is the verdict of a line whose waybill adds up, by whether its own kind does.
func evenness(even bool) verdict {
	if even {
		return verdict{Matched, ""}
	}
	return verdict{Explained, Split}
}

// byTime takes off what other days' bills lacked or took, and what we booked on days whose
// bill is still to come.
func (j *judge) byTime() {
	unbilled := j.w.booked.total() // what lines of earlier bills may be for
	for _, item := range j.past.Items {
		answered := (j.rest > 0) != (item.Diff > 0) && abs(item.Diff) <= abs(j.rest)
		if item.CutOff { // whatever else this bill has for the waybill
			answered = (unbilled > 0) == (item.Diff > 0) && abs(item.Diff) <= abs(unbilled)
		}
		if item.Diff == 0 || !answered {
			continue
		}
		if item.CutOff {
			unbilled -= item.Diff
			j.early += item.Diff
		}
		j.rest += item.Diff
		j.ends = append(j.ends, item.ID)
	}
	if len(j.ends) > 0 {
		j.allUneven(BilledLater)
		j.find(BilledLater, j.firstUneven(), 0).Ends = j.ends
	}
	if other := j.past.Other; other != 0 && (other > 0) == (j.rest > 0) && abs(other) <= abs(j.rest) {
		j.rest -= other
		j.allUneven(CutOff)
		f := j.find(CutOff, j.firstUneven(), other)
		f.Ours, f.Theirs = 0, other
	}
}

// allUneven gives every line whose kind does not add up this reason.
func (j *judge) allUneven(why Why) {
	for i, c := range j.w.claims {
		if j.uneven(c) {
			j.verdicts[i] = verdict{Meanings[why].Outcome, why}
		}
	}
}

// firstUneven is the first line whose kind does not add up; -1 = none.
func (j *judge) firstUneven() int {
	return slices.IndexFunc(j.w.claims, j.uneven)
}

func (j *judge) uneven(c claim) bool {
	return c.bad == "" && j.billed[indexOf(c.Kind)] != j.w.booked[indexOf(c.Kind)]
}

// find adds a finding about a line (-1 = none): diff is what the bill has more than we booked.
func (j *judge) find(why Why, line int, diff money.Fen) *Finding {
	f := Finding{Outcome: Meanings[why].Outcome, Why: why, Ref: j.w.ref, Diff: diff, At: j.w.at}
	f.Line.CarrierNo = j.w.carrierNo
	if line >= 0 {
		c := j.w.claims[line]
		f.Line, f.At, f.Kind = c.Line, c.At, c.Kind
		f.Theirs = c.net()
		f.Ours = f.Theirs - diff
	}
	j.findings = append(j.findings, f)
	return &j.findings[len(j.findings)-1]
}

// blame lays part of the difference at a line's door.
func (j *judge) blame(why Why, line int, diff money.Fen) {
	j.verdicts[line] = verdict{Meanings[why].Outcome, why}
	j.find(why, line, diff)
	j.left[indexOf(j.w.claims[line].Kind)] -= diff
	j.rest -= diff
}
