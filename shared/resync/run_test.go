package resync

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

var restored = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC) // noon in Shanghai

// courier is one account with a carrier that has waybills under our numbers and its own. Asked
// by both numbers it goes by its own one, as some carriers do, and does not say ours.
type courier struct {
	carrier.Adapter
	name, account string

	mu     sync.Mutex
	during func()                    // once, within the next query
	knows  map[string]carrier.Status // by our number
	away   map[string]error          // numbers of ours about which it does not answer
	asked  []carrier.Ref
	down   error // whatever it is asked
	busy   int   // so many questions are too many
}

func (c *courier) Name() string         { return c.name }
func (c *courier) Facts() carrier.Facts { return carrier.Facts{Account: c.account, SignedPush: true} }

func (c *courier) Query(ctx context.Context, ref carrier.Ref) (carrier.Status, error) {
	c.mu.Lock()
	during := c.during
	c.during = nil
	c.mu.Unlock()
	if during != nil {
		during()
	}
	if ctx.Err() != nil {
		return carrier.Status{}, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, ref)
	if c.busy--; c.busy >= 0 {
		return carrier.Status{}, errBusy
	}
	if c.down != nil {
		return carrier.Status{}, c.down
	}
	if err := c.away[ref.OurNo]; err != nil {
		return carrier.Status{}, err
	}
	s, ok := c.knows[ref.OurNo]
	if ref.CarrierNo != "" {
		s, ok = carrier.Status{}, false
		for _, k := range c.knows {
			if k.CarrierNo == ref.CarrierNo {
				s, ok = k, true
			}
		}
		s.OurNo = ref.OurNo
	}
	if !ok {
		return carrier.Status{}, &carrier.Error{Carrier: c.name, Op: "query", Kind: carrier.KindNotFound}
	}
	return s, nil
}

// has gives it a waybill.
func (c *courier) has(ourNo string, s carrier.Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Carrier, s.Code, s.Verified = c.name, string(s.State), true
	if s.CarrierNo == "" {
		s.CarrierNo = "C-" + ourNo
	}
	c.knows[ourNo] = s
}

// silent lets it not answer about a number, and answer again with nil.
func (c *courier) silent(ourNo string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away[ourNo] = err
}

// desk is a restored database and its carriers.
type desk struct {
	*store.Store
	t        *testing.T
	rows     *sql.DB
	clock    *clock.Manual
	ids      *order.IDs
	carriers carrier.Set
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	dsn := sqltest.Database(t)
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	rows, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rows.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	d := &desk{Store: db, t: t, rows: rows, clock: clock.NewManual(restored.Add(time.Hour)), ids: order.NewIDs(clock.System.Now, rand.New(rand.NewPCG(1, 2))), carriers: carrier.Set{}}
	for _, name := range []string{"uupt", "shansong"} {
		d.account(name, "main")
	}
	return d
}

// account opens a prepaid account with a carrier.
func (d *desk) account(name, account string) *courier {
	d.t.Helper()
	_, err := d.Deposit(d.t.Context(), "opening-"+name+"-"+account, name, account, 1000_00, 4, restored)
	require.NoError(d.t, err)
	c := &courier{name: name, account: account, knows: map[string]carrier.Status{}, away: map[string]error{}}
	key := name
	if account != "main" {
		key = carrier.Key(name, account)
	}
	d.carriers[key] = c
	return c
}

func (d *desk) at(name string) *courier { return d.carriers[name].(*courier) }

