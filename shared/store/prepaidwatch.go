package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
)

// Alarm is something to tell about a prepaid account: that it is low, still low, or low no more.
type Alarm struct {
	Prepaid
	Over bool // Alarm is empty then
}

const (
	tellAgain  = 10 * time.Minute // an alarm that lasts is told again after so long, in virtual time
	usedUp     = "used up"
	sampleStep = 30 * time.Second // a sweep that finds a sample as young as that is not the only one
)

// watched is a row of prepaid_watch.
type watched struct {
	samples     samples
	alarm       string
	since, told time.Time
	alarms      int
}

// WatchPrepaids looks at every prepaid account once a minute: it notes how fast the money
// goes, gives what is to be told of accounts that get low, at most once in ten minutes each,
// and mends floors that an older build has moved. now is virtual time.
func (s *Store) WatchPrepaids(ctx context.Context, now time.Time) ([]Alarm, error) {
	rules, err := s.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	var told []Alarm
	err = s.tx(ctx, "watch prepaid accounts", func(tx *sql.Tx) error {
		told = nil
		known, err := lockWatched(ctx, tx)
		if err != nil {
			return err
		}
		all, err := readPrepaids(ctx, tx)
		if err != nil {
			return err
		}
		var rows [][]any
		for _, p := range all {
			rule := ruleFor(rules, p)
			if p.Floor != rule.Floor {
				if p, err = mendFloor(ctx, tx, p); err != nil {
					return err
				}
			}
			w := known[purse{p.Carrier, p.Account}]
			if a, tell := w.look(p, rule, now); tell {
				told = append(told, a)
			}
			rows = append(rows, w.row(p))
		}
		cols := []string{"carrier", "account", "samples", "alarm", "since_at", "told_at", "alarms"}
		return insert{table: "prepaid_watch", cols: cols, update: cols[2:]}.exec(ctx, tx, rows)
	})
	if err != nil {
		return nil, err
	}
	return told, nil
}

// mendFloor brings the reserve to what the rule says now, under the rule's lock: somebody may be changing it.
func mendFloor(ctx context.Context, tx *sql.Tx, p Prepaid) (Prepaid, error) {
	rule, err := lockAccount(ctx, tx, p.Carrier, p.Account)
	if err != nil || rule == nil {
		return p, err
	}
	p.Free, p.Floor = p.Free+p.Floor-rule.Floor, rule.Floor
	return p, setFloor(ctx, tx, purse{p.Carrier, p.Account}, rule.Floor)
}

// ruleFor is the rule of an account; one without any has the defaults.
func ruleFor(rules []carrier.AccountRule, p Prepaid) carrier.AccountRule {
	i := slices.IndexFunc(rules, func(r carrier.AccountRule) bool { return r.Carrier == p.Carrier && r.Account == p.Account })
	if i < 0 {
		return carrier.AccountRule{Carrier: p.Carrier, Account: p.Account, Active: true}
	}
	return rules[i]
}

func lockWatched(ctx context.Context, tx *sql.Tx) (map[purse]watched, error) {
	out := map[purse]watched{}
	rows, err := tx.QueryContext(ctx, "SELECT carrier, account, samples, alarm, since_at, told_at, alarms FROM prepaid_watch ORDER BY carrier, account FOR UPDATE")
	err = each(rows, err, "watched accounts", func(r *sql.Rows) error {
		var p purse
		var w watched
		var raw []byte
		var since, told sql.NullInt64
		if err := r.Scan(&p.carrier, &p.account, &raw, &w.alarm, &since, &told, &w.alarms); err != nil {
			return err
		}
		known, err := readSamples(raw)
		w.samples, w.since, w.told = known, at(since), at(told)
		out[p] = w
		return err
	})
	return out, err
}

// look takes a new reading and says what is to be told.
func (w *watched) look(p Prepaid, rule carrier.AccountRule, now time.Time) (Alarm, bool) {
	if n := len(w.samples); n == 0 || now.Before(w.samples[n-1].at) || now.Sub(w.samples[n-1].at) >= sampleStep {
		w.samples = w.samples.with(sample{now, p.taken})
	}
	p.Pace = w.samples.pace()
	was := w.alarm
	w.alarm = clip(low(p, rule), 255)
	switch {
	case w.alarm == "" && was == "":
		return Alarm{}, false
	case w.alarm == "":
		w.since, w.told = time.Time{}, time.Time{}
	case was == "":
		w.since, w.alarms = now, w.alarms+1
	case strings.HasPrefix(w.alarm, usedUp) && !strings.HasPrefix(was, usedUp): // it got worse
	case now.Sub(w.told) < tellAgain && !now.Before(w.told):
		return Alarm{}, false
	}
	if w.alarm != "" {
		w.told = now
	}
	p.Alarm, p.SinceAt, p.Alarms = w.alarm, w.since, w.alarms
	return Alarm{Prepaid: p, Over: w.alarm == ""}, true
}

// low says why an account needs money; one that serves nothing needs none.
func low(p Prepaid, rule carrier.AccountRule) string {
	lasts, known := p.Runway()
	if !known {
		lasts = -1
	}
	switch {
	case !rule.Active:
		return ""
	case p.UsedUp():
		return fmt.Sprintf(usedUp+": %s is free, an average hold takes %s", p.Free, p.Price)
	}
	return rule.Low(p.Free, lasts)
}

func (w watched) row(p Prepaid) []any {
	return []any{p.Carrier, p.Account, w.samples.text(), w.alarm, ms(w.since), ms(w.told), w.alarms}
}
