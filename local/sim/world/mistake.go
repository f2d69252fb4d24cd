package world

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// MistakeKind is one way in which a bill is wrong.
type MistakeKind string

// The mistakes. They are in the exported file only: what the carrier took stays right.
const (
	MistakeAmount    MistakeKind = "amount"    // a charge billed higher than it was
	MistakeUnder     MistakeKind = "under"     // … lower
	MistakeDuplicate MistakeKind = "duplicate" // a line twice
	MistakeMissing   MistakeKind = "missing"   // a line left out
	MistakeUnknown   MistakeKind = "unknown"   // a line for a waybill that never was
	MistakePenalty   MistakeKind = "penalty"   // 违约金 for a waybill that had none
	MistakeTip       MistakeKind = "tip"       // a tip that was never promised
	MistakeFraction  MistakeKind = "fraction"  // three decimals, or not a whole number of 分
	MistakeKindName  MistakeKind = "kind"      // a fee type that nobody knows
	MistakeDate      MistakeKind = "date"      // a line dated to an earlier day
)

// Mistakes say what goes wrong in a bill: the same seed over the same books makes the same
// mistakes.
type Mistakes struct {
	Seed  int64
	Share map[MistakeKind]float64 // (0, 1] of the day's charges; at least one line, but on small bills
}

// Mistake is one mistake that was made. At most one hits a waybill.
type Mistake struct {
	Kind      MistakeKind `json:"kind"`
	Line      int         `json:"line"`       // of the file, the header being line 1; 0 = the line is missing
	CarrierNo string      `json:"carrier_no"` //
	ClientNo  string      `json:"client_no"`  //
	Fee       BillKind    `json:"fee"`        // what the line is, or was, for
	Before    money.Fen   `json:"before_fen"` // what the carrier charged; 0 = the line has no charge behind it
	After     money.Fen   `json:"after_fen"`  // what the bill says; 0 = it is missing or unreadable
	At        time.Time   `json:"at"`         // of the charge, or of what was invented
}

// ParseMistakes reads "amount:0.01,duplicate:0.02", or "all:0.01" for every kind that a form
// has room for. Empty is no mistakes. Error: ErrMistakes.
func ParseMistakes(text string, seed int64) (Mistakes, error) {
	m := Mistakes{Seed: seed, Share: map[MistakeKind]float64{}}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		name, number, _ := strings.Cut(part, ":")
		share, err := strconv.ParseFloat(number, 64)
		if err != nil || !(share > 0 && share <= 1) {
			return Mistakes{}, fmt.Errorf("%w: %q wants a share between 0 and 1, as in %s:0.01", ErrMistakes, part, name)
		}
		m.Share[MistakeKind(name)] = share
	}
	return m, nil
}

// allMistakes stands for every kind that a form has room for.
const allMistakes MistakeKind = "all"

// shares are what is wanted of each kind.
func (m Mistakes) shares(form BillForm) (map[MistakeKind]float64, error) {
	wanted := map[MistakeKind]float64{}
	for kind := range blunders {
		if _, cannot := form.Cannot[kind]; !cannot && m.Share[allMistakes] > 0 {
			wanted[kind] = m.Share[allMistakes]
		}
	}
	for kind, share := range m.Share {
		_, known := blunders[kind]
		why, cannot := form.Cannot[kind]
		switch {
		case kind == allMistakes:
		case cannot:
			return nil, fmt.Errorf("%w: %s: %s", ErrMistakes, kind, why)
		case !known:
			return nil, fmt.Errorf("%w: %q, there are %s and %v", ErrMistakes, kind, allMistakes, MistakeKinds())
		default:
			wanted[kind] = share
		}
	}
	return wanted, nil
}

// MistakeKinds lists every kind, sorted.
func MistakeKinds() []MistakeKind {
	var kinds []MistakeKind
	for k := range blunders {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// draft is a bill before it is written.
type draft struct {
	day      string
	lines    []*drafted      // by time, then waybill
	waybills []waybill       // that ended on the day, those that cost nothing included
	known    map[string]bool // every number of the carrier's and the client's
	hit      map[string]bool // waybills with a mistake
	missing  []Mistake
}

// drafted is a line of a draft, with what is wrong in it.
type drafted struct {
	BillLine
	place time.Time // that the line is sorted by
	wrong *Mistake
}

// waybill is an order that ended on the day of a draft.
type waybill struct {
	carrierNo, clientNo string
	at                  time.Time
	delivered           bool
	kinds               map[BillKind]bool // of its lines on any day
}

func (d *draft) sort() {
	slices.SortStableFunc(d.lines, func(a, b *drafted) int {
		return cmp.Or(a.place.Compare(b.place), cmp.Compare(a.CarrierNo, b.CarrierNo), cmp.Compare(billOrder[a.Kind], billOrder[b.Kind]))
	})
}

var billOrder = map[BillKind]int{BillFee: 0, BillTip: 1, BillPenalty: 2, BillRefund: 3, BillCompensation: 4, BillOther: 5}

// spoil makes the mistakes, kind by kind: by their shares, and at least one of each as long as
// that does not spoil most of a small bill. The seed says with which kind it begins.
func (d *draft) spoil(c Chance, shares map[MistakeKind]float64) {
	charges, kinds := len(d.lines), MistakeKinds()
	spare, first := charges/3, c.seed%uint64(len(kinds))
	for _, kind := range slices.Concat(kinds[first:], kinds[:first]) {
		wanted := int(math.Round(shares[kind] * float64(charges)))
		if wanted == 0 && shares[kind] > 0 && spare > 0 {
			wanted = 1
		}
		spare -= wanted
		blunders[kind](d, luck{c, kind}, wanted)
	}
	d.sort()
}

func (d *draft) write(party string, form BillForm) (Bill, error) {
	lines := make([]BillLine, len(d.lines))
	for i, l := range d.lines {
		lines[i] = l.BillLine
	}
	body, at, t, err := form.write(lines)
	if err != nil {
		return Bill{}, err
	}
	b := Bill{Name: fmt.Sprintf("%s-%s.csv", party, d.day), ContentType: form.ContentType, Body: body, Lines: len(lines), Totals: t, Mistakes: d.missing}
	for i, l := range d.lines {
		if l.wrong != nil {
			l.wrong.Line = at[i]
			b.Mistakes = append(b.Mistakes, *l.wrong)
		}
	}
	return b, nil
}
