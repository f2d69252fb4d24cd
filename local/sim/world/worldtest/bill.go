package worldtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// Biller is a carrier that hands out bills.
type Biller interface {
	Bill(day string, m world.Mistakes) (world.Bill, error)
	BillDays() []string
	Books() world.Books
	Fleet() *world.Fleet
}

// SmallDay lets a carrier have a morning with one order of every kind that a bill knows. place
// orders a delivery under the client's number. The clock stands at 9:00 in Shanghai.
//
// QF1001 is delivered at 9:20 with a tip of 3 元, and at 10:00 the carrier pays 赔付 of 1,234.56 元
// and gives 1 元 back; QF1002 is cancelled at 9:30, after ten minutes with a rider, and fined 5 元
// more at 10:00; QF1003 is cancelled before anybody accepted it; QF1004 is under way.
func SmallDay(t testing.TB, clock *Clock, carrier Biller, place func(no string)) {
	t.Helper()
	fleet := carrier.Fleet()
	fleet.Hold(true)
	no := map[string]string{}
	for _, our := range []string{"QF1001", "QF1002", "QF1003", "QF1004"} {
		place(our)
		orders := carrier.Books().Orders
		no[our] = orders[len(orders)-1].CarrierNo
	}
	direct := func(our string, acts ...world.Act) {
		t.Helper()
		for _, act := range acts {
			require.NoError(t, fleet.Direct(our, act))
			clock.Settle()
		}
	}
	cancel := func(our string) {
		t.Helper()
		_, _, err := fleet.Cancel(no[our], "不要了", false)
		require.NoError(t, err)
		clock.Settle()
	}
	_, err := fleet.Tip(no["QF1001"], 300)
	require.NoError(t, err)
	cancel("QF1003")
	clock.Advance(20 * time.Minute)
	direct("QF1001", world.ActAccept, world.ActArrive, world.ActPickUp, world.ActDeliver)
	direct("QF1002", world.ActAccept)
	direct("QF1004", world.ActAccept, world.ActPickUp)
	clock.Advance(10 * time.Minute)
	cancel("QF1002")
	clock.Advance(30 * time.Minute)
	for _, c := range []struct {
		our    string
		kind   world.BillKind
		amount money.Fen
	}{{"QF1001", world.BillCompensation, 1_234_56}, {"QF1001", world.BillRefund, 100}, {"QF1002", world.BillPenalty, 500}} {
		require.NoError(t, fleet.ChargeLater(no[c.our], c.kind, c.amount))
	}
	Tie(t, carrier)
}

// Tie requires that the bills of all days together are what the carrier took, but for orders
// that are under way.
func Tie(t testing.TB, carrier Biller) {
	t.Helper()
	books := carrier.Books()
	taken := books.Opening - books.Balance
	for _, o := range books.Orders {
		if !o.State.Final() {
			taken -= o.Charged
		}
	}
	var billed money.Fen
	for _, day := range carrier.BillDays() {
		b, err := carrier.Bill(day, world.Mistakes{})
		require.NoError(t, err)
		require.Empty(t, b.Mistakes)
		billed += b.Totals.Net()
	}
	require.Equal(t, taken, billed, "all bills of %s", books.Carrier)
}
