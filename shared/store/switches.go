package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What can be switched off.
const (
	SwitchCarrier     = "carrier"      // subject uupt: no new attempt goes there
	SwitchPlatform    = "platform"     // subject meituan: no new order is taken from it
	SwitchCity        = "city"         // subject 330100: no new order is taken there
	SwitchCarrierCity = "carrier_city" // subject uupt:330100: no new attempt goes to this carrier in this city
)

// SwitchKinds are all of them.
var SwitchKinds = []string{SwitchCarrier, SwitchPlatform, SwitchCity, SwitchCarrierCity}

// Switch is one carrier, platform or city as people have set it.
type Switch struct {
	Kind    string    `json:"kind"`
	Subject string    `json:"subject"`
	Off     bool      `json:"off"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	At      time.Time `json:"at"` // system time
}

// maxReason is what a switch's reason holds, in characters.
const maxReason = 255

// ErrSwitch says that a switch cannot be what it says.
var ErrSwitch = errors.New("no such switch")

// Check refuses a switch that could not mean anything, or that says neither why nor by whom.
func (x Switch) Check() error {
	carrier, city, pair := strings.Cut(x.Subject, ":")
	switch {
	case !slices.Contains(SwitchKinds, x.Kind):
		return fmt.Errorf("%w: kind %q is none of %s", ErrSwitch, x.Kind, strings.Join(SwitchKinds, ", "))
	case x.Subject == "" || len(x.Subject) > 64 || strings.ContainsAny(x.Subject, " \t\n"):
		return fmt.Errorf("%w: subject %q", ErrSwitch, x.Subject)
	case x.Kind == SwitchCity && !isCity(x.Subject):
		return fmt.Errorf("%w: city %q is no six digits, as 330100", ErrSwitch, x.Subject)
	case x.Kind == SwitchCarrierCity && (!pair || carrier == "" || !isCity(city)):
		return fmt.Errorf("%w: subject %q is no carrier and city, as uupt:330100", ErrSwitch, x.Subject)
	case x.Kind != SwitchCarrierCity && pair:
		return fmt.Errorf("%w: subject %q of a %s has a colon", ErrSwitch, x.Subject, x.Kind)
	case x.Off && x.Reason == "":
		return fmt.Errorf("%w: say why it is switched off", ErrSwitch)
	}
	return nil
}

func isCity(code string) bool {
	return len(code) == 6 && strings.Trim(code, "0123456789") == ""
}

// Switches lists every switch that was ever used.
func (s *Store) Switches(ctx context.Context) ([]Switch, error) {
	return readSwitches(ctx, s.db, "ORDER BY kind, subject")
}

// SwitchedOff lists what is off now.
func (s *Store) SwitchedOff(ctx context.Context) ([]Switch, error) {
	return readSwitches(ctx, s.db, "WHERE off ORDER BY kind, subject")
}

func readSwitches(ctx context.Context, db execer, which string, args ...any) ([]Switch, error) {
	out := []Switch{}
	rows, err := db.QueryContext(ctx, "SELECT kind, subject, off, reason, by_whom, at FROM live_switch "+which, args...)
	err = each(rows, err, "switches", func(r *sql.Rows) error {
		var x Switch
		var ms int64
		err := r.Scan(&x.Kind, &x.Subject, &x.Off, &x.Reason, &x.By, &ms)
		x.At = time.UnixMilli(ms).UTC()
		out = append(out, x)
		return err
	})
	return out, err
}

// SetSwitch switches off or on; x.By and x.At are the act. False = it stood so already, for
// the same reason: nothing is changed then.
func (s *Store) SetSwitch(ctx context.Context, x Switch) (bool, error) {
	if err := x.Check(); err != nil {
		return false, err
	}
	x.Reason, x.By = clip(x.Reason, maxReason), clip(x.By, maxBy)
	changed := false
	err := s.tx(ctx, "switch", func(tx *sql.Tx) error {
		had, err := readSwitches(ctx, tx, "WHERE kind = ? AND subject = ? FOR UPDATE", x.Kind, x.Subject)
		if err != nil {
			return err
		}
		var before any
		if len(had) > 0 {
			before = had[0]
		}
		changed = len(had) == 0 && x.Off || len(had) > 0 && (had[0].Off != x.Off || x.Off && had[0].Reason != x.Reason)
		if !changed {
			return nil
		}
		row := []any{x.Kind, x.Subject, x.Off, x.Reason, x.By, x.At.UnixMilli()}
		write := insert{table: "live_switch", cols: []string{"kind", "subject", "off", "reason", "by_whom", "at"}, update: []string{"off", "reason", "by_whom", "at"}}
		if err := write.exec(ctx, tx, [][]any{row}); err != nil {
			return err
		}
		verb := "switch on"
		if x.Off {
			verb = "switch off"
		}
		return audit(ctx, tx, Act{By: x.By, At: x.At}, verb, x.Kind+"/"+x.Subject, before, x)
	})
	return changed && err == nil, err
}

// Reach is what a switch would concern now.
type Reach struct {
	Orders   int `json:"orders"`   // open orders
	Attempts int `json:"attempts"` // live attempts of those: they go on
}

// attemptEnds are the states in which an attempt is over.
const attemptEnds = "('rejected', 'delivered', 'cancelled', 'returned')"

// SwitchReach counts what a switch would concern: open orders of the platform or city, or
// those with a live attempt at the carrier.
func (s *Store) SwitchReach(ctx context.Context, kind, subject string) (Reach, error) {
	where, args := "o.platform = ?", []any{subject}
	count := "COUNT(DISTINCT o.id)"
	carrier, city, _ := strings.Cut(subject, ":")
	switch kind {
	case SwitchCity:
		where = "o.city = ?"
	case SwitchCarrier:
		where, count = "a.carrier = ?", "COUNT(DISTINCT a.order_id)"
	case SwitchCarrierCity:
		where, args, count = "a.carrier = ? AND o.city = ?", []any{carrier, city}, "COUNT(DISTINCT a.order_id)"
	}
	var out Reach
	err := s.db.QueryRowContext(ctx, "SELECT "+count+", COUNT(a.n) FROM orders o LEFT JOIN attempt a ON a.order_id = o.id AND a.state NOT IN "+attemptEnds+
		" WHERE o.wake_at IS NOT NULL AND "+where, args...).Scan(&out.Orders, &out.Attempts)
	if err != nil {
		return out, fmt.Errorf("count what the switch concerns: %w", err)
	}
	return out, nil
}
