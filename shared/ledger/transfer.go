package ledger

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Leg is one side of a transfer.
type Leg struct {
	Account string    `json:"account"`
	Debit   bool      `json:"debit,omitempty"` // false = credit
	Amount  money.Fen `json:"amount_fen"`      // above zero
}

// Debit and Credit are legs.
func Debit(account string, amount money.Fen) Leg { return Leg{account, true, amount} }

// Credit is the leg that takes from an account of ours or adds to income.
func Credit(account string, amount money.Fen) Leg { return Leg{account, false, amount} }

// Transfer is a posting of any source but settlement facts: two legs or more whose debits
// equal their credits. Source and Key name it for ever: posted again it changes nothing, and
// with other content it is refused.
type Transfer struct {
	Source  string    `json:"source"` // deposit, bill, statement, manual, reverse, …
	Key     string    `json:"key"`
	Reason  string    `json:"reason"`             // a code of Reasons, and after a colon its cause
	Order   int64     `json:"order_id,omitempty"` // 0 = no order
	N       int       `json:"n,omitempty"`        // attempt; 0 = the order's own
	EventAt time.Time `json:"event_at"`
	Legs    []Leg     `json:"legs"`
}

// ErrTransfer says that a transfer cannot be posted, and why.
var ErrTransfer = errors.New("ledger: bad transfer")

// Sizes of the columns.
const (
	maxSource = 32
	maxKey    = 64
	maxReason = 64
)

// Reversible are the sources whose transactions a person may reverse: the others have a state
// of their own that would not follow.
var Reversible = map[string]bool{"manual": true, "deposit": true, "topup_sent": true, "topup_seen": true}

// Tx is the transaction's name in the books.
func (t Transfer) Tx() string { return t.Source + ":" + t.Key }

// Check names the first thing that is wrong.
func (t Transfer) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w %s: %s", ErrTransfer, t.Tx(), fmt.Sprintf(format, args...))
	}
	code, _, _ := strings.Cut(t.Reason, ":")
	switch {
	case t.Source == "" || t.Source == "fact" || strings.Contains(t.Source, ":") || len(t.Source) > maxSource:
		return bad("source %q", t.Source)
	case t.Key == "" || len(t.Key) > maxKey || strings.TrimSpace(t.Key) != t.Key:
		return bad("want a key of at most %d bytes", maxKey)
	case Reversible[t.Source] && len(t.Tx()) > maxKey: // it would be the key of the reversal
		return bad("want a key of at most %d bytes", maxKey-len(t.Source)-1)
	case Reasons[code] == "" || len(t.Reason) > maxReason:
		return bad("unknown reason %q", t.Reason)
	case t.Order < 0 || t.N < 0 || (t.N > 0 && t.Order == 0):
		return bad("attempt %d of order %d", t.N, t.Order)
	case t.EventAt.UnixMilli() <= 0:
		return bad("want the instant of the event")
	case len(t.Legs) < 2:
		return bad("want two legs or more")
	}
	return t.checkLegs(bad)
}

func (t Transfer) checkLegs(bad func(format string, args ...any) error) error {
	var debits, credits money.Fen
	seen := map[string]bool{}
	for _, leg := range t.Legs {
		switch {
		case !Known(leg.Account):
			return bad("unknown account %q", leg.Account)
		case leg.Amount <= 0 || leg.Amount > maxAmount:
			return bad("%s: amount of %d分", leg.Account, int64(leg.Amount))
		case seen[leg.Account]:
			return bad("%s has two legs", leg.Account)
		}
		seen[leg.Account] = true
		if leg.Debit {
			debits += leg.Amount
		} else {
			credits += leg.Amount
		}
	}
	if debits != credits {
		return bad("debits of %s, credits of %s", debits, credits)
	}
	return nil
}

// maxAmount of one leg, a hundred billion 元: sums of many still fit.
const maxAmount money.Fen = 1e13

// Hash is of the content. The instant is not part of it: whoever repeats a posting does it later.
func (t Transfer) Hash() string {
	legs := slices.SortedFunc(slices.Values(t.Legs), func(a, b Leg) int { return strings.Compare(a.Account, b.Account) })
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%q %q %q %d %d", t.Source, t.Key, t.Reason, t.Order, t.N)
	for _, l := range legs {
		_, _ = fmt.Fprintf(sum, " %q %t %d", l.Account, l.Debit, int64(l.Amount))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Entries are the lines of the transfer as posted at a desk.
func (t Transfer) Entries(desk Desk) []Entry {
	out := make([]Entry, len(t.Legs))
	for i, leg := range t.Legs {
		out[i] = Entry{Tx: t.Tx(), Account: leg.Account, Debit: leg.Debit, Amount: leg.Amount, OrderID: t.Order, N: t.N, Reason: t.Reason,
			EventAt: t.EventAt, PostedAt: desk.Now, Period: desk.period(t.EventAt)}
	}
	return out
}

// Reversed undoes a transfer by another one with its sides exchanged. Its key is the
// transaction's name, so that nothing is reversed twice.
func (t Transfer) Reversed(at time.Time) Transfer {
	r := Transfer{Source: "reverse", Key: t.Tx(), Reason: cmp.Or(t.reversal(), "reversal"), Order: t.Order, N: t.N, EventAt: at}
	for _, leg := range t.Legs {
		r.Legs = append(r.Legs, Leg{leg.Account, !leg.Debit, leg.Amount})
	}
	return r
}

// reversal keeps the reason that is undone, where there is room.
func (t Transfer) reversal() string {
	if r := "reversal:" + t.Reason; len(r) <= maxReason {
		return r
	}
	return ""
}

// PrepaidDelta is what a transfer adds to what is free of each prepaid account it touches, by
// the account's name. Shards follow it.
func (t Transfer) PrepaidDelta() map[string]money.Fen {
	out := map[string]money.Fen{}
	for _, leg := range t.Legs {
		if _, _, kind, ok := OfCarrier(leg.Account); !ok || kind != "prepaid" {
			continue
		}
		if leg.Debit {
			out[leg.Account] += leg.Amount
		} else {
			out[leg.Account] -= leg.Amount
		}
	}
	return out
}
