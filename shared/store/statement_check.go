package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/statement"
)

// StatementGap is something in which statements and ledger differ.
type StatementGap struct {
	Platform  string    `json:"platform"`
	Account   string    `json:"account,omitempty"`
	Statement int64     `json:"statement,omitempty"` // 0 = no single one
	GapFen    money.Fen `json:"gap_fen"`             // how much the ledger has beyond what statements and lines to come explain
	Detail    string    `json:"detail"`
}

// StatementCheck is what CheckStatements found.
type StatementCheck struct {
	Statements int            `json:"statements"` // that were looked at
	Accounts   int            `json:"accounts"`   // that were compared
	Unbilled   money.Fen      `json:"unbilled_fen"`
	Open       money.Fen      `json:"open_fen"`
	Gaps       []StatementGap `json:"gaps"`
}

// CheckStatements compares statements with the ledger: on each account of each platform, what
// statements have open and the lines that are on none yet must be the balance. deep also adds
// up the lines of every statement again; progress then hears how many entries; it may be nil.
func (s *Store) CheckStatements(ctx context.Context, deep bool, progress func(entries int)) (StatementCheck, error) {
	var check StatementCheck
	var list []statement.Statement
	err := s.snapshot(ctx, "check statements", func(tx *sql.Tx) error {
		last, err := lastSeal(ctx, tx)
		if err != nil {
			return err
		}
		balances, err := foldAfter(ctx, tx, last.to, "", nil)
		if err != nil {
			return err
		}
		byName := map[string]money.Fen{}
		for _, b := range balances {
			byName[b.Account] = b.BalanceFen
		}
		if list, err = readStatements(ctx, tx, "ORDER BY platform, seq"); err != nil {
			return err
		}
		check, err = checkStatements(ctx, tx, byName)
		return err
	})
	if err != nil || !deep {
		return check, err
	}
	seen := 0
	for _, st := range list {
		var told func(int)
		if progress != nil {
			told = func(n int) { progress(seen + n) }
		}
		gaps, err := s.recount(ctx, st, told)
		if err != nil {
			return check, err
		}
		seen += st.Entries
		check.Gaps = append(check.Gaps, gaps...)
	}
	return check, nil
}

// statementSide is what statements say of one account.
type statementSide struct{ earned, steps, unbilled money.Fen }

// checkStatements compares within a snapshot; balances are those of all accounts in it. It
// reads sums of statements and steps, and the entries that are on no statement yet.
func checkStatements(ctx context.Context, tx *sql.Tx, balances map[string]money.Fen) (StatementCheck, error) {
	check := StatementCheck{Gaps: []StatementGap{}}
	platforms := map[string]bool{}
	for account := range balances {
		if word := strings.Split(account, ":"); word[0] == "platform" && len(word) == 3 {
			platforms[word[1]] = true
		}
	}
	earned, err := statementSums(ctx, tx, "SELECT platform, COUNT(*), SUM(delivery_fen), SUM(penalty_fen), SUM(compensation_fen) FROM statement GROUP BY platform")
	if err != nil {
		return check, err
	}
	steps, err := statementSums(ctx, tx, "SELECT s.platform, 0, SUM(x.delivery_fen), SUM(x.penalty_fen), SUM(x.compensation_fen) FROM statement_step x JOIN statement s ON s.id = x.statement_id GROUP BY s.platform")
	if err != nil {
		return check, err
	}
	for platform, sums := range earned {
		platforms[platform] = true
		check.Statements += sums.entries
	}
	for _, platform := range slices.Sorted(maps.Keys(platforms)) {
		unbilled, err := unbilledOf(ctx, tx, platform)
		if err != nil {
			return check, err
		}
		for _, kind := range statement.Kinds {
			side := statementSide{earned[platform].amounts.Of(kind), steps[platform].amounts.Of(kind), unbilled.Of(kind)}
			check.compare(platform, kind.Account(platform), balances[kind.Account(platform)], side)
		}
	}
	rows, err := caches(ctx, tx)
	check.Gaps = append(check.Gaps, rows...)
	return check, err
}

