package world

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// BillKind is what one line of a carrier's bill is for. Carriers have their own words.
type BillKind string

// The kinds. Fee, tip and penalty are taken from the client, refund and compensation given.
const (
	BillFee          BillKind = "fee"          // 配送费
	BillTip          BillKind = "tip"          // 小费
	BillPenalty      BillKind = "penalty"      // 违约金
	BillRefund       BillKind = "refund"       // 退款: a charge given back after the end
	BillCompensation BillKind = "compensation" // 赔付: the carrier pays its client
	BillOther        BillKind = "other"        // nothing that was ever agreed on; only on a bill with mistakes
)

// charged tells whether carriers ever charge this.
func (k BillKind) charged() bool { _, known := billOrder[k]; return known && k != BillOther }

// Given tells whether the carrier pays and does not take.
func (k BillKind) Given() bool { return k == BillRefund || k == BillCompensation }

// signed is what an amount of this kind takes from the client.
func (k BillKind) signed(amount money.Fen) money.Fen {
	if k.Given() {
		return -amount
	}
	return amount
}

// Errors of bills.
var (
	ErrNoBill   = errors.New("nothing became final on that day")
	ErrBadDay   = errors.New("a day is written 2026-11-23")
	ErrMistakes = errors.New("no such mistakes")
)

// BillLine is one charge that is final, or what a bill with mistakes says instead.
type BillLine struct {
	CarrierNo, ClientNo string
	Kind                BillKind
	Amount              money.Fen // > 0
	At                  time.Time // the waybill's end, or when the carrier charged later
	Fraction            bool      // a mistake: half of the smallest unit more
	apart               bool      // a mistake: in a row of its own
}

// Yuan is the amount in 元 with two decimals, three where it is a fraction.
func (l BillLine) Yuan() string { return l.Amount.Yuan() + l.half("5") }

// Fen is the amount in 分, whole unless it is a fraction.
func (l BillLine) Fen() string { return fmt.Sprint(int64(l.Amount)) + l.half(".5") }

func (l BillLine) half(text string) string {
	if l.Fraction {
		return text
	}
	return ""
}

// BillTotals are the sums of a bill, as its footer states them.
type BillTotals struct {
	Rows int
	Of   map[BillKind]money.Fen
}

// Net is what was taken less what was given.
func (t BillTotals) Net() (net money.Fen) {
	for kind, amount := range t.Of {
		net += kind.signed(amount)
	}
	return net
}

func totals(lines []BillLine, rows int) BillTotals {
	t := BillTotals{Rows: rows, Of: map[BillKind]money.Fen{}}
	for _, l := range lines {
		t.Of[l.Kind] += l.Amount
	}
	return t
}

// billed are the lines of an order on bills. What was given back before the end is not on
// them, and an order that is under way is not yet.
func (j *job) billed() []BillLine {
	if !j.State.Final() {
		return nil
	}
	var lines []BillLine
	add := func(kind BillKind, amount money.Fen, at time.Time) {
		if amount > 0 {
			lines = append(lines, BillLine{CarrierNo: j.CarrierNo, ClientNo: j.ClientNo, Kind: kind, Amount: amount, At: at})
		}
	}
	if j.State == Delivered {
		add(BillFee, j.Fee, j.Changed())
		add(BillTip, j.Tips, j.Changed())
	} else {
		add(BillPenalty, j.Kept+j.Extra, j.Changed())
	}
	for _, l := range j.later {
		add(l.Kind, l.Amount, l.At)
	}
	return lines
}

// Bill is the carrier's bill of one business day (2026-11-23, Asia/Shanghai) in its own form,
// with mistakes if any are wanted. It has what is final by now: ask for a day that is over.
// Errors: ErrBadDay, ErrNoBill, ErrMistakes.
func (f *Fleet) Bill(day string, m Mistakes, form BillForm) (Bill, error) {
	if err := checkDay(day); err != nil {
		return Bill{}, err
	}
	shares, err := m.shares(form)
	if err != nil {
		return Bill{}, err
	}
	d := f.draft(day)
	if len(d.lines) == 0 {
		return Bill{}, fmt.Errorf("bill of %s %s: %w", f.party, day, ErrNoBill)
	}
	d.spoil(NewChance(m.Seed, f.party), shares)
	return d.write(f.party, form)
}

func checkDay(day string) error {
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		return fmt.Errorf("bill of %q: %w", day, ErrBadDay)
	}
	return nil
}

func dayOf(at time.Time) string { return at.In(Shanghai).Format(time.DateOnly) }

// draft is a day's bill as it should be, with the waybills that ended on that day.
func (f *Fleet) draft(day string) *draft {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := &draft{day: day, known: map[string]bool{}, hit: map[string]bool{}}
	for _, j := range f.listed {
		d.known[j.CarrierNo], d.known[j.ClientNo] = true, true
		w := waybill{carrierNo: j.CarrierNo, clientNo: j.ClientNo, at: j.Changed(), delivered: j.State == Delivered, kinds: map[BillKind]bool{}}
		for _, l := range j.billed() {
			w.kinds[l.Kind] = true
			if dayOf(l.At) == day {
				d.lines = append(d.lines, &drafted{BillLine: l, place: l.At})
			}
		}
		// What is charged after the end is news to the client by itself: a mistake beside it could not be told from it.
		d.hit[j.CarrierNo] = len(j.later) > 0
		if j.State.Final() && dayOf(w.at) == day {
			d.waybills = append(d.waybills, w)
		}
	}
	d.sort()
	slices.SortFunc(d.waybills, func(a, b waybill) int { return cmp.Compare(a.carrierNo, b.carrierNo) })
	return d
}

// BillDays are the business days on which something became final, sorted.
func (f *Fleet) BillDays() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	days := map[string]bool{}
	for _, j := range f.listed {
		for _, l := range j.billed() {
			days[dayOf(l.At)] = true
		}
	}
	sorted := []string{}
	for day := range days {
		sorted = append(sorted, day)
	}
	slices.Sort(sorted)
	return sorted
}