// order is one that was open at the restore's moment, in its first round.
func (d *desk) order(carriers ...string) int64 {
	d.t.Helper()
	if len(carriers) == 0 {
		carriers = []string{"uupt", "shansong"}
	}
	id := d.ids.Next()
	at := restored.Add(-time.Minute)
	_, err := d.Intake(d.t.Context(), fmt.Sprint(id), []store.NewOrder{{Order: order.Order{
		ID: id, Platform: "meituan", No: fmt.Sprint("M", id), City: "330100", State: order.Received, Version: 1, Round: 1, Fee: 1500, ReceivedAt: at, ActAt: at.Add(30 * time.Second),
		Strategy: strategy.Strategy{Name: "test", Mode: strategy.Sequential, Carriers: carriers, AcceptTimeout: strategy.Duration(time.Minute), GiveUpAfter: strategy.Duration(15 * time.Minute)},
		Timers:   []order.Timer{{Kind: order.TimerGiveUp, Due: at.Add(15 * time.Minute), Epoch: 1}},
	}}}, at)
	require.NoError(d.t, err)
	return id
}

// resync runs one.
func (d *desk) resync(bills ...Bill) Result {
	d.t.Helper()
	res, err := Run(d.t.Context(), Deps{Store: d.Store, Carriers: d.carriers, Clock: d.clock}, Job{Since: restored, Bills: bills})
	require.NoError(d.t, err)
	return res
}

func (d *desk) read(id int64) order.Aggregate {
	d.t.Helper()
	all, err := d.OrdersWithAttempts(d.t.Context(), []int64{id})
	require.NoError(d.t, err)
	require.Len(d.t, all, 1)
	return all[0]
}

// attempts are an order's, in short.
func (d *desk) attempts(id int64) []string {
	d.t.Helper()
	var out []string
	for _, a := range d.read(id).Attempts {
		out = append(out, fmt.Sprintf("%d %s/%s %s", a.N, a.Carrier, a.Account, a.State))
	}
	return out
}

// money is what the facts of an order add up to, by kind.
func (d *desk) money(id int64) string {
	d.t.Helper()
	var sums sql.NullString
	require.NoError(d.t, d.rows.QueryRowContext(d.t.Context(),
		"SELECT GROUP_CONCAT(kind, ' ', fen ORDER BY kind SEPARATOR ', ') FROM (SELECT kind, SUM(amount) AS fen FROM fact WHERE order_id = ? GROUP BY kind) f", id).Scan(&sums))
	return sums.String
}

func (d *desk) park(name, ourNo string) {
	d.t.Helper()
	require.NoError(d.t, d.Park(d.t.Context(), []store.Parked{{Carrier: name, OurNo: ourNo, CarrierNo: "C-" + ourNo, Hash: ourNo, Item: message.Item{Hash: ourNo}}}, restored.Add(30*time.Minute)))
}

// charge is a line of UU跑腿's bill.
type charge struct {
	carrierNo, ourNo, kind string
	amount                 money.Fen
}

// uupt is a bill of UU跑腿 in its own form.
func uupt(t *testing.T, account string, lines ...charge) Bill {
	t.Helper()
	m, err := bill.Default("uupt")
	require.NoError(t, err)
	text, total := "订单编号,商户订单号,费用类型,金额(元),发生时间\n", money.Fen(0)
	for _, l := range lines {
		text += fmt.Sprintf("%s,%s,%s,%s,2026-11-23 12:10:00\n", l.carrierNo, l.ourNo, l.kind, l.amount.Yuan())
		total += l.amount
	}
	text += fmt.Sprintf("合计,%d,,%s,\n", len(lines), total.Yuan())
	return Bill{Carrier: "uupt", Account: account, Day: "2026-11-23", Name: "uupt " + account, Mapping: m, File: strings.NewReader(text)}
}

var errBusy = &carrier.Error{Carrier: "uupt", Op: "query", Kind: carrier.KindRateLimited, Message: "too many"}

