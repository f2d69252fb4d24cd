package statement

import (
	"slices"
	"strings"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
)

// Kind is what a line is for. Each kind has one account of the platform.
type Kind string

// Kinds, in the order of a statement.
const (
	Delivery     Kind = "delivery"
	Penalty      Kind = "penalty"
	Compensation Kind = "compensation"
)

// Kinds lists them.
var Kinds = []Kind{Delivery, Penalty, Compensation}

// facets is what is to be known of each kind.
var facets = map[Kind]struct {
	chinese, english string
	account          func(platform string) string
	income           func(platform string) string // whose other side it is; nil = what a platform rejects is not this
	of               func(*Amounts) *money.Fen
}{
	Delivery:     {"配送费", "deliveries", ledger.Receivable, ledger.DeliveryIncome, func(a *Amounts) *money.Fen { return &a.Delivery }},
	Penalty:      {"违约金", "cancellation fees", ledger.PenaltyReceivable, ledger.PenaltyIncome, func(a *Amounts) *money.Fen { return &a.Penalty }},
	Compensation: {"赔付（抵扣）", "compensation, deducted", ledger.PlatformPayable, nil, func(a *Amounts) *money.Fen { return &a.Compensation }},
}

// Known reports whether there is such a kind.
func (k Kind) Known() bool { return slices.Contains(Kinds, k) }

// Title is the kind's name in Chinese and in English.
func (k Kind) Title() (chinese, english string) { return facets[k].chinese, facets[k].english }

// Account is the ledger account of a platform on which lines of this kind stand.
func (k Kind) Account(platform string) string { return facets[k].account(platform) }

// Income is the income account that earned them; empty = it is no income.
func (k Kind) Income(platform string) string {
	if facets[k].income == nil {
		return ""
	}
	return facets[k].income(platform)
}

// Amounts is money by kind: what the platform owes above zero, what we owe it below.
type Amounts struct {
	Delivery     money.Fen `json:"delivery_fen"`
	Penalty      money.Fen `json:"penalty_fen"`
	Compensation money.Fen `json:"compensation_fen"`
}

// Of is the amount of one kind.
func (a Amounts) Of(k Kind) money.Fen { return *facets[k].of(&a) }

// With is a with more of one kind.
func (a Amounts) With(k Kind, more money.Fen) Amounts {
	*facets[k].of(&a) += more
	return a
}

// Plus is the sum, kind by kind.
func (a Amounts) Plus(b Amounts) Amounts {
	return Amounts{a.Delivery + b.Delivery, a.Penalty + b.Penalty, a.Compensation + b.Compensation}
}

// Negated exchanges who owes whom.
func (a Amounts) Negated() Amounts { return Amounts{-a.Delivery, -a.Penalty, -a.Compensation} }

// Net is all kinds together.
func (a Amounts) Net() money.Fen { return a.Delivery + a.Penalty + a.Compensation }

// ReasonSetOff is the code of the entries that deduct compensation from what a platform owes.
const ReasonSetOff = "set_off"

// Codes of ledger.Reasons as they stand on a platform's accounts. Earned ones become lines;
// settled ones are what statements book themselves. A code that is in neither list is a gap
// that the check of the statements names.
var (
	earned  = []string{"income", "penalty_in", "compensation", "resync"}
	settled = []string{"payment", "rejected", "rejection_lifted", ReasonSetOff}
)

// EarnedReasons and SettledReasons are those lists. What reverses an entry counts as it does.
func EarnedReasons() []string { return slices.Clone(earned) }

// SettledReasons are what statements book themselves.
func SettledReasons() []string { return slices.Clone(settled) }

// IsEarned reports whether an entry of this reason on one of the accounts is a line. A bare
// "reversal" undoes a reason that was too long to be kept; only earned ones are.
func IsEarned(reason string) bool {
	code := Code(reason)
	return code == "reversal" || slices.Contains(earned, code)
}

// Code is what a reason comes down to: the code of what it reverses, if it does.
func Code(reason string) string {
	code, _, _ := strings.Cut(strings.ReplaceAll(reason, "reversal:", ""), ":")
	return code
}
