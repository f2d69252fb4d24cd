package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/store"
)

type ledgerVerify struct {
	Seal bool   `help:"Seal what is not sealed yet before."`
	Kept string `placeholder:"HEAD" help:"The head that an earlier verify printed: the books up to it must be as they were."`
}

// Help is the example.
func (ledgerVerify) Help() string {
	return `Examples:
  qianfan ledger verify
  qianfan ledger verify --kept 5f0c…e1
  qianfan ledger verify --json

Reads every entry once: hashes the sealed ranges again, follows the chain of hashes, folds every account, adds up every transaction, and
runs the checks of the system. Keep the head that it prints somewhere else: given as --kept later, it proves that nothing before it was
changed, or names a database that was restored to a moment before it.
Exit code 3 when something does not add up; it names the row.` + whereDatabase
}

// verified is what verify found.
type verified struct {
	store.LedgerReport
	Kept     int64             `json:"kept_to_id,string,omitempty"` // up to which entry the kept head is this chain's
	Checked  int               `json:"checked"`
	Violated []json.RawMessage `json:"violated"`
}

// Run is the verb.
func (c ledgerVerify) Run(e *env) error {
	if raw, err := hex.DecodeString(c.Kept); err != nil || c.Kept != "" && len(raw) != sha256.Size {
		return usage("--kept %q: want the %d hexadecimal digits after the word head", c.Kept, 2*sha256.Size)
	}
	return e.with(func(o *office) error {
		var v verified
		var err error
		if c.Seal {
			if _, err := o.SealLedger(e.ctx, e.now(), nil); err != nil {
				return err
			}
		}
		bar := e.progress("entries")
		v.LedgerReport, err = o.VerifyLedger(e.ctx, bar.at)
		bar.end()
		if err != nil {
			return err
		}
		if err := c.compare(e, o, &v); err != nil {
			return err
		}
		if err := c.check(e, o, &v); err != nil {
			return err
		}
		return c.tell(e, v)
	})
}

// compare looks for the head that was kept among the seals.
func (c ledgerVerify) compare(e *env, o *office, v *verified) error {
	if c.Kept == "" {
		return nil
	}
	id, found, err := o.SealedAt(e.ctx, strings.ToLower(c.Kept))
	if err == nil && !found {
		v.Problems = append(v.Problems, store.LedgerProblem{Detail: "the head that you kept is no seal's: the database was restored to a moment before it, or was sealed anew; compare an older one"})
	}
	v.Kept = id
	return err
}

// check runs the checks of the system: an emulator has the carriers' own books, too.
func (ledgerVerify) check(e *env, o *office, v *verified) error {
	if _, deployed := e.look(function.EnvMySQLDSN); !deployed {
		return e.api.get(e.ctx, "/api/invariants", nil, v)
	}
	report, err := o.CheckInvariants(e.ctx, o.virtual, store.InvariantOptions{})
	if err != nil && !errors.Is(err, store.ErrNothingChecked) {
		return err
	}
	v.Checked = report.Checked
	for _, x := range report.Violated {
		raw, err := json.Marshal(x)
		if err != nil {
			return fmt.Errorf("print violation: %w", err)
		}
		v.Violated = append(v.Violated, raw)
	}
	return nil
}

func (ledgerVerify) tell(e *env, v verified) error {
	problems := len(v.Problems) + len(v.Violated)
	err := e.show(v, func() {
		for _, p := range v.Problems {
			e.say("problem  %s", p)
		}
		for _, x := range v.Violated {
			e.say("problem  invariant violated: %s", x)
		}
		e.say("%d entries in %d accounts, %d of them sealed in %d ranges, %d checks, %d problems", v.Entries, v.Accounts, v.Sealed, v.Seals, v.Checked, problems)
		if v.Kept > 0 {
			e.say("up to entry %d the books are those of the head that you kept", v.Kept)
		}
		if v.Head != "" {
			e.say("head %s", v.Head)
		}
	})
	switch {
	case problems > 0:
		return &exitError{exitViolated, errors.Join(err, errors.New("the books do not add up: look at what is named"))}
	case v.Checked == 0:
		return &exitError{exitViolated, errors.Join(err, errors.New("no invariant was checked: there is nothing in this database yet"))}
	}
	return err
}