// A number about which nobody answered is asked about again by the next run, and nothing is
// decided on half of an order meanwhile: its other waybill was withdrawn because of this one.
func TestWhatWasNotAnsweredIsAskedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		withdrawn int // by our side, at 闪送
		waits     int // at UU跑腿, which does not answer at first
	}{
		"of the same round":     {withdrawn: 2, waits: 1},
		"of an earlier round":   {withdrawn: 10, waits: 1},
		"of a later round":      {withdrawn: 2, waits: 9},
		"of the last one asked": {withdrawn: 2, waits: 25},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			id := d.order()
			none := money.Fen(0)
			d.at("shansong").has(order.OurNo(id, c.withdrawn), carrier.Status{State: carrier.Cancelled, EndedBy: carrier.ByUs, Charged: &none, Penalty: &none})
			lost := order.OurNo(id, c.waits)
			d.at("uupt").has(lost, carrier.Status{State: carrier.Waiting})
			d.at("uupt").silent(lost, errBusy)
			first := d.resync()
			require.NotEmpty(t, first.Failed)
			require.Contains(t, first.Failed[0], lost)

			d.at("uupt").silent(lost, nil)
			second := d.resync()
			require.Empty(t, second.Failed)
			o := d.read(id)
			require.ElementsMatch(t, []string{fmt.Sprintf("%d uupt/main placed", c.waits), fmt.Sprintf("%d shansong/main cancelled", c.withdrawn)}, d.attempts(id))
			require.Equal(t, order.NoGoal, o.Goal, "somebody looks for a rider")
			require.Equal(t, order.Dispatching, o.State)
			require.GreaterOrEqual(t, o.Round, (max(c.waits, c.withdrawn)-1)/8+1, "no number is quoted again")
		})
	}
}

// The bill of one account, given as that of another, does not hide a waybill from its query.
func TestABillOfAnotherAccountHidesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.account("uupt", "south")
	id := d.order()
	no := order.OurNo(id, 1)
	d.at("uupt").has(no, carrier.Status{State: carrier.Accepted})
	res := d.resync(uupt(t, "south", charge{"C-" + no, no, "配送费", 800}))
	require.Equal(t, []string{"1 uupt/main accepted"}, d.attempts(id))
	require.Equal(t, 1, res.StrayLines, "the line is of another account: %v", res.Strays)
}

// A line that names two orders, ours by one number and another's by the other, plants nothing:
// neither the carrier's word on the one nor the money of the other is the order's.
func TestALineThatNamesTwoWaybillsPlantsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	one, other := d.order(), d.order()
	theirs := order.OurNo(one, 1)
	d.at("uupt").has(theirs, carrier.Status{State: carrier.Delivered})
	mine := order.OurNo(other, 1)
	res := d.resync(uupt(t, "main", charge{"C-" + theirs, mine, "配送费", 900}))
	require.Equal(t, []string{"1 uupt/main delivered"}, d.attempts(one))
	require.Empty(t, d.attempts(other))
	require.Equal(t, order.Received, d.read(other).State)
	require.Equal(t, 1, res.StrayLines)
	require.Empty(t, res.Failed, "everything was answered")
}

// A bill's false number for a waybill of ours does not hide the waybill.
func TestALineWithAnotherCarrierNumberHidesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.order()
	no := order.OurNo(id, 1)
	d.at("uupt").has(no, carrier.Status{State: carrier.Delivered, CarrierNo: "C-true"})
	res := d.resync(uupt(t, "main", charge{"C-false", no, "配送费", 900}))
	require.Equal(t, []string{"1 uupt/main delivered"}, d.attempts(id))
	require.Equal(t, "C-true", d.read(id).Attempts[0].CarrierNo)
	require.Equal(t, 1, res.StrayLines)
	require.NotEqual(t, money.Fen(900), d.read(id).Attempts[0].Booked, "another waybill's money")
}

// What a bill says twice was taken once as far as we know: the rest is reconciliation's to
// dispute, and booked by resync it would agree with the bill for ever.
func TestABillThatSaysItTwiceCostsOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	delivered, fined := d.order(), d.order()
	a, b := order.OurNo(delivered, 1), order.OurNo(fined, 1)
	d.at("uupt").has(a, carrier.Status{State: carrier.Delivered})
	d.at("uupt").has(b, carrier.Status{State: carrier.Cancelled, EndedBy: carrier.ByUs})
	lines := []charge{{"C-" + a, a, "配送费", 900}, {"C-" + a, a, "小费", 100}, {"C-" + a, a, "配送费", 900}, {"C-" + b, b, "违约金", 300}, {"C-" + b, b, "违约金", 300}}
	res := d.resync(uupt(t, "main", lines...), uupt(t, "main", lines...))
	require.Equal(t, 1, res.Believed, "nobody but the bill says what it cost")
	require.Equal(t, money.Fen(1000), d.read(delivered).Attempts[0].Booked)
	require.Less(t, d.read(fined).Attempts[0].Penalty, money.Fen(600))
}

