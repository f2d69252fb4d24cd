package cli

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/statement"
	"github.com/chuandao/qianfan/shared/store"
)

// newBooks is an office where 美团 owes for two orders of yesterday, the business day that is
// returned, and we owe it a compensation.
func newBooks(t *testing.T) (r *officeRig, yesterday, today string) {
	t.Helper()
	r = newOffice(t)
	now := clock.System.Now()
	midnight, err := statement.ParseDay(statement.Day(now))
	require.NoError(t, err)
	at := midnight.Add(-time.Hour)
	earn := func(order int64, amount money.Fen) ledger.Transfer {
		return ledger.Transfer{Source: "manual", Key: "income-" + strconv.FormatInt(order, 10), Reason: "income", Order: order, EventAt: at,
			Legs: []ledger.Leg{ledger.Debit(ledger.Receivable("meituan"), amount), ledger.Credit(ledger.DeliveryIncome("meituan"), amount)}}
	}
	_, err = r.db.PostTransfers(t.Context(), store.Act{By: "li", At: now}, []ledger.Transfer{earn(71, 1200), earn(72, 800), ledger.Compensation("c", "meituan", "late", 100, at).On(72, 0)}, now)
	require.NoError(t, err)
	return r, statement.Day(at), statement.Day(now)
}

func TestStatementVerbs(t *testing.T) {
	t.Parallel()
	r, yesterday, today := newBooks(t)
	span := " --platform meituan --from " + yesterday + " --until " + today
	require.Contains(t, r.succeeds(t, "ledger statement issue --dry-run"+span), "nothing was written")
	require.Contains(t, r.succeeds(t, "ledger statement"), "none")
	require.Contains(t, r.succeeds(t, "ledger statement issue --by li"+span), "meituan-0001  "+yesterday+" – "+yesterday+"  issued, 3 lines")
	require.Contains(t, r.succeeds(t, "ledger statement list --platform meituan"), "19.00")
	require.Contains(t, r.succeeds(t, "ledger statement check"), "1 statements, 3 accounts: 19.00 open, 0.00 on no statement yet, 0 gaps")

	table, page := filepath.Join(r.dir, "s.csv"), filepath.Join(r.dir, "s.html")
	shown := r.succeeds(t, "ledger statement show 1 --csv "+table+" --html "+page)
	require.Contains(t, shown, "set_off")
	raw, err := os.ReadFile(table)
	require.NoError(t, err)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(raw), "\uFEFF"))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, "19.00", rows[len(rows)-1][5])
	raw, err = os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(raw), "meituan-0001")
	require.Contains(t, r.succeeds(t, "ledger statement show 1 --csv -"), "合计,3")

	require.Contains(t, r.succeeds(t, "ledger statement pay 1 --amount 10 --key B-1 --by li --on "+yesterday), "10.00元 is booked; 9.00元 is open, part_paid")
	require.Contains(t, r.succeeds(t, "ledger statement pay 1 --amount 10 --key B-1 --by li"), "booked before")
	require.Contains(t, r.succeeds(t, "ledger statement reject 1 --order 72 --amount 3.50 --note no --by li"), "5.50元 is open")
	require.Contains(t, r.succeeds(t, "ledger statement reject 1 --order 72 --amount 3.50 --note no --by li"), "it was rejected before")
	code, _, errs := r.do(t, "ledger statement reject 1 --order 72 --note no --by li")
	require.Equal(t, exitFailed, code, "all of it is more")
	require.Contains(t, errs, "lift that first")
	require.Contains(t, r.succeeds(t, "ledger statement reissue 1 --by li"), "meituan-0001-r2: a new revision of 15.50元")
	require.Contains(t, r.succeeds(t, "ledger statement show 1"), "REJECTED LINES")
	require.Contains(t, r.succeeds(t, "ledger statement lift 1 --order 72 --note yes --by li"), "9.00元 is open")
	require.Contains(t, r.succeeds(t, "ledger statement reject 1 --order 71 --note no --by li"), "-3.00元 is open, credit")
	require.Contains(t, r.succeeds(t, "ledger statement concede 1 --order 71 --note yes --by li"), "the income of the line is taken back")
	require.Contains(t, r.succeeds(t, "ledger statement unpay 1 --key B-1 --note no --by li"), "the payment is taken back")
	require.Contains(t, r.succeeds(t, "ledger statement unpay 1 --key B-1 --note no --by li"), "taken back before")
	var one struct {
		Statement struct {
			OpenFen money.Fen `json:"open_fen"`
			Number  string
		}
		Steps []statement.Step
		Items []store.Item
	}
	require.NoError(t, json.Unmarshal([]byte(r.succeeds(t, "ledger statement show 1 --json")), &one))
	require.Equal(t, money.Fen(700), one.Statement.OpenFen)
	require.Len(t, one.Items, 2)
	require.Len(t, one.Steps, 7)
	require.Contains(t, r.succeeds(t, "ledger statement check --fast"), "0 gaps")

	r.succeeds(t, "ledger statement reject 1 --order 72 --note no --by li")
	require.Contains(t, r.succeeds(t, "ledger statement write-off 1 --order 72 --note never --by li"), "qianfan ledger approve 1")
	require.Contains(t, r.succeeds(t, "ledger approve 1 --by wang"), "is posted")
	require.Contains(t, r.succeeds(t, "ledger statement show 1"), "written_off")
	require.Contains(t, r.succeeds(t, "ledger statement check"), "0 gaps")
}

