package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Prepaid is what is left of the money that a carrier account was prepaid with.
type Prepaid struct {
	Carrier string    `json:"carrier"`
	Account string    `json:"account"`
	Shards  int       `json:"shards"`
	Free    money.Fen `json:"free_fen"`            // what holds may still take; below zero = so much must come first
	Floor   money.Fen `json:"floor_fen,omitempty"` // what they never take, beside it
	Price   money.Fen `json:"price_fen,omitempty"` // of an average hold; 0 = there was none yet

	// As of the last sweep.
	Pace    money.Fen `json:"pace_fen,omitempty"` // held in an hour, going by the last minutes
	Alarm   string    `json:"alarm,omitempty"`    // why it is low; empty = it is not
	SinceAt time.Time `json:"alarm_since,omitzero"`
	Alarms  int       `json:"alarms,omitempty"` // how often one was raised

	taken money.Fen
}

// UsedUp reports whether the account cannot pay for an average order: nothing is asked of it
// then. What comes back or is deposited opens it again.
func (p Prepaid) UsedUp() bool { return p.Free <= 0 || p.Free < p.Price }

// Runway is how long the account lasts at its pace, in whole minutes; false = nothing goes by which that is known.
func (p Prepaid) Runway() (time.Duration, bool) {
	if p.Pace <= 0 {
		return 0, false
	}
	free := max(0, p.Free)
	if free/p.Pace >= longest {
		return longest * time.Hour, true
	}
	return time.Duration(free*60/p.Pace) * time.Minute, true
}

// longest is a hundred years in hours: beyond it a runway means nothing, and would wrap.
const longest = 100 * 365 * 24

// Shards counts the shards of each carrier account that holds are taken from.
func (s *Store) Shards(ctx context.Context) (map[[2]string]int, error) {
	out := map[[2]string]int{}
	all, err := s.Prepaids(ctx)
	for _, p := range all {
		out[[2]string{p.Carrier, p.Account}] = p.Shards
	}
	return out, err
}

// Prepaids lists the prepaid accounts, by carrier and name.
func (s *Store) Prepaids(ctx context.Context) ([]Prepaid, error) {
	return readPrepaids(ctx, s.db)
}

func readPrepaids(ctx context.Context, db execer) ([]Prepaid, error) {
	out := []Prepaid{}
	rows, err := db.QueryContext(ctx, `SELECT s.carrier, s.account, s.shards, s.free_fen, s.floor_fen, s.taken_fen, s.holds, w.samples, w.alarm, w.since_at, w.alarms
 FROM (SELECT carrier, account, CAST(SUM(shard >= 0) AS SIGNED) AS shards, CAST(SUM(IF(shard >= 0, free_fen, 0)) AS SIGNED) AS free_fen,
 CAST(SUM(IF(shard < 0, free_fen, 0)) AS SIGNED) AS floor_fen, CAST(SUM(taken_fen) AS SIGNED) AS taken_fen, CAST(SUM(holds) AS SIGNED) AS holds FROM prepaid_shard GROUP BY carrier, account) s
 LEFT JOIN prepaid_watch w ON w.carrier = s.carrier AND w.account = s.account ORDER BY s.carrier, s.account`)
	err = each(rows, err, "prepaid accounts", func(r *sql.Rows) error {
		var p Prepaid
		var holds int64
		var samples []byte
		var alarm sql.NullString
		var since, alarms sql.NullInt64
		if err := r.Scan(&p.Carrier, &p.Account, &p.Shards, &p.Free, &p.Floor, &p.taken, &holds, &samples, &alarm, &since, &alarms); err != nil {
			return err
		}
		if holds > 0 {
			p.Price = p.taken / money.Fen(holds)
		}
		known, err := readSamples(samples)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", p.Carrier, p.Account, err)
		}
		p.Pace, p.Alarm, p.SinceAt, p.Alarms = known.pace(), alarm.String, at(since), int(alarms.Int64)
		out = append(out, p)
		return nil
	})
	return out, err
}

// sample is what had been held of an account up to an instant.
type sample struct {
	at    time.Time // virtual
	taken money.Fen
}

// samples are those of the last minutes, oldest first.
type samples []sample

// paceOver is the time by which the pace of an account is judged, paceLeast the least that says anything.
const (
	paceOver  = 10 * time.Minute
	paceLeast = time.Minute
)

func readSamples(raw []byte) (samples, error) {
	var pairs [][2]int64
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &pairs); err != nil {
			return nil, fmt.Errorf("samples: %w", err)
		}
	}
	var out samples
	for _, p := range pairs {
		out = append(out, sample{time.UnixMilli(p[0]).UTC(), money.Fen(p[1])})
	}
	return out, nil
}

func (s samples) text() string {
	pairs := make([][2]int64, len(s))
	for i, x := range s {
		pairs[i] = [2]int64{x.at.UnixMilli(), int64(x.taken)}
	}
	raw, _ := json.Marshal(pairs) // numbers
	return string(raw)
}

// with adds a sample, and leaves out those older than it takes to judge the pace. A clock or
// a count that went back begins anew.
func (s samples) with(x sample) samples {
	var out samples
	for i, had := range s {
		if had.at.After(x.at) || had.taken > x.taken {
			return samples{x}
		}
		if i+1 < len(s) && x.at.Sub(s[i+1].at) >= paceOver {
			continue // the next one is old enough
		}
		out = append(out, had)
	}
	return append(out, x)
}

// pace is what was held in an hour, going by the samples; 0 = nothing, or too few of them.
func (s samples) pace() money.Fen {
	if len(s) < 2 {
		return 0
	}
	first, last := s[0], s[len(s)-1]
	over := last.at.Sub(first.at)
	if over < paceLeast {
		return 0
	}
	return (last.taken - first.taken) * money.Fen(time.Hour.Milliseconds()) / money.Fen(over.Milliseconds())
}
