package reconcile

import (
	"cmp"
	"slices"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
)

// over: the bill wants more than we know of.
func (j *judge) over() {
	j.again()
	j.duplicates()
	j.ownFigure()
	j.twice()
	for _, k := range []int{penalty, tip, fee} {
		excess := j.billed[k] - j.w.booked[k]
		for _, i := range j.worst(func(c claim) bool { return indexOf(c.Kind) == k }, min(excess, j.rest)) {
			if excess > 0 && !j.blamed(i) {
				share := min(excess, j.w.claims[i].Amount)
				excess -= share
				j.take(j.overWhy(k), i, share)
			}
		}
	}
	if j.rest > 0 { // what they owe us is not on the bill
		f := j.find(NotGiven, -1, j.rest)
		f.Kind, f.Ours = bill.Compensation, -j.rest
		j.rest = 0
	}
}

// again finds what was paid for already: nothing is open about the waybill, here or on the day's
// bill, and as much of the kind, or in all, was billed before.
func (j *judge) again() {
	if (j.w.booked != sums{}) || len(j.findings) > 0 {
		return
	}
	all := j.past.Paid.total() == j.rest
	for _, i := range j.worst(func(c claim) bool { return c.Kind.Taken() }, 0) {
		if c := j.w.claims[i]; all || j.past.Paid[c.Kind] >= c.Amount {
			j.take(AlreadyBilled, i, c.Amount)
		}
	}
}

// twice finds lines for what an earlier bill has had: our booking has paid for those already.
func (j *judge) twice() {
	for _, k := range []int{fee, tip, penalty} {
		for _, i := range j.worst(func(c claim) bool { return indexOf(c.Kind) == k }, j.early) {
			share := min(j.early, j.w.claims[i].Amount, j.w.booked[k], j.left[k], j.rest)
			if share > 0 && !j.blamed(i) {
				j.early -= share
				j.take(AlreadyBilled, i, share)
			}
		}
	}
}

func (j *judge) overWhy(k int) Why {
	switch {
	case k == tip:
		return TipNotPromised
	case k == penalty && j.w.booked[penalty] == 0:
		return PenaltyNone
	}
	return Overbilled
}

// take blames a line for as much of the rest as it can be.
func (j *judge) take(why Why, line int, share money.Fen) {
	if share = min(share, j.rest); share > 0 {
		j.blame(why, line, share)
	}
}

// blamed tells whether a line is in dispute already.
func (j *judge) blamed(line int) bool { return j.verdicts[line].outcome == Disputed }

// worst are the good lines of a sort, the likeliest culprits first: one of exactly the
// difference, then the latest. The order does not depend on that of the file, but between equals.
func (j *judge) worst(of func(claim) bool, diff money.Fen) []int {
	var out []int
	for i, c := range j.w.claims {
		if c.bad == "" && of(c) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b int) int {
		x, y := j.w.claims[a], j.w.claims[b]
		if exact := x.Amount == diff; exact != (y.Amount == diff) {
			if exact {
				return -1
			}
			return 1
		}
		return cmp.Or(y.At.Compare(x.At), cmp.Compare(y.Amount, x.Amount), cmp.Compare(y.No, x.No))
	})
	return out
}

// duplicates are lines that say word for word what a line before them says.
func (j *judge) duplicates() {
	type same struct {
		kind   bill.Kind
		amount money.Fen
		at     int64
	}
	seen := map[same]bool{}
	for i, c := range j.w.claims {
		if c.bad != "" || !c.Kind.Taken() || j.blamed(i) {
			continue
		}
		key := same{c.Kind, c.Amount, c.At.UnixMilli()}
		if seen[key] && c.Amount <= j.rest {
			j.take(Duplicate, i, c.Amount)
		}
		seen[key] = true
	}
}

// ownFigure lets the carrier's 违约金 replace an estimate of ours, if that is the whole difference
// and one line says it: an estimate that was billed on another day is replaced already, and two
// lines are one too many.
func (j *judge) ownFigure() {
	if !j.past.Estimated || j.rest == 0 || j.rest > j.o.Figure || j.billed[penalty] == 0 {
		return // more than that is nothing to be believed without a person
	}
	for k := range j.billed {
		if k != penalty && j.billed[k] != j.w.booked[k] {
			return
		}
	}
	if j.w.booked[penalty] == 0 && len(j.findings) == 0 && j.past.Paid[bill.Penalty] != 0 {
		return
	}
	lines := slices.DeleteFunc(j.worst(func(c claim) bool { return c.Kind == bill.Penalty }, 0), j.blamed)
	if len(lines) == 1 {
		j.blame(OwnFigure, lines[0], j.rest)
	}
}