// A part of a line was refused and conceded; the platform refuses the rest.
func TestTheRestOfALineIsRefusedByVerbs(t *testing.T) {
	t.Parallel()
	r, yesterday, today := newBooks(t)
	r.succeeds(t, "ledger statement issue --by li --platform meituan --from "+yesterday+" --until "+today)
	require.Contains(t, r.succeeds(t, "ledger statement reject 1 --order 71 --amount 2 --note late --by li"), "17.00元 is open")
	r.succeeds(t, "ledger statement concede 1 --order 71 --note late --by li")
	for _, line := range []string{"ledger statement reject 1 --order 71 --note x --by li", "ledger statement reject 1 --order 71 --amount 2 --note x --by li"} {
		code, _, errs := r.do(t, line)
		require.Equal(t, exitFailed, code)
		require.Contains(t, errs, "say --again to reject of the 10.00元 that is left")
	}
	require.Contains(t, r.succeeds(t, "ledger statement reject 1 --order 71 --amount 2 --again --note x --by li"), "15.00元 is open")
	require.Contains(t, r.succeeds(t, "ledger statement reject 1 --order 71 --amount 2 --again --note x --by li"), "it was rejected before")
	require.Contains(t, r.succeeds(t, "ledger statement check"), "15.00 open")
	require.Contains(t, r.succeeds(t, "ledger statement recover 1 --order 71 --note appeal --by li"), "the line is owed again; 17.00元 is open")
	code, _, errs := r.do(t, "ledger statement recover 1 --order 71 --note appeal --by li")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "nothing of it was conceded or written off")
}

// What is owed for one platform's order is not deducted from another one's statement.
func TestCompensationIsForThePlatformsOwnOrder(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	now := clock.System.Now()
	_, err := r.db.Intake(t.Context(), "b1", []store.NewOrder{{Order: order.Order{ID: 77, Platform: "meituan", No: "mt-7", City: "330100", State: order.Received, Version: 1, Round: 1, ReceivedAt: now, ActAt: now}}}, now)
	require.NoError(t, err)
	code, _, errs := r.do(t, "ledger post compensation --platform jd --cause late --amount 5 --order 77 --key c1 --by li")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "order 77 is of meituan")
	require.Contains(t, r.succeeds(t, "ledger post compensation --platform meituan --cause late --amount 5 --order 77 --key c1 --by li"), "is posted")
	require.Contains(t, r.succeeds(t, "ledger post compensation --platform jd --cause late --amount 5 --order 78 --key c2 --by li"), "is posted", "an order past its retention is nobody's")
}

func TestStatementVerbsRefuse(t *testing.T) {
	t.Parallel()
	r, yesterday, today := newBooks(t)
	tomorrow := statement.Day(clock.System.Now().AddDate(0, 0, 1))
	issue := "ledger statement issue --platform meituan --by li --from " + yesterday + " --until "
	for line, want := range map[string]struct {
		code int
		says string
	}{
		"ledger statement issue --platform ubereats --until " + today: {exitUsage, "no platform"},
		"ledger statement issue --platform meituan --until soon":      {exitUsage, "--until"},
		"ledger statement issue --platform meituan --until " + today:  {exitFailed, "needs its first day"},
		issue + tomorrow:                                                               {exitFailed, "is not over"},
		issue + yesterday:                                                              {exitFailed, "no day at all"},
		"ledger statement show 1":                                                      {exitFailed, "qianfan ledger statement list"},
		"ledger statement show 1 --csv - --html -":                                     {exitUsage, "standard output"},
		"ledger statement pay 1 --amount 0 --key B":                                    {exitUsage, "positive amount"},
		"ledger statement pay 1 --amount -5 --key B":                                   {exitUsage, "positive amount"},
		"ledger statement pay 1 --amount 1.005 --key B":                                {exitUsage, "positive amount"},
		"ledger statement pay 1 --amount 1 --key B --on " + tomorrow:                   {exitUsage, "to come"},
		"ledger statement pay 1 --amount 1 --key B":                                    {exitFailed, "no such statement"},
		"ledger statement reject 1 --order 71 --amount 0 --note x":                     {exitUsage, "positive amount"},
		"ledger statement reject 1 --order 71":                                         {exitUsage, "--note"},
		"ledger statement reject 1 --order 71 --note x":                                {exitFailed, "no such statement"},
		"ledger statement reject 1 --order 71 --kind tip --note x":                     {exitUsage, "--kind"},
		"ledger statement reissue 1":                                                   {exitFailed, "no such statement"},
		"ledger statement list --platform ubereats":                                    {exitUsage, "no platform"},
		"ledger statement unpay 1 --note x":                                            {exitUsage, "--key"},
		"ledger statement concede 1 --order x --note x":                                {exitFailed, "no such statement"},
		"ledger statement issue --platform meituan --until " + today + " --from 11.11": {exitUsage, "--from"},
	} {
		code, _, errs := r.do(t, line)
		require.Equal(t, want.code, code, "%s: %s", line, errs)
		require.Contains(t, errs, want.says, line)
	}
	r.succeeds(t, issue+today)
	code, _, errs := r.do(t, "ledger statement reject 1 --order mt-9 --note x --by li")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "not on this statement")
	code, _, errs = r.do(t, "ledger statement pay 1 --amount 19.01 --key B --by li")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "more than the 19.00元 that is open")

	// A file that cannot be written whole is not there at all.
	code, _, errs = r.do(t, "ledger statement show 1 --csv "+filepath.Join(r.dir, "nowhere", "s.csv"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "write the statement")

	_, err := r.db.PostTransfers(t.Context(), store.Act{By: "li", At: clock.System.Now()}, []ledger.Transfer{statement.Payment("by-hand", "meituan", statement.Amounts{Delivery: -1}, clock.System.Now())}, clock.System.Now())
	require.NoError(t, err)
	code, out, errs := r.do(t, "ledger statement check")
	require.Equal(t, exitViolated, code)
	require.Contains(t, out, "platform:meituan:receivable")
	require.Contains(t, errs, "differ")
}
