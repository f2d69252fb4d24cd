package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// settleRest brings together what the first pass could not: by our number, by amount and time,
// and by what the store knows of other days; then it judges what differs.
func (r *run) settleRest(ctx context.Context, books Books) error {
	r.byOurNumber()
	r.byAmount()
	past, err := r.lookUp(ctx, books)
	if err != nil {
		return err
	}
	end := r.day.AddDate(0, 0, 1)
	for _, ref := range slices.SortedFunc(maps.Keys(r.rest.byRef), Ref.compare) {
		j := judge{w: r.rest.byRef[ref], past: past[ref], o: r.o, dayEnd: end}
		if j.w.agree() && len(j.w.claims) == 0 {
			continue // nothing booked in the end, and nothing billed
		}
		j.decide()
		r.take(j.verdicts, j.findings)
	}
	return nil
}

func (r *run) take(verdicts []verdict, findings []Finding) {
	for _, v := range verdicts {
		r.count(v)
	}
	for _, f := range findings {
		if f.Line.No == 0 {
			r.report.Missing[f.Outcome]++
			r.report.Whys[f.Why]++
		}
	}
	r.report.Findings = append(r.report.Findings, findings...)
}

// ourRef is the attempt that a line names by our number; false = none.
func ourRef(c claim) (Ref, bool) {
	id, n, err := order.ParseOurNo(c.ClientNo)
	return Ref{id, n}, err == nil
}

// numbered makes a line whose only fault is that the carrier's number is missing a good one.
func numbered(c claim) claim {
	if c.bad == bill.ReasonNumber && c.Kind.Known() && c.Amount > 0 && !c.At.IsZero() {
		c.bad, c.detail = "", ""
	}
	return c
}

// byOurNumber is the second pass.
func (r *run) byOurNumber() {
	for _, no := range slices.Sorted(maps.Keys(r.rest.strays)) {
		w := r.rest.strays[no]
		for _, c := range w.claims {
			if ref, ok := ourRef(c); ok && (w.ref.Order == 0 || ref.less(w.ref)) {
				w.ref = ref
			}
		}
		if mine := r.rest.byRef[w.ref]; mine != nil {
			mine.join(w)
			delete(r.rest.strays, no)
		}
	}
	r.rest.loose = slices.DeleteFunc(r.rest.loose, func(c claim) bool {
		ref, ok := ourRef(c)
		if !ok {
			return false
		}
		w := r.rest.byRef[ref]
		if w == nil {
			// Under a name that no carrier's number can have.
			key := "\x00" + c.ClientNo
			if w = r.rest.strays[key]; w == nil {
				w = &waybill{ref: ref}
				r.rest.strays[key] = w
			}
		}
		w.claims = append(w.claims, numbered(c))
		return true
	})
}

// price is what the third pass compares.
type price struct {
	kind   int
	amount money.Fen
}

// byAmount is the third pass: a line without any number goes to the one booking that nobody has
// billed, of its kind, amount and time. Where two could be meant, a person decides.
func (r *run) byAmount() {
	lines := map[price][]int{} // of loose, by time
	for i, c := range r.rest.loose {
		if c = numbered(c); c.bad == "" {
			p := price{indexOf(c.Kind), c.net()}
			lines[p] = append(lines[p], i)
		}
	}
	for _, list := range lines {
		slices.SortStableFunc(list, func(a, b int) int { return r.rest.loose[a].At.Compare(r.rest.loose[b].At) })
	}
	bookings := map[price][]*waybill{}
	for _, ref := range slices.SortedFunc(maps.Keys(r.rest.byRef), Ref.compare) {
		w := r.rest.byRef[ref]
		for k, amount := range w.booked {
			p := price{k, amount}
			if len(w.claims) == 0 && !r.early[ref] && amount != 0 && amount == w.booked.total() && len(lines[p]) > 0 {
				bookings[p] = append(bookings[p], w)
			}
		}
	}
	found := map[int]*waybill{}
	for p, list := range bookings {
		slices.SortStableFunc(list, func(a, b *waybill) int { return a.at.Compare(b.at) })
		for _, i := range lines[p] {
			w, alone := r.only(list, r.rest.loose[i].At)
			if alone && r.onlyLine(lines[p], w.at) {
				found[i] = w
			}
		}
	}
	for i, c := range r.rest.loose {
		if w := found[i]; w != nil {
			delete(r.rest.byRef, w.ref)
			c = numbered(c)
			f := Finding{Outcome: Explained, Why: ByAmount, Ref: w.ref, Line: c.Line, Theirs: c.net(), Ours: c.net(), Kind: c.Kind, At: c.At}
			r.take([]verdict{{Explained, ByAmount}}, []Finding{f})
			continue
		}
		r.unnamed(c)
	}
}

