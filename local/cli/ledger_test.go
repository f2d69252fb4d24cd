package cli

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/statement"
)

// keeping is a day at the books, in this order: each line, and what people read.
var keeping = []struct{ line, says string }{
	{"ledger verify", "4 entries in 3 accounts, 0 of them sealed in 0 ranges"},
	{"ledger verify --seal", "4 of them sealed in 1 ranges"},
	{"ledger verify", "head "},
	{"ledger post compensation --platform jd --cause late --amount 5 --order 77 --key case-77 --by li --dry-run", "nothing was written"},
	{"ledger post compensation --platform jd --cause late --amount 5 --order 77 --key case-77 --by li", "manual:case-77 is posted"},
	{"ledger post compensation --platform jd --cause late --amount 5 --order 77 --key case-77 --by wang", "manual:case-77 was posted before, with this key"},
	{"ledger post carrier-pays --carrier uupt --amount 8.50 --key claim-12 --by li", "income:compensation:uupt"},
	{"ledger reverse manual:case-77 --note mistaken --by li", "proposed as 1"},
	{"ledger proposals", "reversal:compensation:late"},
	{"ledger proposals", "credit  5.00  expense:compensation:jd"}, // who approves it sees its entries
	{"ledger approve 1 --by wang", "reverse:manual:case-77 is posted"},
	{"ledger reverse manual:claim-12 --note mistaken --by li", "proposed as 2"},
	{"ledger void 2 --by li", "reverse:manual:claim-12 is voided"},
	{"ledger proposals", "none"},
	{"ledger proposals --state all", "voided"},
	{"ledger balances --at 2026-01-01", "none"},
	{"ledger balances --at 2126-01-01 --by event", "income:compensation:uupt"},
	{"ledger periods", "none"},
	{"audit --subject reverse:manual:case-77", "ledger approve"},
}

func TestADayAtTheBooks(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	r.answers["GET /api/invariants"] = `{"checked":9,"violated":[]}`
	for _, x := range keeping {
		require.Contains(t, r.succeeds(t, x.line), x.says, x.line)
	}
	for _, line := range []string{"ledger verify", "ledger proposals --state all", "ledger balances --at 2026-11-23", "ledger periods",
		"ledger post carrier-pays --carrier uupt --amount 1 --key j --by li", "ledger reverse manual:j --note mistaken --by li"} {
		require.True(t, json.Valid([]byte(r.succeeds(t, line+" --json"))), line)
	}
	code, out, _ := r.do(t, "ledger close 2999-01 --by li")
	require.Equal(t, exitViolated, code)
	require.Contains(t, out, "obstacle  the period ends at 2999-02-01 00:00:00 only")
	for line, says := range map[string]string{
		"ledger post compensation --platform jd --cause late --amount 5.001 --key x --by li":                        "want a positive amount",
		"ledger post compensation --platform jd --cause late --amount 6 --order 77 --key case-77 --by li":           "the key was used before with other content",
		"ledger post compensation --platform j:d --cause late --amount 6 --key y --by li":                           "is no platform",
		"ledger post compensation --platform jdd --cause late --amount 6 --key y --by li":                           "is no platform",
		"ledger post carrier-pays --carrier upt --amount 6 --key y --by li":                                         "is no carrier",
		"ledger post carrier-pays --carrier uupt --account mian --amount 6 --key y --by li":                         "uupt/mian has no prepaid money",
		"account deposit uupt main 5 --key k23456789k23456789k23456789k23456789k23456789k23456789k23456789 --by li": "want a key of at most 56 bytes",
		"ledger reverse manual:case-77 --note again --by li":                                                        "decided already",
		"ledger reverse deposit:none --note x --by li":                                                              "there is no transaction",
		"ledger approve 3 --by li":       "a second person has to approve it",
		"ledger approve 1 --by li":       "decided already",
		"ledger approve 99 --by li":      "there is no proposal 99",
		"ledger balances --at yesterday": "want 2026-11-23",
		"ledger close November --by li":  "want a month",
	} {
		code, _, errs := r.do(t, line)
		require.NotZero(t, code, line)
		require.Contains(t, errs, says, line)
	}
}

// A close that was cut off after the mark had moved is finished by the same verb.
func TestACutOffCloseIsFinished(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	r.answers["GET /api/invariants"] = `{"checked":9,"violated":[]}`
	r.succeeds(t, "ledger post compensation --platform jd --cause late --amount 5 --key case-77 --by li")
	period := ledger.Period(clock.System.Now())
	r.asOwner(t, "UPDATE ledger_mark SET closed = '"+period+"'")
	code, out, _ := r.do(t, "ledger verify")
	require.Equal(t, exitViolated, code)
	require.Contains(t, out, "closed without a trial balance: qianfan ledger close "+period)
	require.Contains(t, r.succeeds(t, "ledger close "+period+" --by li"), period+" is closed, with 5 accounts")
	code, out, _ = r.do(t, "ledger close "+period+" --by li")
	require.Equal(t, exitViolated, code)
	require.Contains(t, out, "closed already")
}

