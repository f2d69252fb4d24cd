package ledger_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/statement"
)

// journal is each event that no order books by itself.
func journal() map[string]ledger.Transfer {
	compensation := ledger.Compensation("case-1", "jd", "late", 500, now)
	return map[string]ledger.Transfer{
		"prepayment, sent and seen at once":       ledger.Deposit("t1", "uupt", "main", 10000, now),
		"top-up sent":                             ledger.TopUpSent("t1", "uupt", "main", 10000, now),
		"top-up seen":                             ledger.TopUpSeen("t1", "uupt", "main", 10000, now),
		"carrier at fault pays us":                ledger.CarrierPays("manual", "claim", "uupt", "main", 800, now),
		"compensation we owe the platform (late)": compensation,
		"delivered, but the bill has more":        ledger.BillDispute("1:7", "uupt", "main", 120, now),
		"the bill has less":                       ledger.BillDispute("1:8", "uupt", "main", -120, now),
		"the bill was right":                      ledger.BillAccepted("9", "uupt", "main", ledger.DeliveryExpense("uupt"), 120, now),
		"the carrier takes its line back":         ledger.BillWithdrawn("9", "uupt", "main", 120, now),
		"the carrier keeps what is not its own (write-off, approved)": ledger.BillLost("9", "uupt", "main", 120, now),
		"the carrier's own 违约金 by its bill replaces the rule's":       ledger.BillFigure("1:9", "uupt", "main", ledger.PenaltyExpense("uupt", "order_cancelled"), 100, now),
		"a corrected bill replaces the one that had more":             ledger.BillDispute("1:7", "uupt", "main", 120, now).Reversed(now),
		"a corrected bill replaces the one with that 违约金":             ledger.BillFigure("1:9", "uupt", "main", ledger.PenaltyExpense("uupt", "order_cancelled"), 100, now).Reversed(now),
		"a bill that had answered an item is replaced":                ledger.BillWithdrawn("item-9", "uupt", "main", 120, now).Reversed(now),
		"platform pays a part of a statement":                         statement.Payment("b-1", "jd", statement.Amounts{Delivery: -50000}, now),
		"compensation is set off on a statement":                      statement.Deduction("s-1", "jd", statement.Amounts{Delivery: -500, Compensation: 500}, now),
		"platform rejects a line":                                     ledger.Rejected("r1", "jd", ledger.Receivable("jd"), 1500, now),
		"platform pays the line after all":                            ledger.RejectionLifted("r1", "jd", ledger.Receivable("jd"), 1500, now),
		"platform pays what was conceded after all":                   ledger.Recovered("r1", ledger.Receivable("jd"), ledger.DeliveryIncome("jd"), 1500, now),
		"platform pays what was written off after all":                ledger.Recovered("r1", ledger.Receivable("jd"), ledger.BadDebt("jd"), 1500, now),
		"platform was right to reject it":                             ledger.Conceded("r1", "jd", ledger.DeliveryIncome("jd"), 1500, now),
		"write-off of a rejected line (approved)":                     ledger.WriteOff("r1", "jd", 1500, now),
		"reversal of a mistake (approved)":                            compensation.Reversed(now),
	}
}

// told is a transfer as the table of docs/ledger.md has it.
func told(legs []ledger.Leg) string {
	var out []string
	for _, l := range legs {
		side := "Cr"
		if l.Debit {
			side = "Dr"
		}
		out = append(out, fmt.Sprintf("%s %s %s", side, l.Account, l.Amount.Yuan()))
	}
	return strings.Join(out, ", ")
}

// documented is a table of docs/ledger.md: entries by event.
func documented(t *testing.T, heading string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("../../docs/ledger.md")
	require.NoError(t, err)
	_, text, found := strings.Cut(string(raw), heading+"\n")
	require.True(t, found, heading)
	out := map[string]string{}
	text, _, _ = strings.Cut(text, "\n#")
	for line := range strings.Lines(text) {
		if cell := strings.Split(strings.TrimSpace(line), "|"); len(cell) == 4 && !strings.Contains(cell[1], "---") && strings.TrimSpace(cell[1]) != "event" {
			out[strings.TrimSpace(cell[1])] = strings.TrimSpace(cell[2])
		}
	}
	require.NotEmpty(t, out)
	return out
}

func TestJournalEventsPost(t *testing.T) {
	t.Parallel()
	want := documented(t, "### Of people, bills and statements")
	got := map[string]string{}
	for event, transfer := range journal() {
		require.NoError(t, transfer.Check(), event)
		got[event] = told(sidesOf(transfer))
	}
	require.Equal(t, want, got)
}

// sidesOf has the debit of each pair first, as people read them.
func sidesOf(t ledger.Transfer) []ledger.Leg {
	legs := append([]ledger.Leg(nil), t.Legs...)
	for i := 0; i+1 < len(legs); i += 2 {
		if !legs[i].Debit {
			legs[i], legs[i+1] = legs[i+1], legs[i]
		}
	}
	return legs
}