func (c *StatementCheck) compare(platform, account string, balance money.Fen, side statementSide) {
	c.Accounts++
	open := side.earned + side.steps
	c.Open += open
	c.Unbilled += side.unbilled
	if gap := balance - open - side.unbilled; gap != 0 {
		c.Gaps = append(c.Gaps, StatementGap{Platform: platform, Account: account, GapFen: gap,
			Detail: fmt.Sprintf("%s has %s; statements have %s open and %s is on none yet: something else was booked there, see `qianfan ledger entries`", account, balance, open, side.unbilled)})
	}
}

func statementSums(ctx context.Context, tx *sql.Tx, query string) (map[string]windowSums, error) {
	out := map[string]windowSums{}
	rows, err := tx.QueryContext(ctx, query)
	err = each(rows, err, "sums of statements", func(r *sql.Rows) error {
		var platform string
		var x windowSums
		err := r.Scan(&platform, &x.entries, &x.amounts.Delivery, &x.amounts.Penalty, &x.amounts.Compensation)
		out[platform] = x
		return err
	})
	return out, err
}

// unbilledOf adds up the earned entries of a platform that are on no statement yet.
func unbilledOf(ctx context.Context, tx *sql.Tx, platform string) (statement.Amounts, error) {
	w := window{platform: platform, marks: statement.Marks{Until: time.UnixMilli(math.MaxInt64), ToID: math.MaxInt64 - 1}}
	rows, err := tx.QueryContext(ctx, "SELECT until_at, to_id, rest_id FROM statement WHERE platform = ? ORDER BY seq DESC LIMIT 1", platform)
	if err := each(rows, err, "last statement", w.after); err != nil {
		return statement.Amounts{}, err
	}
	sums, err := sumWindow(ctx, tx, w, nil)
	return sums.amounts, err
}

// caches are statements whose row does not say what its steps and marks come to.
func caches(ctx context.Context, tx *sql.Tx) ([]StatementGap, error) {
	var out []StatementGap
	rows, err := tx.QueryContext(ctx, `SELECT s.id, s.platform, s.delivery_fen + s.penalty_fen + s.compensation_fen + COALESCE(SUM(x.delivery_fen + x.penalty_fen + x.compensation_fen), 0) AS steps,
 s.total_fen - s.rejected_fen - s.paid_fen AS open, s.paid_fen, s.state
 FROM statement s LEFT JOIN statement_step x ON x.statement_id = s.id GROUP BY s.id, s.platform, s.delivery_fen, s.penalty_fen, s.compensation_fen, s.total_fen, s.rejected_fen, s.paid_fen, s.state ORDER BY s.id`)
	err = each(rows, err, "statements and steps", func(r *sql.Rows) error {
		var g StatementGap
		var steps, open, paid money.Fen
		var state statement.State
		err := r.Scan(&g.Statement, &g.Platform, &steps, &open, &paid, &state)
		switch {
		case steps != open:
			g.GapFen, g.Detail = steps-open, fmt.Sprintf("statement %d says that %s is open, its steps leave %s", g.Statement, open, steps)
		case state != statement.StateOf(open, paid):
			g.Detail = fmt.Sprintf("statement %d is %s with %s open", g.Statement, state, open)
		default:
			return err
		}
		out = append(out, g)
		return err
	})
	return out, err
}

// recount adds up a statement's entries again, and its lines where some were rejected.
func (s *Store) recount(ctx context.Context, st statement.Statement, progress func(int)) ([]StatementGap, error) {
	w, err := windowOf(ctx, s.db, st)
	if err != nil {
		return nil, err
	}
	sums, err := sumWindow(ctx, s.db, w, progress)
	if err != nil {
		return nil, fmt.Errorf("recount statement %s: %w", st.Number(), err)
	}
	cut, err := cutOf(ctx, s.db, st, st.Revision, w)
	if err != nil {
		return nil, err
	}
	total := sums.amounts.Net()
	for _, amount := range cut {
		total -= amount
	}
	if sums.entries == st.Entries && sums.amounts == st.Earned && total == st.Total {
		return nil, nil
	}
	return []StatementGap{{Platform: st.Platform, Statement: st.ID, GapFen: total - st.Total,
		Detail: fmt.Sprintf("statement %d was issued for %d entries over %s; the ledger has %d over %s for it now", st.ID, st.Entries, st.Total, sums.entries, total)}}, nil
}