// A bill is no word on what we know: the price of an attempt that the database has stands, and so
// does the rule's figure where a bill claims more than reconciliation would book by itself. What
// differs is reconciliation's to dispute.
func TestABillDoesNotOutdoWhatWeKnow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	dear, fined, grossly := d.order(), d.order(), d.order()
	price := money.Fen(800)
	for _, id := range []int64{dear, fined, grossly} {
		d.at("uupt").has(order.OurNo(id, 1), carrier.Status{State: carrier.Waiting, Charged: &price})
	}
	d.resync()
	a, b, c := order.OurNo(dear, 1), order.OurNo(fined, 1), order.OurNo(grossly, 1)
	d.at("uupt").has(a, carrier.Status{State: carrier.Delivered})
	d.at("uupt").has(b, carrier.Status{State: carrier.Cancelled, EndedBy: carrier.ByUs})
	d.at("uupt").has(c, carrier.Status{State: carrier.Cancelled, EndedBy: carrier.ByUs})
	d.resync(uupt(t, "main", charge{"C-" + a, a, "配送费", 1200}, charge{"C-" + a, a, "违约金", 300}, charge{"C-" + b, b, "违约金", 300}, charge{"C-" + c, c, "违约金", 99900}))
	require.Equal(t, price, d.read(dear).Attempts[0].Booked)
	require.Zero(t, d.read(dear).Attempts[0].Penalty)
	require.Equal(t, money.Fen(300), d.read(fined).Attempts[0].Penalty)
	require.Less(t, d.read(grossly).Attempts[0].Penalty, money.Fen(99900))
}

// That a carrier did not answer is not that it does not know.
func TestNoAnswerIsNoUnknownWaybill(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.order()
	no := order.OurNo(id, 1)
	d.at("uupt").silent(no, errBusy)
	res := d.resync(uupt(t, "main", charge{"C-" + no, no, "配送费", 800}))
	require.NotEmpty(t, res.Failed)
	require.Zero(t, res.StrayLines, "%v", res.Strays)
}

// A carrier that holds our money and whose settings are forgotten is not passed over in silence.
func TestACarrierWithoutSettingsIsNamed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.order()
	delete(d.carriers, "uupt")
	require.Contains(t, strings.Join(d.resync().Failed, "\n"), "uupt")

	d = newDesk(t)
	d.account("uupt", "south")
	id := d.order("uupt", "shansong", "dada") // with the last of which we never had money
	none := money.Fen(0)
	d.at("shansong").has(order.OurNo(id, 2), carrier.Status{State: carrier.Cancelled, EndedBy: carrier.ByUs, Charged: &none, Penalty: &none})
	delete(d.carriers, carrier.Key("uupt", "south"))
	res := d.resync()
	require.Contains(t, strings.Join(res.Failed, "\n"), "uupt/south")
	require.NotContains(t, strings.Join(res.Failed, "\n"), "dada")
	require.Equal(t, order.NoGoal, d.read(id).Goal, "south may carry it")

	res, err := Run(t.Context(), Deps{Store: d.Store, Carriers: d.carriers, Clock: d.clock}, Job{Since: restored, Without: []string{"uupt"}})
	require.NoError(t, err)
	require.Empty(t, res.Failed)
	require.Contains(t, strings.Join(res.CouldNotKnow, "\n"), "what uupt carries")
	require.Equal(t, order.ToFail, d.read(id).Goal, "decided without it")
}

