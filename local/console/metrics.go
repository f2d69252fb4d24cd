package console

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// scrapeTimeout bounds what one scrape may ask of the database, in system time.
const scrapeTimeout = 5 * time.Second

// registry is the emulator's own: nothing is registered globally, so that many emulators may live in one process.
func (s *server) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), &meter{s})
	return r
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("qianfan_"+name, help, labels, nil)
}

var (
	descOrders      = desc("orders", "Orders by present state.", "state")
	descOpen        = desc("orders_open", "Orders that something is still owed to.")
	descAttempts    = desc("attempts", "Placements with carriers, by what became of them.", "outcome")
	descMilestones  = desc("milestones", "Milestones of orders, by what became of telling the platform (回传); late ones are among the told.", "platform", "outcome")
	descToldRatio   = desc("milestones_told_ratio", "Milestones that the platform took, of those that it is to hear (回传率).", "platform")
	descInTimeRatio = desc("milestones_in_time_ratio", "The same, without those told late.", "platform")
	descEntries     = desc("ledger_entries", "Entries of the ledger.")
	descLedger      = desc("ledger_fen", "Totals of the ledger, in 分.", "side")
	descBalanced    = desc("ledger_balanced", "1 when debits equal credits.")
	descFree        = desc("prepaid_free_fen", "What holds may still take of a prepaid account, above its floor.", "carrier", "account")
	descFloor       = desc("prepaid_floor_fen", "What they never take of it.", "carrier", "account")
	descRunway      = desc("prepaid_runway_seconds", "How long it lasts at the pace of the last ten minutes.", "carrier", "account")
	descLow         = desc("prepaid_low", "1 while the account needs money.", "carrier", "account")
	descAlarms      = desc("prepaid_alarms_total", "How often it began to need money.", "carrier", "account")
	descMessages    = desc("messages_total", "What the embedded broker did with messages.", "what")
	descWaiting     = desc("messages_waiting", "Messages that a consumer group has still to do, or gave up (dead).", "topic", "group", "phase")
	descDelayed     = desc("messages_delayed", "Messages that are not due yet.", "topic")
	descInvocations = desc("invocations_total", "Calls of a function.", "function")
	descInstances   = desc("instances", "Processes of a function.", "function", "state")
	descRefused     = desc("refused_inputs", "Refused inputs that are remembered.", "function", "reason")
	descFaults      = desc("faults_total", "Injected faults that have struck.", "fault")
	descSpeed       = desc("clock_speed", "Speed of virtual time, times system time; 0 while frozen.")
	descCeiling     = desc("clock_ceiling", "Speed wished for.")
	descVirtual     = desc("clock_virtual_seconds", "Virtual time, unix.")
	descTimers      = desc("clock_timers", "Timers armed on the virtual clock.")
	descBusy        = desc("clock_busy", "Open work that holds virtual time.", "kind")
	descScrape      = desc("scrape_failed", "1 when the database could not be asked for this scrape.")
)

// meter reads everything at each scrape; it counts nothing itself.
type meter struct{ s *server }

// Describe is for prometheus: without descriptions the collector is unchecked, and its metrics may come and go.
func (m *meter) Describe(chan<- *prometheus.Desc) {}

// Collect is for prometheus.
func (m *meter) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	gauge(descScrape, truth(errors.Join(m.database(ctx, gauge), m.prepaid(ctx, gauge, counter)) != nil))
	m.clock(gauge)
	for fault, n := range m.s.Faults.Counters() {
		counter(descFaults, float64(n), fault)
	}
	m.broker(gauge, counter)
	m.functions(gauge, counter)
	m.refused(gauge)
}

type observe func(d *prometheus.Desc, v float64, labels ...string)

