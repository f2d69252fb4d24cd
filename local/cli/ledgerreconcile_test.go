package cli

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/billimport"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/store"
)

// nobodysBill is a bill of waybills that we never placed.
const nobodysBill = "\ufeff订单编号,商户订单号,费用类型,金额(元),发生时间\r\nUU1,,配送费,8.00,2026-11-21 12:00:00\r\nUU2,,配送费,9.50,2026-11-21 12:10:00\r\nUU3,,服务费,1.00,2026-11-21 12:10:00\r\n合计,3,,18.50,\r\n"

// reconciling is a morning with a bill, in this order: each line, and what people read.
var reconciling = []struct{ line, says string }{
	{"ledger reconcile @bill.csv --carrier uupt --day 2026-11-21 --dry-run", "nothing was written"},
	{"ledger bills", "none"},
	{"ledger reconcile @bill.csv --carrier uupt --day 2026-11-21 --owner li --by wang", "3 lines: 0 matched, 0 explained, 3 disputed, 0 in suspense; 0 bookings, of which the bill lacks 0"},
	{"ledger bills --carrier uupt", "17.50"},
	{"ledger items", "unknown_waybill"},
	{"ledger items --state suspense", "none"},
	{"ledger items --party uupt --account main --kind unreadable --owner li --bill 1", "服务费"},
	{"ledger items --older-than 72h", "none"},
	{"ledger own 1 --owner zhao --due 2026-12-01 --by wang", "2026-12-02 00:00:00"},
	{"ledger items --owner zhao", "UU1"},
	{"ledger balance-check --carrier uupt --balance 1000", "gap"},
	{"ledger balance-check --carrier uupt --balance 982.50", "-17.50元: the carrier took what its bills claim and we dispute"},
	{"ledger resolve 1 withdrawn --note CN-7 --by wang", "item 1 is withdrawn"},
	{"ledger resolve 2 write-off --note small --by wang", "`qianfan ledger approve 1`"},
	{"ledger approve 1 --by li", ""},
	{"ledger resolve 3 accept --note void --by wang", "item 3 is accepted"},
	{"ledger items", "none"},
	{"ledger items --no-order", "none"},
	{"ledger items --all --limit 1", "withdrawn"},
	{"ledger balance-check --carrier uupt --balance 990.50", "gap"},
	{"audit --subject item/1", "item withdrawn"},
	{"ledger reconcile @next.csv --carrier uupt --day 2026-11-22 --by wang", "bill 2 is imported"},
	{"ledger reconcile @nobody.csv --carrier uupt --day 2026-11-22 --replaces 2 --note ticket-7 --by wang --dry-run", "it replaces bill 2 (next.csv): 3 of that one's items end, 17.50元 leaves suspense"},
	{"ledger bills", "bill.csv"},
	{"ledger reconcile @nobody.csv --carrier uupt --day 2026-11-22 --replaces 2 --note ticket-7 --by wang", "bill 3 is imported: nothing of it is to be settled"},
	{"ledger bills", "by 3: ticket-7"},
	{"ledger items", "none"},
	{"ledger items --all --bill 2", "replaced"},
	{"audit --subject uupt/main/2026-11-22", "bill replace"},
}

func newReconciling(t *testing.T) *officeRig {
	t.Helper()
	r := newOffice(t)
	r.write(t, "bill.csv", nobodysBill)
	r.write(t, "nobody.csv", "\ufeff订单编号,商户订单号,费用类型,金额(元),发生时间\r\n合计,0,,0.00,\r\n")
	r.write(t, "next.csv", strings.NewReplacer("11-21", "11-22", "UU", "UV").Replace(nobodysBill))
	return r
}

func TestReconcilingAtTheDesk(t *testing.T) {
	t.Parallel()
	r := newReconciling(t)
	for _, x := range reconciling {
		require.Contains(t, r.succeeds(t, r.line(x.line)), x.says, x.line)
	}
	code, _, errs := r.do(t, r.line("ledger reconcile @next.csv --carrier uupt --day 2026-11-22 --replaces 3 --note again --dry-run --progress"))
	require.Zero(t, code, errs)
	require.Contains(t, errs, "comparing 100% of the file  3 lines")
	gaps, err := r.db.SuspenseGaps(t.Context())
	require.NoError(t, err)
	require.Empty(t, gaps)
}

// What is accepted without an order says so, and is found again.
func TestCostsOfNoOrder(t *testing.T) {
	t.Parallel()
	r := newReconciling(t)
	r.succeeds(t, r.line("ledger reconcile @bill.csv --carrier uupt --day 2026-11-21"))
	require.Contains(t, r.succeeds(t, "ledger resolve 1 accept --note it-was-ours --by wang"), "8.00元 is a cost of no order")
	out := r.succeeds(t, "ledger items --no-order")
	require.Contains(t, out, "UU1")
	require.NotContains(t, out, "UU2", "that is open")
}

func TestReconcilingForMachines(t *testing.T) {
	t.Parallel()
	r := newReconciling(t)
	for _, x := range reconciling {
		out := r.succeeds(t, r.line(x.line)+" --json")
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(out), &object), "%s: %s", x.line, out)
		require.Equal(t, 1, strings.Count(out, "\n"), "one line")
	}
}