// Callbacks that found no attempt name numbers that no search would reach: of orders that are
// there they are asked about, the others are lost orders, however many there are.
func TestParkedNumbersAreAskedAbout(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.order()
	forced := order.OurNo(id, 73)
	d.at("shansong").has(forced, carrier.Status{State: carrier.Accepted})
	d.park("shansong", forced)
	d.park("uupt", order.OurNo(id, 4)) // a lie
	for n := 1; n <= 3; n++ {
		d.park("uupt", order.OurNo(id+int64(n), 1))
	}
	res := d.resync()
	require.Equal(t, []string{"73 shansong/main accepted"}, d.attempts(id))
	require.Len(t, res.LostOrders, 3)
	require.Empty(t, res.Failed)
}

// Open orders from after the moment that was named show that it was named wrongly.
func TestOrdersAfterTheMomentAreCounted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.order()
	res, err := Run(t.Context(), Deps{Store: d.Store, Carriers: d.carriers, Clock: d.clock}, Job{Since: restored.Add(-time.Hour)})
	require.NoError(t, err)
	require.Zero(t, res.Orders)
	require.Contains(t, strings.Join(res.CouldNotKnow, "\n"), "1 open orders came after")
}

// An order of which only the number was known may have been placed at any place of a
// strategy, also behind carriers that are not configured.
func TestThinOrdersAreAskedAboutAtEveryPlace(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.ids.Next()
	at := restored.Add(-time.Second)
	_, err := d.Intake(t.Context(), "thin", []store.NewOrder{{Order: order.Order{ID: id, Platform: "douyin", No: "D1", State: order.Received, Version: 1, Round: 1, ReceivedAt: at, ActAt: at.Add(time.Minute)}}}, at)
	require.NoError(t, err)
	no := order.OurNo(id, 5)
	d.at("shansong").has(no, carrier.Status{State: carrier.Waiting})
	res := d.resync()
	require.Equal(t, []int64{id}, res.Unplanned)
	require.Equal(t, []string{"5 shansong/main placed"}, d.attempts(id))
	require.Contains(t, d.read(id).Attention, "what its platform pays")
}

// What ended while nobody was there is booked once, however often and by how many at once it is
// asked about.
func TestWhatEndedMeanwhileIsBookedOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	delivered, fined, atWork := d.order(), d.order(), d.order()
	fee, fine, none := money.Fen(900), money.Fen(300), money.Fen(0)
	d.at("uupt").has(order.OurNo(delivered, 1), carrier.Status{State: carrier.Delivered, Charged: &fee, Penalty: &none})
	d.at("shansong").has(order.OurNo(fined, 2), carrier.Status{State: carrier.Cancelled, Charged: &none, Penalty: &fine, EndedBy: carrier.ByUs})
	d.at("uupt").has(order.OurNo(atWork, 1), carrier.Status{State: carrier.Accepted, Charged: &fee})
	booked := map[int64]string{delivered: "capture 900, income 1500, overdraw 900", fined: "overdraw 300, penalty 300", atWork: "overdraw 900"}
	check := func() {
		for id, want := range booked {
			require.Equal(t, want, d.money(id))
		}
	}
	var inner Result
	d.at("uupt").during = func() { inner = d.resync() } // a second person's, from beginning to end
	outer := d.resync()
	require.Equal(t, 3, inner.PlantedCount+outer.PlantedCount, "each says what it has planted itself")
	check()
	require.Zero(t, d.resync().PlantedCount)
	check()
}