func TestTransfersAreRefused(t *testing.T) {
	t.Parallel()
	good := ledger.Deposit("k", "uupt", "main", 100, now)
	require.NoError(t, good.Check())
	for want, spoil := range map[string]func(x *ledger.Transfer){
		"source":         func(x *ledger.Transfer) { x.Source = "fact" },
		"want a key":     func(x *ledger.Transfer) { x.Key = strings.Repeat("k", 65) },
		"unknown reason": func(x *ledger.Transfer) { x.Reason = "because" },
		"attempt 2 of":   func(x *ledger.Transfer) { x.N = 2 },
		"instant":        func(x *ledger.Transfer) { x.EventAt = x.EventAt.AddDate(-100, 0, 0) },
		"two legs":       func(x *ledger.Transfer) { x.Legs = x.Legs[:1] },
		"unknown account \"carrier:uupt:main:purse\"": func(x *ledger.Transfer) { x.Legs[0].Account = "carrier:uupt:main:purse" },
		"unknown account \"platform::receivable\"":    func(x *ledger.Transfer) { x.Legs[0].Account = "platform::receivable" },
		"amount of 0分":    func(x *ledger.Transfer) { x.Legs[0].Amount = 0 },
		"amount of -100分": func(x *ledger.Transfer) { x.Legs[0].Amount = -100 },
		"debits of":       func(x *ledger.Transfer) { x.Legs[0].Amount = 101 },
		"has two legs":    func(x *ledger.Transfer) { x.Legs[1].Account = x.Legs[0].Account },
	} {
		bad := good
		bad.Legs = append([]ledger.Leg(nil), good.Legs...)
		spoil(&bad)
		err := bad.Check()
		require.ErrorIs(t, err, ledger.ErrTransfer, want)
		require.ErrorContains(t, err, want)
	}
}

func TestSameContentHasOneHash(t *testing.T) {
	t.Parallel()
	a := ledger.Deposit("k", "uupt", "main", 100, now)
	b := ledger.Deposit("k", "uupt", "main", 100, now.AddDate(0, 0, 1))
	b.Legs[0], b.Legs[1] = b.Legs[1], b.Legs[0]
	require.Equal(t, a.Hash(), b.Hash(), "neither the order of legs nor the instant is content")
	for _, other := range []ledger.Transfer{ledger.Deposit("k", "uupt", "main", 101, now), ledger.Deposit("k", "uupt", "second", 100, now), a.On(7, 0), a.On(7, 1), a.Reversed(now)} {
		require.NotEqual(t, a.Hash(), other.Hash())
	}
	require.Equal(t, a.Reversed(now).Tx(), a.Reversed(now.AddDate(0, 1, 0)).Tx(), "nothing is reversed twice")
}

func TestClosedPeriodsGetNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ closed, want string }{{"", "2026-12"}, {"2026-10", "2026-12"}, {"2026-12", "2027-01"}, {"2027-03", "2027-04"}} {
		e := ledger.Deposit("k", "uupt", "main", 100, now).Entries(ledger.Desk{Now: now.AddDate(1, 0, 0), Closed: c.closed})
		require.Equal(t, c.want, e[0].Period, c.closed)
		require.Equal(t, c.want, e[1].Period, c.closed)
	}
}

// However entries look, another one, or another order of them, has another hash.
func TestSealsTellEntriesApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		word := rapid.StringMatching(`[a-z:]{0,6}`)
		make := func(label string) ledger.Entry {
			return ledger.Entry{Tx: word.Draw(rt, label), Account: word.Draw(rt, label), Debit: rapid.Bool().Draw(rt, label), Amount: money.Fen(rapid.Int64Range(1, 3).Draw(rt, label)),
				OrderID: rapid.Int64Range(0, 2).Draw(rt, label), N: rapid.IntRange(0, 2).Draw(rt, label), Reason: word.Draw(rt, label), EventAt: now, PostedAt: now, Period: word.Draw(rt, label)}
		}
		a, b := make("a"), make("b")
		hash := func(before string, list ...ledger.Entry) string {
			s := ledger.NewSealer(before)
			for i, e := range list {
				s.Add(int64(i+1), e)
			}
			require.Len(rt, s.Leaves(), ledger.LeafSize*len(list))
			return s.Hash()
		}
		require.Equal(rt, hash("x", a, b), hash("x", a, b))
		require.NotEqual(rt, hash("x", a, b), hash("y", a, b))
		require.NotEqual(rt, hash("x", a), hash("x", a, b))
		if a != b {
			require.NotEqual(rt, hash("x", a, b), hash("x", b, a))
			require.NotEqual(rt, hash("x", a), hash("x", b))
		}
	})
}
