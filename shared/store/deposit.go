package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
)

// Stage is how far a payment to a carrier has come.
type Stage string

// The stages. One that is booked at once has both behind it.
const (
	AtOnce Stage = ""
	Sent   Stage = "sent" // it left the bank: in transit, nothing can be spent yet
	Seen   Stage = "seen" // the carrier's balance shows it
)

// Payment is money that was transferred to a carrier.
type Payment struct {
	Key     string // of the bank transfer, never used again; the same one for Sent and Seen
	Carrier string
	Account string
	Amount  money.Fen
	Shards  int       // parts that holds are taken from side by side
	At      time.Time // virtual: when it is booked
	Stage   Stage
}

// ErrNotSent says that a payment cannot be seen that was never sent.
var ErrNotSent = errors.New("no payment with this key was sent")

// Deposit books a prepayment to a carrier and allots it evenly to shards. A repeated key
// changes nothing and reports false; with other content it is ErrConflict.
func (s *Store) Deposit(ctx context.Context, key, carrier, account string, amount money.Fen, shards int, now time.Time) (bool, error) {
	return s.deposit(ctx, Payment{Key: key, Carrier: carrier, Account: account, Amount: amount, Shards: shards, At: now}, nil)
}

// DepositBy books a payment, or one stage of it, as an operator's act, which leaves an audit
// line. ErrNotSent and ErrConflict say that the stages do not fit each other.
func (s *Store) DepositBy(ctx context.Context, who Act, p Payment) (bool, error) {
	return s.deposit(ctx, p, func(tx *sql.Tx) error {
		detail := map[string]any{"key": p.Key, "amount_fen": p.Amount, "shards": p.Shards}
		if p.Stage != AtOnce {
			detail["stage"] = p.Stage
		}
		return audit(ctx, tx, who, "account deposit", p.Carrier+"/"+p.Account, nil, detail)
	})
}

// transfer is what the books get, and the hash of its content.
func (p Payment) transfer() (t ledger.Transfer, hash string, err error) {
	switch p.Stage {
	case AtOnce:
		return ledger.Deposit(p.Key, p.Carrier, p.Account, p.Amount, p.At), contentHash(p.Carrier, p.Account, int64(p.Amount)), nil
	case Sent:
		t = ledger.TopUpSent(p.Key, p.Carrier, p.Account, p.Amount, p.At)
	case Seen:
		t = ledger.TopUpSeen(p.Key, p.Carrier, p.Account, p.Amount, p.At)
	default:
		return t, "", fmt.Errorf("deposit %q: there is no stage %q", p.Key, p.Stage)
	}
	return t, t.Hash(), nil
}

// deposit runs then, unless it is nil, in the transaction of a fresh booking.
func (s *Store) deposit(ctx context.Context, p Payment, then func(tx *sql.Tx) error) (bool, error) {
	if p.Amount <= 0 || p.Shards <= 0 {
		return false, fmt.Errorf("deposit %q: want a positive amount and number of shards, not %s over %d", p.Key, p.Amount, p.Shards)
	}
	t, hash, err := p.transfer()
	if err == nil {
		err = t.Check()
	}
	if err != nil {
		return false, err
	}
	fresh := false
	err = s.tx(ctx, "deposit", func(tx *sql.Tx) error {
		mark, err := ownMark(ctx, tx) // alone: the stages of one payment look for each other's keys
		if err != nil {
			return err
		}
		if fresh, err = claimLedgerKey(ctx, tx, t.Source, p.Key, hash); err != nil || !fresh {
			return err
		}
		if err := p.fits(ctx, tx); err != nil {
			return err
		}
		if err := insertEntries(ctx, tx, t.Entries(ledger.Desk{Now: p.At, Closed: mark.closed})); err != nil {
			return err
		}
		if then != nil {
			if err := then(tx); err != nil {
				return err
			}
		}
		return moveOne(ctx, tx, purse{p.Carrier, p.Account}, t.PrepaidDelta()[ledger.Prepaid(p.Carrier, p.Account)], p.Shards)
	})
	return fresh && err == nil, err
}

// fits refuses a payment that is booked at once and in stages, and one that is seen without
// having been sent alike, or whose sending was undone. The mark is ours alone: nobody books
// another stage, or undoes one, meanwhile.
func (p Payment) fits(ctx context.Context, tx *sql.Tx) error {
	other := ledger.TopUpSent(p.Key, p.Carrier, p.Account, p.Amount, p.At)
	if p.Stage == Sent {
		other.Source = "deposit"
	}
	hash, err := usedKey(ctx, tx, other.Source, p.Key)
	if err != nil {
		return err
	}
	undone := ""
	if p.Stage == Seen && hash != "" {
		if undone, err = usedKey(ctx, tx, reversal, other.Tx()); err != nil {
			return err
		}
	}
	switch {
	case p.Stage == Seen && (hash == "" || undone != ""):
		return fmt.Errorf("%q: %w", p.Key, ErrNotSent)
	case hash == "", p.Stage == Seen && hash == other.Hash():
		return nil
	}
	return fmt.Errorf("%s %q: %w", other.Source, p.Key, ErrConflict)
}

// reversal is the source of reversals; their keys are the names of what they undo.
const reversal = "reverse"

// arrived refuses to undo the sending of a payment that was seen: it would be money from
// nowhere. The reversal is posted by then, see fits.
func arrived(ctx context.Context, tx *sql.Tx, t ledger.Transfer) error {
	key, sent := strings.CutPrefix(t.Key, "topup_sent:")
	if t.Source != reversal || !sent {
		return nil
	}
	seen := ledger.Transfer{Source: "topup_seen", Key: key}
	hash, err := usedKey(ctx, tx, seen.Source, seen.Key)
	if err != nil || hash == "" {
		return err
	}
	undone, err := usedKey(ctx, tx, reversal, seen.Tx())
	if err != nil || undone != "" {
		return err
	}
	return fmt.Errorf("%s: %w: %s says that it arrived; reverse that first", t.Key, ErrConflict, seen.Tx())
}

// usedKey is the hash of what was posted with a key, "" = nothing. It waits for whoever is posting it.
func usedKey(ctx context.Context, tx *sql.Tx, source, key string) (hash string, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT hash FROM ledger_key WHERE source = ? AND k = ? FOR UPDATE", source, key)
	err = each(rows, err, "ledger_key", func(r *sql.Rows) error { return r.Scan(&hash) })
	return hash, err
}