func TestMistakesOfReconciling(t *testing.T) {
	t.Parallel()
	r := newReconciling(t)
	r.write(t, "cut.csv", nobodysBill[:len(nobodysBill)-12])
	r.write(t, "wrong.json", `{"name":"x"}`)
	r.succeeds(t, r.line("ledger reconcile @bill.csv --carrier uupt --day 2026-11-21"))
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"ledger reconcile @bill.csv --carrier uupt --day 2026-11-21", exitFailed, "the bill was imported before"},
		{"ledger reconcile @bill.csv --carrier uupt --day 2026-11-20", exitFailed, "the books are as they were"},
		{"ledger reconcile @cut.csv --carrier uupt --day 2026-11-22", exitFailed, "the books are as they were"},
		{"ledger reconcile @none.csv --carrier uupt --day 2026-11-22", exitFailed, "no such file"},
		{"ledger reconcile @ --carrier uupt --day 2026-11-22", exitFailed, "is no file"},
		{"ledger reconcile @bill.csv --carrier ghost --day 2026-11-22", exitUsage, `"ghost" is no carrier`},
		{"ledger reconcile @bill.csv --carrier uupt --account mian --day 2026-11-22", exitUsage, `uupt has no prepaid account "mian": there are main`},
		{"ledger balance-check --carrier uupt --account mian --balance 1", exitUsage, "there are main"},
		{"ledger reconcile @bill.csv --carrier uupt --day yesterday", exitUsage, "2026-11-23"},
		{"ledger reconcile @bill.csv --carrier uupt --day 2026-11-22 --favour much", exitUsage, "--favour"},
		{"ledger reconcile @bill.csv --carrier uupt --day 2026-11-22 --limit 0", exitUsage, "--limit"},
		{"ledger reconcile @bill.csv --carrier uupt --day 2026-11-22 --mapping @wrong.json", exitFailed, "encoding"},
		{"ledger reconcile @bill.csv --carrier uupt", exitUsage, "--day"},
		{"ledger reconcile @bill.csv --carrier uupt --day 2026-11-21 --replaces 1", exitUsage, "say why"},
		{"ledger reconcile @bill.csv --carrier uupt --day 2026-11-21 --note x", exitUsage, "--replaces"},
		{"ledger reconcile @bill.csv --carrier uupt --day 2026-11-21 --replaces 9 --note x", exitFailed, "no such bill: 9"},
		{"ledger reconcile @bill.csv --carrier uupt --day 2026-11-22 --replaces 1 --note x", exitFailed, "not of uupt/main for 2026-11-22"},
		{"ledger items --state late", exitUsage, "--state"},
		{"ledger resolve 1 maybe --note x", exitUsage, "accept"},
		{"ledger resolve 1 accept", exitUsage, "--note"},
		{"ledger resolve 1 withdrawn --order 7 --note x", exitUsage, "--order"},
		{"ledger resolve 1 accept --order 7 --note x", exitFailed, "there is no order 7 here"},
		{"ledger resolve 99 accept --note x", exitFailed, "no such item: 99"},
		{"ledger own 99 --owner li", exitFailed, "no such item: 99"},
		{"ledger own 1 --owner li --due soon", exitUsage, "--due"},
		{"ledger balance-check --carrier uupt", exitFailed, "--balance"},
		{"ledger balance-check --carrier uupt --balance 1.234", exitUsage, "--balance"},
		{"ledger balance-check --carrier uupt --balance 900", exitViolated, "nobody can explain"},
	} {
		code, _, errs := r.do(t, r.line(c.line))
		require.Equal(t, c.code, code, "%s: %s", c.line, errs)
		require.Contains(t, errs, c.says, c.line)
	}
	items, err := r.db.Items(t.Context(), store.ItemFilter{})
	require.NoError(t, err)
	require.Len(t, items, 3, "of the one good import")
}

func TestBillBar(t *testing.T) {
	t.Parallel()
	b := billBar{size: 2000}
	require.Equal(t, "reading    50% of the file  500 lines  1000 lines/s  20 bookings", b.line(reconcile.Progress{Phase: "reading", Lines: 500, Bytes: 1000, Bookings: 20}, 500*time.Millisecond))
	require.Contains(t, b.line(reconcile.Progress{Phase: "comparing", Part: 3, Parts: 128}, 0), "part 3 of 128")
	require.Contains(t, (&billBar{}).line(reconcile.Progress{}, 0), "100%", "of nothing")
}

// A report of many findings shows people the first ones, and says how to get the others.
func TestLongReport(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	e := env{out: &out}
	long := billimport.Result{Bill: &store.Bill{ID: 9}}
	for range shown + 3 {
		long.Findings = append(long.Findings, reconcile.Finding{Outcome: reconcile.Suspense, Why: reconcile.NotBilled})
	}
	e.billReport(long, false)
	require.Contains(t, out.String(), "and 3 more: --json has all of them")
	require.Contains(t, out.String(), "bill 9 is imported")
	require.ErrorContains(t, ledgerReconcile{File: "f"}.explain(errors.New("gone")), "gone")
}