// Ctrl-C leaves whole orders, and the next run does the rest.
func TestAnInterruptedRunGoesOn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var ids []int64
	for range 40 {
		id := d.order()
		ids = append(ids, id)
		d.at("uupt").has(order.OurNo(id, 1), carrier.Status{State: carrier.Waiting})
		d.at("shansong").has(order.OurNo(id, 10), carrier.Status{State: carrier.Accepted})
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen := 0
	progress := func(what string, done, _ int) {
		if what == "orders" && done == 10 {
			seen = done
			stop()
		}
	}
	_, err := Run(ctx, Deps{Store: d.Store, Carriers: d.carriers, Clock: d.clock, Progress: progress}, Job{Since: restored})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 10, seen)
	left := 0
	for _, id := range ids {
		n := len(d.attempts(id))
		require.Contains(t, []int{0, 2}, n, "all of an order, or nothing")
		if n == 0 {
			left++
		}
	}
	require.NotZero(t, left, "nothing was left: the test proves nothing")
	require.Equal(t, left*2, d.resync().PlantedCount)
}

// An account that was opened after the moment of the restore has no money in the books yet: what
// it carried is booked, and the prepayment that is entered again makes it good.
func TestAnAccountThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.order("uupt", "dada")
	fee := money.Fen(900)
	d.carriers["dada"] = &courier{name: "dada", account: "main", knows: map[string]carrier.Status{}, away: map[string]error{}}
	d.at("dada").has(order.OurNo(id, 2), carrier.Status{State: carrier.Delivered, Charged: &fee})
	require.Equal(t, 1, d.resync().PlantedCount)
	posted, err := d.Settle(t.Context(), []int64{id}, restored.Add(time.Hour))
	require.NoError(t, err)
	require.NotZero(t, posted)
	_, err = d.Deposit(t.Context(), "dada-1", "dada", "main", 100_00, 4, restored.Add(time.Hour))
	require.NoError(t, err)
	all, err := d.Prepaids(t.Context())
	require.NoError(t, err)
	for _, p := range all {
		if p.Carrier == "dada" {
			require.Equal(t, money.Fen(100_00-900), p.Free)
			return
		}
	}
	require.Fail(t, "the account is not there")
}

// An order that cannot be written does not keep the others from it, and is named.
func TestOneOrdersTroubleIsNotTheOthers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	bad, good := d.order(), d.order()
	d.at("uupt").has(order.OurNo(bad, 1), carrier.Status{State: carrier.Waiting, CarrierNo: strings.Repeat("9", 100)})
	d.at("uupt").has(order.OurNo(good, 1), carrier.Status{State: carrier.Waiting})
	res := d.resync()
	require.Equal(t, []string{"1 uupt/main placed"}, d.attempts(good))
	require.Empty(t, d.attempts(bad))
	require.Equal(t, 1, res.PlantedCount)
	require.Len(t, res.Failed, 1)
	require.Contains(t, res.Failed[0], fmt.Sprint(bad))
}

// A carrier that is away is not waited for at every number of every order: after some it counts
// as away for this run, the others are asked, and the next run asks it again.
func TestACarrierThatIsAwayHoldsUpNobody(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var ids []int64
	for range 30 {
		id := d.order()
		ids = append(ids, id)
		d.at("shansong").has(order.OurNo(id, 2), carrier.Status{State: carrier.Accepted})
	}
	d.at("uupt").down = &carrier.Error{Carrier: "uupt", Op: "query", Kind: carrier.KindTemporary, Message: "timeout"}
	res := d.resync()
	require.Less(t, len(d.at("uupt").asked), 150, "asked in vain")
	require.GreaterOrEqual(t, len(res.Failed), 30, "about each order it was not answered")
	for _, id := range ids {
		require.Equal(t, []string{"2 shansong/main accepted"}, d.attempts(id))
	}
	d.at("uupt").down = nil
	require.Empty(t, d.resync().Failed)
}

// Who is told that it asks too much waits before it asks that account again.
func TestTooManyQuestionsArePaced(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.order("uupt")
	d.at("uupt").has(order.OurNo(id, 1), carrier.Status{State: carrier.Accepted})
	d.at("uupt").busy = 2
	began := time.Now()
	require.Empty(t, d.resync().Failed)
	require.GreaterOrEqual(t, time.Since(began), 2*limitedPause)
	require.Equal(t, []string{"1 uupt/main accepted"}, d.attempts(id))
}