// under: the bill has less than we booked.
func (j *judge) under() {
	j.ownFigure()
	if j.rest < 0 && slices.ContainsFunc(j.w.claims, func(c claim) bool { return c.bad != "" }) {
		return // what is missing may be on the line that cannot be read: badLines asks about both
	}
	if j.rest < 0 && -j.rest <= j.o.Favour {
		j.little()
	}
	j.given()
	for _, k := range []int{fee, tip, penalty} {
		short := min(j.w.booked[k]-j.billed[k], -j.rest)
		lines := j.worst(func(c claim) bool { return indexOf(c.Kind) == k }, 0)
		if short > 0 && len(lines) > 0 {
			j.blame(Underbilled, lines[0], -short)
		}
	}
	if j.rest < 0 {
		j.notBilled()
	}
}

// little is a difference that is not worth a question.
func (j *judge) little() {
	if i := j.firstUneven(); i >= 0 {
		j.blame(Favour, i, j.rest)
		return
	}
	f := j.find(Favour, -1, j.rest)
	f.Kind, f.Ours = j.mainKind(), -j.rest
	j.rest = 0
}

// given are refunds and compensation that we did not book.
func (j *judge) given() {
	for _, k := range []int{refund, compensation} {
		excess := j.w.booked[k] - j.billed[k]
		for _, i := range j.worst(func(c claim) bool { return indexOf(c.Kind) == k }, 0) {
			if share := min(excess, j.w.claims[i].Amount, -j.rest); share > 0 {
				excess -= share
				j.blame(GivenMore, i, -share)
			}
		}
	}
}

// notBilled is what we booked and no line is for.
func (j *judge) notBilled() {
	why := NotBilled
	switch {
	case j.unread():
		why = Unread
	case !j.w.at.Before(j.dayEnd.Add(-j.o.Late)):
		why = NotYetBilled
	}
	f := j.find(why, -1, j.rest)
	f.Kind, f.Ours = j.mainKind(), -j.rest
	if why == NotYetBilled {
		f.Until = j.dayEnd.AddDate(0, 0, 1)
	}
	j.rest = 0
}

// unread reports whether what we booked soon after midnight was on the bill before, by a line that could
// not be read and stands for nothing else: one mistake is one question.
func (j *judge) unread() bool {
	lines := 0
	for _, item := range j.past.Items {
		if item.Unread {
			lines++
		}
		if item.Covered {
			lines--
		}
	}
	return lines > 0 && j.w.at.Before(j.dayEnd.AddDate(0, 0, -1).Add(j.o.Late))
}

// late is what we booked shortly before midnight and the bill before lacked: a line of this one may be
// for it that cannot be read.
func (j *judge) late() (Open, bool) {
	i := slices.IndexFunc(j.past.Items, func(o Open) bool { return o.Late && o.Diff < 0 && !slices.Contains(j.ends, o.ID) })
	if i < 0 {
		return Open{}, false
	}
	return j.past.Items[i], true
}

// mainKind is what most of the shortage is about.
func (j *judge) mainKind() bill.Kind {
	best := fee
	for k := tip; k <= penalty; k++ {
		if j.w.booked[k]-j.billed[k] > j.w.booked[best]-j.billed[best] {
			best = k
		}
	}
	return bill.Kinds[best]
}

// bearer is the bad line that stands for what we booked and found no line for: the first, or one
// of exactly that amount.
func (j *judge) bearer() int {
	best := -1
	for i, c := range j.w.claims {
		if c.bad != "" && (best < 0 || (c.Amount == -j.rest && j.w.claims[best].Amount != -j.rest)) {
			best = i
		}
	}
	return best
}

// badLines are disputed for what they are; one of them stands for what we booked and found no line for.
func (j *judge) badLines() {
	bearer := j.bearer()
	for i, c := range j.w.claims {
		if c.bad == "" {
			continue
		}
		why := Unreadable
		if c.bad == bill.ReasonDate {
			why = OtherDay
		}
		j.verdicts[i] = verdict{Disputed, why}
		f := j.find(why, i, 0)
		f.Theirs, f.Ours, f.Note = 0, 0, string(c.bad)+": "+c.detail
		if c.bad == bill.ReasonDate && c.Kind.Known() {
			f.Theirs = c.Kind.Net(c.Amount)
		}
		if i == bearer && j.rest < 0 {
			f.Ours = -j.rest
		} else if open, ok := j.late(); i == bearer && ok {
			f.Ours, f.Ends = -open.Diff, []int64{open.ID}
		}
		if f.At.IsZero() || c.bad == bill.ReasonDate {
			f.At = j.w.at
		}
	}
}

func abs(f money.Fen) money.Fen { return max(f, -f) }
