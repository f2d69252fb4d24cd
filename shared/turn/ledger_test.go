package turn_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/strategy"
)

// taken is an order whose rider accepted, and was withdrawn after five minutes.
var taken = []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(5 * time.Minute), withdraws("k")}

// orderEvents are the events of orders that have entries: what went before, and the event.
var orderEvents = map[string]struct {
	carriers []string
	before   []step
	event    []step
}{
	"placed":                                 {event: []step{quoted()}},
	"refused":                                {carriers: []string{"uupt"}, before: []step{quoted()}, event: []step{fails(1, carrier.KindRefused)}},
	"race lost without a penalty":            {carriers: three, before: lostRace, event: []step{cancelOK(1, 0)}},
	"race lost with a penalty":               {carriers: three, before: lostRace, event: []step{cancelOK(1, 200)}},
	"accepted at a higher price":             {before: []step{quoted()}, event: []step{answerPlaced(1, 950)}},
	"tip raised, before the carrier answers": {before: []step{tipping, quoted(), okPlace(1)}, event: []step{pass(time.Minute)}},
	"delivered":                              {before: []step{quoted(), okPlace(1), delivering(1)}, event: []step{says(1, carrier.Delivered)}},
	"delivered after a tip, the carrier states the total": {
		before: []step{tipping, once, quoted(), okPlace(1), pass(time.Minute), okTip(1, 100), delivering2(1)}, event: []step{says(1, carrier.Delivered, charged(900))},
	},
	"delivered, the carrier takes less": {before: []step{quoted(), okPlace(1), delivering(1)}, event: []step{says(1, carrier.Delivered, charged(750))}},
	"delivered, the carrier states more later": {
		before: []step{quoted(), okPlace(1), delivering(1), says(1, carrier.Delivered)}, event: []step{says(1, carrier.Delivered, charged(900))},
	},
	"cancelled, 违约金 by rule, charged to the platform": {before: taken, event: []step{cancelOK(1)}},
	"then the carrier's own figure, which is higher":  {before: append(taken[:5:5], cancelOK(1)), event: []step{shows(1, carrier.Cancelled, fined(300))}},
	"then the carrier's own figure, which is lower":   {before: append(taken[:5:5], cancelOK(1)), event: []step{shows(1, carrier.Cancelled, fined(0))}},
	"cancelled by the carrier, which pays us for its fault": {
		carriers: []string{"uupt"}, before: []step{quoted(), okPlace(1), says(1, carrier.Accepted)}, event: []step{says(1, carrier.Cancelled, by(carrier.ByRider), fined(-300))},
	},
	"returned": {
		carriers: shansong, before: []step{quoted(), okPlace(1), delivering(1), withdraws("k"), cancelReturns(1, 1400), shows(1, carrier.Cancelling), comingBack(1)},
		event: []step{ok(1), pass(2 * time.Second), shows(1, carrier.Cancelled, charged(0), fined(1400))},
	},
}

var lostRace = []step{racing(2), quoted(), okPlace(1), okPlace(2), says(2, carrier.Accepted)}

// once lets the tip rise by one step only.
func once(d *desk) { d.agg.Strategy.Tip.Max, d.agg.Strategy.Tip.Every = 100, strategy.Duration(0) }

// The table of docs/ledger.md says what each event of an order posts.
func TestOrderEventsPost(t *testing.T) {
	t.Parallel()
	want := documented(t)
	for event, c := range orderEvents {
		t.Run(event, func(t *testing.T) {
			d := newDesk(t, c.carriers...)
			run(t, d, c.before...)
			seen := len(d.facts)
			run(t, d, c.event...)
			require.Equal(t, want[event], posted(t, d, d.facts[seen:]))
		})
		delete(want, event)
	}
	require.Empty(t, want, "events that nobody played")
}

// posted is what settle makes of facts, as the table has it.
func posted(t *testing.T, d *desk, facts []order.Fact) string {
	t.Helper()
	var pairs []string
	for _, f := range facts {
		entries, err := ledger.Post(d.agg.ID, f, ledger.Desk{Now: d.now})
		require.NoError(t, err)
		require.NotEmpty(t, ledger.Reasons[strings.Split(entries[0].Reason, ":")[0]], "the reason %s is known", entries[0].Reason)
		require.True(t, ledger.Known(entries[0].Account) && ledger.Known(entries[1].Account))
		pairs = append(pairs, fmt.Sprintf("Dr %s %s, Cr %s %s", entries[0].Account, entries[0].Amount.Yuan(), entries[1].Account, entries[1].Amount.Yuan()))
	}
	return strings.Join(pairs, "; ")
}

func documented(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("../../docs/ledger.md")
	require.NoError(t, err)
	_, text, found := strings.Cut(string(raw), "### Of an order\n")
	require.True(t, found)
	text, _, _ = strings.Cut(text, "\n#")
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if cell := strings.Split(strings.TrimSpace(line), "|"); len(cell) == 4 && !strings.Contains(cell[1], "---") && strings.TrimSpace(cell[1]) != "event" {
			out[strings.TrimSpace(cell[1])] = strings.TrimSpace(cell[2])
		}
	}
	return out
}