func (m *meter) database(ctx context.Context, gauge observe) error {
	counts, err := m.s.Store.StatusCounts(ctx)
	if err != nil {
		return err
	}
	for state, n := range counts.Orders {
		gauge(descOrders, float64(n), state)
	}
	gauge(descOpen, float64(counts.Open))
	a := counts.Attempts
	for outcome, n := range map[string]int{
		"placed": a.Placed, "won": a.Won, "lost": a.Lost, "cancelled": a.Cancelled, "rejected": a.Rejected, "unknown_resolved": a.UnknownResolved,
	} {
		gauge(descAttempts, float64(n), outcome)
	}
	rates, err := m.s.Store.ReportRates(ctx)
	if err != nil {
		return err
	}
	for _, x := range rates {
		for outcome, n := range map[string]int{"due": x.Due, "told": x.Told, "late": x.Late, "refused": x.Refused} {
			gauge(descMilestones, float64(n), x.Platform, outcome)
		}
		gauge(descToldRatio, x.Rate, x.Platform)
		gauge(descInTimeRatio, x.InTime, x.Platform)
	}
	totals, err := m.s.Store.LedgerTotals(ctx)
	if err != nil {
		return err
	}
	gauge(descEntries, float64(totals.Entries))
	gauge(descLedger, float64(totals.Income), "income")
	gauge(descLedger, float64(totals.Expense), "expense")
	gauge(descBalanced, truth(totals.Balanced))
	return nil
}

func (m *meter) prepaid(ctx context.Context, gauge, counter observe) error {
	if m.s.Settings == nil {
		return nil
	}
	all, err := m.s.Settings.Prepaids(ctx)
	for _, p := range all {
		gauge(descFree, float64(p.Free), p.Carrier, p.Account)
		gauge(descFloor, float64(p.Floor), p.Carrier, p.Account)
		if lasts, known := p.Runway(); known {
			gauge(descRunway, lasts.Seconds(), p.Carrier, p.Account)
		}
		gauge(descLow, truth(p.Alarm != ""), p.Carrier, p.Account)
		counter(descAlarms, float64(p.Alarms), p.Carrier, p.Account)
	}
	return err
}

func (m *meter) clock(gauge observe) {
	c := m.s.Clock.Status()
	gauge(descSpeed, c.Speed)
	gauge(descCeiling, c.Ceiling)
	gauge(descVirtual, float64(c.Virtual.UnixMilli())/1000)
	gauge(descTimers, float64(c.Timers))
	for kind, n := range c.Busy {
		gauge(descBusy, float64(n), kind)
	}
}

func (m *meter) broker(gauge, counter observe) {
	if m.s.Broker == nil {
		return
	}
	stats := m.s.Broker.Stats()
	for what, n := range map[string]int64{
		"sent": stats.Sent, "delivered": stats.Delivered, "redelivered": stats.Redelivered, "acked": stats.Acked, "dead": stats.Dead, "recalled": stats.Recalled,
	} {
		counter(descMessages, float64(n), what)
	}
	for topic, t := range stats.Topics {
		if strings.HasPrefix(topic, deadPrefix) {
			continue // counted with the group below
		}
		gauge(descDelayed, float64(t.Delayed), topic)
		for group, g := range t.Groups {
			gauge(descWaiting, float64(g.Ready), topic, group, "ready")
			gauge(descWaiting, float64(g.InFlight), topic, group, "in_flight")
			gauge(descWaiting, float64(g.Parked), topic, group, "parked")
			gauge(descWaiting, float64(stats.Topics[deadPrefix+group].Messages), topic, group, "dead")
		}
	}
}

func (m *meter) functions(gauge, counter observe) {
	if m.s.Functions == nil {
		return
	}
	for name, n := range m.s.Functions.Invocations() {
		counter(descInvocations, float64(n), name)
	}
	type key struct{ function, state string }
	instances := map[key]int{}
	for _, i := range m.s.Functions.Instances() {
		instances[key{i.Function, i.State}]++
	}
	for k, n := range instances {
		gauge(descInstances, float64(n), k.function, k.state)
	}
}

func (m *meter) refused(gauge observe) {
	if m.s.Refused == nil {
		return
	}
	type key struct{ function, reason string }
	refused := map[key]int{}
	for _, r := range m.s.Refused(maxRefused) {
		refused[key{r.Function, r.Reason}]++
	}
	for k, n := range refused {
		gauge(descRefused, float64(n), k.function, k.reason)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