// only is the booking within the window of an instant, if there is exactly one.
func (r *run) only(list []*waybill, at time.Time) (*waybill, bool) {
	from, _ := slices.BinarySearchFunc(list, at.Add(-r.o.Window), func(w *waybill, t time.Time) int { return w.at.Compare(t) })
	in := func(i int) bool { return i < len(list) && !list[i].at.After(at.Add(r.o.Window)) }
	if !in(from) || in(from+1) {
		return nil, false
	}
	return list[from], true
}

// onlyLine reports whether exactly one line is within the window of an instant.
func (r *run) onlyLine(list []int, at time.Time) bool {
	from, _ := slices.BinarySearchFunc(list, at.Add(-r.o.Window), func(i int, t time.Time) int { return r.rest.loose[i].At.Compare(t) })
	in := func(i int) bool { return i < len(list) && !r.rest.loose[list[i]].At.After(at.Add(r.o.Window)) }
	return in(from) && !in(from+1)
}

// unnamed is a line that nothing brings to an attempt.
func (r *run) unnamed(c claim) {
	why, good := Unnamed, numbered(c)
	f := Finding{Line: c.Line, Kind: c.Kind, At: c.At, Note: strings.TrimSuffix(string(c.bad)+": "+c.detail, ": ")}
	switch {
	case good.bad == "":
		f.Theirs, f.Diff = good.net(), good.net()
	case c.bad == bill.ReasonDate:
		why = OtherDay
	default:
		why = Unreadable
	}
	f.Why, f.Outcome = why, Meanings[why].Outcome
	if f.At.IsZero() || why == OtherDay {
		f.At = r.day
	}
	r.take([]verdict{{f.Outcome, why}}, []Finding{f})
}

// asksAtOnce bounds one question to the store.
const asksAtOnce = 500

// lookUp asks the store about everything that is left: what it knows of the attempts that differ,
// and whose the lines are that no booking of the day is for. Lines of nobody are judged here.
func (r *run) lookUp(ctx context.Context, books Books) (map[Ref]Past, error) {
	past := map[Ref]Past{}
	var asks []Ask
	var strays []string // the key of asks[i], for those of strays
	for _, no := range slices.Sorted(maps.Keys(r.rest.strays)) {
		w := r.rest.strays[no]
		asks, strays = append(asks, Ask{CarrierNo: w.carrierNo, Ref: w.ref}), append(strays, no)
	}
	for _, ref := range slices.SortedFunc(maps.Keys(r.rest.byRef), Ref.compare) {
		asks = append(asks, Ask{CarrierNo: r.rest.byRef[ref].carrierNo, Ref: ref})
	}
	for from := 0; from < len(asks); from += asksAtOnce {
		some := asks[from:min(from+asksAtOnce, len(asks))]
		answers, err := books.Past(ctx, some)
		if err != nil {
			return nil, err
		}
		if len(answers) != len(some) {
			return nil, fmt.Errorf("reconcile: %d answers to %d questions", len(answers), len(some))
		}
		for i, p := range answers {
			at := from + i
			if at < len(strays) {
				r.adopt(r.rest.strays[strays[at]], p, past)
				continue
			}
			past[some[i].Ref] = p
		}
		r.progress("comparing", r.o.Parts)
	}
	return past, nil
}

// adopt gives lines without a booking to the attempt that the store found for them.
func (r *run) adopt(w *waybill, p Past, past map[Ref]Past) {
	if p.Order == 0 || p.Account != "" {
		r.foreign(w, p)
		return
	}
	w.ref = p.Ref
	if mine := r.rest.byRef[p.Ref]; mine != nil {
		mine.join(w)
	} else {
		r.rest.byRef[p.Ref] = w
	}
	past[p.Ref] = p // the answer to an ask for the same attempt is the same
}

// foreign are lines of a waybill that is not this account's.
func (r *run) foreign(w *waybill, p Past) {
	slices.SortFunc(w.claims, func(a, b claim) int { return cmp.Compare(a.No, b.No) })
	for _, c := range w.claims {
		if c.bad != "" {
			r.unnamed(claim{Line: c.Line, bad: c.bad, detail: c.detail})
			continue
		}
		why, note := UnknownWaybill, ""
		if p.Order != 0 {
			why, note = OtherAccount, "account "+p.Account
		}
		f := Finding{Outcome: Disputed, Why: why, Ref: p.Ref, Line: c.Line, Theirs: c.net(), Diff: c.net(), Kind: c.Kind, At: c.At, Note: note}
		r.take([]verdict{{Disputed, why}}, []Finding{f})
	}
}
