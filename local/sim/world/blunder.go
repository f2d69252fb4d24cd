package world

import (
	"cmp"
	"slices"

	"github.com/chuandao/qianfan/shared/money"
)

// blunders make so many mistakes of each kind, or as many as the draft has room for.
var blunders = map[MistakeKind]func(d *draft, l luck, wanted int){
	MistakeAmount: spoilLines(feeOnly, func(l luck, x *drafted) {
		x.Amount += l.amount(x.CarrierNo, 1, 500)
	}),
	MistakeUnder: spoilLines(lowerable, func(l luck, x *drafted) {
		x.Amount -= l.amount(x.CarrierNo, 1, min(300, x.Amount-1))
	}),
	MistakeFraction: spoilLines(anyLine, func(_ luck, x *drafted) { x.Fraction, x.apart = true, true }),
	MistakeKindName: spoilLines(anyLine, func(_ luck, x *drafted) { x.Kind = BillOther }),
	MistakeDate: spoilLines(anyLine, func(l luck, x *drafted) {
		x.At, x.apart = x.At.AddDate(0, 0, -1-int(l.amount(x.CarrierNo, 0, 2))), true
	}),
	MistakeDuplicate: duplicate,
	MistakeMissing:   leaveOut,
	MistakeUnknown:   inventWaybills,
	MistakePenalty:   inventLines(BillPenalty, func(waybill) bool { return true }, 100, 1000),
	MistakeTip:       inventLines(BillTip, func(w waybill) bool { return w.delivered }, 100, 500),
}

// luck decides about the mistakes of one kind.
type luck struct {
	c    Chance
	kind MistakeKind
}

// amount draws from low to high, both included.
func (l luck) amount(waybill string, low, high money.Fen) money.Fen {
	return low + money.Fen(l.c.Int(waybill, string(l.kind)+"/amount", 0, int(high-low)+1))
}

// first brings into a drawn order, which depends on nothing but the seed and the waybills, and
// takes the first few whose waybill has no mistake yet.
func first[T any](d *draft, l luck, wanted int, all []T, no func(T) string) []T {
	all = slices.Clone(all)
	rank := func(x T) uint64 { return l.c.hash(no(x), string(l.kind), 0) }
	slices.SortStableFunc(all, func(a, b T) int { return cmp.Compare(rank(a), rank(b)) })
	var taken []T
	for _, x := range all {
		if len(taken) == wanted {
			break
		}
		if !d.hit[no(x)] {
			d.hit[no(x)] = true
			taken = append(taken, x)
		}
	}
	return taken
}

func (d *draft) choose(l luck, wanted int, fits func(*drafted) bool) []*drafted {
	var fit []*drafted
	for _, x := range d.lines {
		if x.wrong == nil && fits(x) {
			fit = append(fit, x)
		}
	}
	return first(d, l, wanted, fit, func(x *drafted) string { return x.CarrierNo })
}

func anyLine(*drafted) bool     { return true }
func feeOnly(x *drafted) bool   { return x.Kind == BillFee }
func lowerable(x *drafted) bool { return x.Kind == BillFee && x.Amount > 1 }

// mistake describes a line as the carrier charged it.
func mistake(kind MistakeKind, x *drafted) Mistake {
	return Mistake{Kind: kind, CarrierNo: x.CarrierNo, ClientNo: x.ClientNo, Fee: x.Kind, Before: x.Amount, At: x.At}
}

// spoilLines changes lines that are there.
func spoilLines(fits func(*drafted) bool, change func(luck, *drafted)) func(*draft, luck, int) {
	return func(d *draft, l luck, wanted int) {
		for _, x := range d.choose(l, wanted, fits) {
			was := mistake(l.kind, x)
			change(l, x)
			if !x.Fraction {
				was.After = x.Amount
			}
			x.wrong = &was
		}
	}
}

// duplicate writes lines twice; the second one is the mistake.
func duplicate(d *draft, l luck, wanted int) {
	for _, x := range d.choose(l, wanted, anyLine) {
		again, was := *x, mistake(l.kind, x)
		was.Before, was.After = 0, x.Amount
		again.wrong, again.apart = &was, true
		d.lines = append(d.lines, &again)
	}
}

func leaveOut(d *draft, l luck, wanted int) {
	for _, x := range d.choose(l, wanted, anyLine) {
		d.missing = append(d.missing, mistake(l.kind, x))
		d.lines = slices.DeleteFunc(d.lines, func(y *drafted) bool { return x == y })
	}
}

// inventLines bills something that waybills of the day did not cost.
func inventLines(kind BillKind, fits func(waybill) bool, low, high money.Fen) func(*draft, luck, int) {
	return func(d *draft, l luck, wanted int) {
		all := slices.DeleteFunc(slices.Clone(d.waybills), func(w waybill) bool { return w.kinds[kind] || !fits(w) })
		for _, w := range first(d, l, wanted, all, func(w waybill) string { return w.carrierNo }) {
			d.invent(l, &drafted{
				BillLine: BillLine{CarrierNo: w.carrierNo, ClientNo: w.clientNo, Kind: kind, Amount: l.amount(w.carrierNo, low, high), At: w.at},
				place:    w.at,
			})
		}
	}
}

// inventWaybills bills orders that nobody ever placed, every second one without a number of
// the client's.
func inventWaybills(d *draft, l luck, wanted int) {
	likely := slices.DeleteFunc(slices.Clone(d.lines), func(x *drafted) bool { return x.wrong != nil })
	slices.SortStableFunc(likely, func(a, b *drafted) int {
		return cmp.Compare(l.c.hash(a.CarrierNo, string(l.kind), 0), l.c.hash(b.CarrierNo, string(l.kind), 0))
	})
	for i, x := range likely[:min(wanted, len(likely))] {
		y := *x
		y.CarrierNo, y.ClientNo = d.strange(l, x.CarrierNo), d.strange(l, x.ClientNo)
		if i%2 == 1 {
			y.ClientNo = ""
		}
		d.invent(l, &y)
	}
}

// invent adds a line that has no charge behind it.
func (d *draft) invent(l luck, x *drafted) {
	was := mistake(l.kind, x)
	was.Before, was.After = 0, x.Amount
	x.wrong = &was
	d.lines = append(d.lines, x)
}

// strange is a number that looks like another and is nobody's. Empty stays empty.
func (d *draft) strange(l luck, like string) string {
	const drawn = 6 // last digits
	if len(like) < drawn {
		return ""
	}
	for n := 0; ; n++ {
		digits := []byte(like)
		for i := len(digits) - drawn; i < len(digits); i++ {
			digits[i] = byte('0' + l.c.Int(like, string(l.kind)+"/digit", n*drawn+i, 10))
		}
		if no := string(digits); !d.known[no] {
			d.known[no] = true
			return no
		}
	}
}
