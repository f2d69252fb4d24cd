package reconcile

import (
	"cmp"
	"strings"

	"github.com/chuandao/qianfan/shared/bill"
)

// maxClaims of one waybill: a part has to fit into memory, whatever a file repeats.
const maxClaims = 10_000

// cell is one waybill of a part.
type cell struct {
	w      waybill
	lines  int
	first  int32 // of its claims, by link; -1 = none
	billed sums
	bad    bool
	booked bool // our books know it on this day
}

// shelf is one part in memory.
type shelf struct {
	cells  []cell
	byNo   map[string]int32
	claims []claim
	next   []int32 // the claim before it of the same waybill; -1 = none
}

func (s *shelf) cell(no string) *cell {
	i, ok := s.byNo[no]
	if !ok {
		i = int32(len(s.cells))
		s.byNo[no] = i
		s.cells = append(s.cells, cell{w: waybill{carrierNo: no}, first: -1})
	}
	return &s.cells[i]
}

func (s *shelf) book(b Booking) {
	c := s.cell(b.CarrierNo)
	c.w.book(b)
	c.booked = true
}

// book adds a booking. Two attempts with one carrier number are one waybill, under the first's name.
func (w *waybill) book(b Booking) {
	if w.ref.Order == 0 || b.Ref.less(w.ref) {
		w.ref = b.Ref
	}
	w.booked[indexOf(b.Kind)] += b.Amount
	if b.At.After(w.at) {
		w.at = b.At
	}
}

func (r Ref) less(o Ref) bool { return r.compare(o) < 0 }

func (r Ref) compare(o Ref) int {
	return cmp.Or(cmp.Compare(r.Order, o.Order), cmp.Compare(r.N, o.N))
}

func (s *shelf) claim(x claim) *cell {
	c := s.cell(x.CarrierNo)
	s.next = append(s.next, c.first)
	c.first = int32(len(s.claims))
	s.claims = append(s.claims, x)
	c.lines++
	if x.bad != "" {
		c.bad = true
	} else {
		c.billed[indexOf(x.Kind)] += x.net()
	}
	return c
}

// compare joins one part: waybills that agree are counted, the others are kept for the next pass.
func (r *run) compare(part int, claims, booked *spill) error {
	s := shelf{byNo: map[string]int32{}}
	err := booked.read(part, func(rec *record) {
		b := rec.booking()
		if b.CarrierNo == "" { // never told a number: the next pass knows it by ours
			r.rest.orphan(b)
			return
		}
		s.book(b)
	})
	if err != nil {
		return err
	}
	var full string
	err = claims.read(part, func(rec *record) {
		if c := s.claim(rec.claim()); c.lines > maxClaims {
			full = c.w.carrierNo
			rec.at = len(rec.raw)
		}
	})
	if err != nil {
		return err
	}
	if full != "" {
		return tooMany("waybill %s alone has more than %d lines", full, maxClaims)
	}
	for i := range s.cells {
		r.pass(&s, &s.cells[i])
	}
	if n := r.rest.size(); n > r.o.Limit {
		return tooMany("more than %d lines and bookings have no counterpart, in %d of %d parts", r.o.Limit, part+1, r.o.Parts)
	}
	return nil
}

// pass is the first pass for one waybill, by the carrier's number.
func (r *run) pass(s *shelf, c *cell) {
	if c.booked && !c.bad && !r.early[c.w.ref] && c.billed.total() == c.w.booked.total() {
		for i := c.first; i >= 0; i = s.next[i] {
			k := indexOf(s.claims[i].Kind)
			r.count(evenness(c.billed[k] == c.w.booked[k]))
		}
		return
	}
	w := c.w
	w.carrierNo = strings.Clone(w.carrierNo)
	for i := c.first; i >= 0; i = s.next[i] {
		w.claims = append(w.claims, clone(s.claims[i]))
	}
	if c.booked {
		r.rest.add(&w)
		return
	}
	r.rest.stray(&w)
}

// clone takes a claim out of its part's memory: one text that is left in it keeps all of the part.
func clone(c claim) claim {
	c.CarrierNo, c.ClientNo, c.Raw, c.detail = strings.Clone(c.CarrierNo), strings.Clone(c.ClientNo), strings.Clone(c.Raw), strings.Clone(c.detail)
	c.bad = bill.Reason(strings.Clone(string(c.bad)))
	return c
}

func (r *run) count(v verdict) {
	r.report.Outcomes[v.outcome]++
	if v.why != "" {
		r.report.Whys[v.why]++
	}
}

func (f Finding) compare(o Finding) int {
	if (f.Line.No == 0) != (o.Line.No == 0) {
		return cmp.Compare(o.Line.No, f.Line.No) // those without a line come last
	}
	return cmp.Or(cmp.Compare(f.Line.No, o.Line.No), f.Ref.compare(o.Ref), cmp.Compare(f.Line.CarrierNo, o.Line.CarrierNo), cmp.Compare(f.Why, o.Why), cmp.Compare(f.Diff, o.Diff))
}

// leftovers is what the first pass could not bring together.
type leftovers struct {
	byRef  map[Ref]*waybill    // that we booked on the day
	strays map[string]*waybill // that we did not, by the carrier's number
	loose  []claim             // lines without the carrier's number
	claims int
}

func (l *leftovers) size() int { return len(l.byRef) + len(l.strays) + len(l.loose) + l.claims }

func (l *leftovers) add(w *waybill) {
	l.claims += len(w.claims)
	if had := l.byRef[w.ref]; had != nil { // one attempt, two numbers
		had.join(w)
		return
	}
	l.byRef[w.ref] = w
}

func (l *leftovers) stray(w *waybill) {
	l.claims += len(w.claims)
	l.strays[w.carrierNo] = w
}

func (l *leftovers) orphan(b Booking) {
	w := l.byRef[b.Ref]
	if w == nil {
		w = &waybill{}
		l.byRef[b.Ref] = w
	}
	w.book(b)
}

// join takes over what another waybill has.
func (w *waybill) join(o *waybill) {
	w.claims = append(w.claims, o.claims...)
	for k := range w.booked {
		w.booked[k] += o.booked[k]
	}
	if o.at.After(w.at) {
		w.at = o.at
	}
	w.carrierNo = cmp.Or(w.carrierNo, o.carrierNo)
}
