package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
)

// States of a transfer that needs a second person.
const (
	TransferPending = "pending"
	TransferPosted  = "posted"
	TransferVoided  = "voided"
)

// Proposal is a transfer that somebody made and somebody else posts or voids. While it is
// pending no account has it.
type Proposal struct {
	ID        int64           `json:"id,string"`
	State     string          `json:"state"`
	Transfer  ledger.Transfer `json:"transfer"`
	Note      string          `json:"note"`
	MadeBy    string          `json:"made_by"`
	MadeAt    time.Time       `json:"made_at"` // system time
	DecidedBy string          `json:"decided_by,omitempty"`
	DecidedAt time.Time       `json:"decided_at,omitzero"` // system time
}

// ErrDecided says that a proposal is not pending any more.
var ErrDecided = errors.New("it is decided already")

// ErrOwnProposal says that nobody approves what he proposed.
var ErrOwnProposal = errors.New("a second person has to approve it")

// Propose keeps a transfer until it is decided, and returns its id. The same one again changes
// nothing while it is pending, opens it again when it was voided, and is ErrDecided when it was
// posted; its key with other content is ErrConflict.
func (s *Store) Propose(ctx context.Context, who Act, t ledger.Transfer, note string) (int64, error) {
	var id int64
	err := s.tx(ctx, "propose transfer", func(tx *sql.Tx) error {
		var err error
		id, err = propose(ctx, tx, who, t, note)
		return err
	})
	return id, err
}

func propose(ctx context.Context, tx *sql.Tx, who Act, t ledger.Transfer, note string) (int64, error) {
	if err := t.Check(); err != nil {
		return 0, err
	}
	had, found, err := proposalBy(ctx, tx, "source = ? AND k = ?", t.Source, t.Key)
	switch {
	case err != nil:
		return 0, err
	case found && had.Transfer.Hash() != t.Hash():
		return 0, fmt.Errorf("%s: %w", t.Tx(), ErrConflict)
	case found && had.State == TransferPosted:
		return had.ID, had.decided()
	case found && had.State == TransferPending:
		return had.ID, nil
	case found: // voided: under its number it is what people saw there
		_, err := tx.ExecContext(ctx, "UPDATE ledger_transfer SET state = ?, note = ?, made_by = ?, made_at = ?, decided_by = '', decided_at = NULL WHERE id = ?",
			TransferPending, clip(note, 255), clip(who.By, maxBy), who.At.UnixMilli(), had.ID)
		if err != nil {
			return 0, fmt.Errorf("write ledger_transfer: %w", err)
		}
		return had.ID, audit(ctx, tx, who, "ledger propose", t.Tx(), nil, t)
	}
	body, err := json.Marshal(t)
	if err != nil {
		return 0, fmt.Errorf("transfer %s: %w", t.Tx(), err)
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO ledger_transfer (source, k, state, body, note, made_by, made_at) VALUES (?,?,?,?,?,?,?)",
		t.Source, t.Key, TransferPending, string(body), clip(note, 255), clip(who.By, maxBy), who.At.UnixMilli())
	if Duplicate(err) { // somebody proposed it right now: it will be found
		err = errAnew
	}
	if err != nil {
		return 0, fmt.Errorf("write ledger_transfer: %w", err)
	}
	id, err := res.LastInsertId()
	if err != nil {
		return 0, fmt.Errorf("write ledger_transfer: %w", err)
	}
	return id, audit(ctx, tx, who, "ledger propose", t.Tx(), nil, t)
}

// Decide posts a pending transfer, or voids it. Whoever proposed it may void it only.
func (s *Store) Decide(ctx context.Context, who Act, id int64, post bool, now time.Time) (Proposal, error) {
	var p Proposal
	err := s.tx(ctx, "decide transfer", func(tx *sql.Tx) error {
		var err error
		p, err = decideProposal(ctx, tx, who, id, post, now)
		return err
	})
	return p, err
}

func decideProposal(ctx context.Context, tx *sql.Tx, who Act, id int64, post bool, now time.Time) (Proposal, error) {
	if _, err := shareMark(ctx, tx); err != nil { // first, as every posting
		return Proposal{}, err
	}
	if err := lockWrittenOff(ctx, tx, id); err != nil {
		return Proposal{}, err
	}
	p, found, err := proposalBy(ctx, tx, "id = ?", id)
	switch {
	case err != nil:
		return p, err
	case !found:
		return p, fmt.Errorf("there is no proposal %d", id)
	case p.State != TransferPending:
		return p, p.decided()
	case post && who.nobody():
		return p, ErrNobody
	case post && samePerson(p.MadeBy, who.By):
		return p, fmt.Errorf("proposal %d is by %s: %w", id, p.MadeBy, ErrOwnProposal)
	}
	p.State, p.DecidedBy, p.DecidedAt = TransferVoided, who.By, who.At
	verb := "ledger void"
	if post {
		p.State, verb = TransferPosted, "ledger approve"
		fresh, err := postTransfers(ctx, tx, []ledger.Transfer{p.Transfer}, now)
		if err != nil {
			return p, err
		}
		if len(fresh) == 0 {
			return p, fmt.Errorf("%s was posted without approval: %w", p.Transfer.Tx(), ErrConflict)
		}
		if err := arrived(ctx, tx, p.Transfer); err != nil {
			return p, err
		}
		if err := endWrittenOff(ctx, tx, who, p.Transfer, now); err != nil {
			return p, err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE ledger_transfer SET state = ?, decided_by = ?, decided_at = ? WHERE id = ?", p.State, clip(who.By, maxBy), who.At.UnixMilli(), id); err != nil {
		return p, fmt.Errorf("write ledger_transfer: %w", err)
	}
	return p, audit(ctx, tx, who, verb, p.Transfer.Tx(), nil, p.Transfer)
}

func (p Proposal) decided() error {
	return fmt.Errorf("proposal %d was %s by %s: %w", p.ID, p.State, p.DecidedBy, ErrDecided)
}

// samePerson compares names as people do. What is kept of a long one is its beginning.
func samePerson(a, b string) bool {
	name := func(s string) string { return strings.TrimSpace(clip(strings.TrimSpace(s), maxBy)) }
	return strings.EqualFold(name(a), name(b))
}

const proposalList = "id, state, body, note, made_by, made_at, decided_by, decided_at"

func proposalBy(ctx context.Context, tx *sql.Tx, where string, args ...any) (p Proposal, found bool, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+proposalList+" FROM ledger_transfer WHERE "+where+" FOR UPDATE", args...)
	err = each(rows, err, "proposal", func(r *sql.Rows) error { found = true; return p.scan(r) })
	return p, found, err
}

func (p *Proposal) scan(r *sql.Rows) error {
	var body []byte
	var made int64
	var decided sql.NullInt64
	if err := r.Scan(&p.ID, &p.State, &body, &p.Note, &p.MadeBy, &made, &p.DecidedBy, &decided); err != nil {
		return err
	}
	p.MadeAt, p.DecidedAt = time.UnixMilli(made).UTC(), at(decided)
	return json.Unmarshal(body, &p.Transfer)
}

// Proposals lists those in a state, or ("") all, newest first.
func (s *Store) Proposals(ctx context.Context, state string, limit int) ([]Proposal, error) {
	out := []Proposal{}
	rows, err := s.db.QueryContext(ctx, "SELECT "+proposalList+" FROM ledger_transfer WHERE ? IN ('', state) ORDER BY id DESC LIMIT ?", state, limit)
	err = each(rows, err, "proposals", func(r *sql.Rows) error {
		var p Proposal
		err := p.scan(r)
		out = append(out, p)
		return err
	})
	return out, err
}