// asOwner changes rows as only the owner of the database may.
func (r *officeRig) asOwner(t *testing.T, query string) {
	t.Helper()
	db, err := sql.Open("mysql", r.dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), query)
	require.NoError(t, err)
}

// What the database holds is not what was sealed: verify names it and fails.
func TestVerifyFindsWhatDoesNotAddUp(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	r.answers["GET /api/invariants"] = `{"checked":9,"violated":["3 double entry: order 7"]}`
	code, out, errs := r.do(t, "ledger verify")
	require.Equal(t, exitViolated, code)
	require.Contains(t, out, "invariant violated")
	require.Contains(t, errs, "the books do not add up")
	r.answers["GET /api/invariants"] = `{"checked":0,"violated":[]}`
	_, _, errs = r.do(t, "ledger verify --json")
	require.Contains(t, errs, "no invariant was checked")

	r.answers["GET /api/invariants"] = `{"checked":9,"violated":[]}`
	require.Contains(t, r.succeeds(t, "ledger verify --seal"), "0 problems")
	r.asOwner(t, "UPDATE ledger_entry SET amount_fen = amount_fen + 1 WHERE tx = 'deposit:opening-uupt' AND debit")
	code, out, _ = r.do(t, "ledger verify")
	require.Equal(t, exitViolated, code)
	require.Contains(t, out, "(deposit:opening-uupt): is not as it was sealed")
	require.Contains(t, out, "transaction deposit:opening-uupt: debits exceed credits by 0.01")
	code, out, _ = r.do(t, "ledger verify --json")
	require.Equal(t, exitViolated, code)
	require.True(t, json.Valid([]byte(out)))
}

// A month whose bills did not all come is closed only by somebody who says so.
func TestAMonthWithoutItsBillsIsClosedKnowingly(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	r.answers["GET /api/invariants"] = `{"checked":9,"violated":[]}`
	last := clock.System.Now().AddDate(0, 0, -clock.System.Now().Day()-1)
	period := ledger.Period(last)
	r.asOwner(t, fmt.Sprintf("UPDATE ledger_entry SET posted_at = %d", last.UnixMilli())) // the account's first deposit came before
	r.asOwner(t, fmt.Sprintf("INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, n, reason, event_at, posted_at, period) VALUES"+
		" ('fact:7:1:capture:1', 'expense:delivery:uupt', TRUE, 800, 7, 1, 'capture', %[1]d, %[1]d, '%[2]s'), ('fact:7:1:capture:1', 'carrier:uupt:main:held', FALSE, 800, 7, 1, 'capture', %[1]d, %[1]d, '%[2]s')",
		last.UnixMilli(), period))
	code, out, _ := r.do(t, "ledger close "+period+" --by li")
	require.Equal(t, exitViolated, code)
	require.Contains(t, out, "obstacle  uupt/main has costs and no bill: "+statement.Day(last)+": import it with")
	require.Contains(t, r.succeeds(t, "ledger close "+period+" --by li --without-bills"), period+" is closed")
}

// The books of a deployment are read where they are, also those of an order that is past its retention.
func TestTheBooksOfADeployment(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	r.asOwner(t, "INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, n, reason, event_at, posted_at, period) VALUES"+
		" ('fact:7:1:capture:1', 'expense:delivery:uupt', TRUE, 800, 7, 1, 'capture', 0, 0, '2026-11'), ('fact:7:1:capture:1', 'carrier:uupt:main:held', FALSE, 800, 7, 1, 'capture', 0, 0, '2026-11')")
	r.look = func(name string) (string, bool) { return r.dsn, name == "QIANFAN_MYSQL_DSN" }
	require.Contains(t, r.succeeds(t, "ledger balances"), "carrier:shansong:main:prepaid  1000.00")
	require.Contains(t, r.succeeds(t, "ledger entries"), "deposit:opening-uupt")
	out := r.succeeds(t, "ledger entries --order 7 --json")
	require.Contains(t, out, "expense:delivery:uupt")
	require.NotContains(t, out, "deposit:opening-uupt")
	code, _, errs := r.do(t, "ledger entries --order 8")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "8")
	require.Empty(t, r.requests, "no emulator was asked")
}
