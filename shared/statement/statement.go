// Package statement is what a platform is asked to pay for a span of business days: which
// entries stand on a statement, what is open of it, how payments go to accounts, and the CSV
// file and printable page of it. It is pure; the store keeps statements and their steps.
//
// A statement has every earned entry of its platform's accounts that happened before Until and
// was posted with an id up to ToID, less what the statement before it has by its own two marks.
// Neither mark ever goes back, so each earned entry stands on exactly one statement, however
// late it was posted, and nothing is stored per line.
package statement

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Statement is one statement as it stands.
type Statement struct {
	ID       int64     `json:"id"`
	Platform string    `json:"platform"`
	Seq      int       `json:"seq"`          // 1, 2, … of the platform
	Revision int       `json:"revision"`     // 1 as first issued
	From     time.Time `json:"from"`         // midnight in Shanghai
	Until    time.Time `json:"until"`        // exclusive: midnight after the last day
	ToID     int64     `json:"to_id,string"` // of the last ledger entry that it could have
	Entries  int       `json:"entries"`      // that the marks choose
	Earned   Amounts   `json:"earned"`       // their sums
	Lines    int       `json:"lines"`        // of this revision: without those that were rejected before it
	Total    money.Fen `json:"total_fen"`    // of this revision
	Rejected money.Fen `json:"rejected_fen"` // since this revision
	Paid     money.Fen `json:"paid_fen"`     // by the platform; below zero = by us
	State    State     `json:"state"`
	By       string    `json:"by"`
	At       time.Time `json:"at"` // when it was first issued, as the paper says
}

// Open is what the platform still owes; below zero, what we owe it.
func (s Statement) Open() money.Fen { return s.Total - s.Rejected - s.Paid }

// MarshalJSON adds the number and what is open.
func (s Statement) MarshalJSON() ([]byte, error) {
	type plain Statement
	return json.Marshal(struct {
		plain
		Number string    `json:"number"`
		Open   money.Fen `json:"open_fen"`
	}{plain(s), s.Number(), s.Open()})
}

// Number is the statement's name on paper: jd-0003, and jd-0003-r2 when it was issued again.
func (s Statement) Number() string {
	n := fmt.Sprintf("%s-%04d", s.Platform, s.Seq)
	if s.Revision > 1 {
		n += fmt.Sprintf("-r%d", s.Revision)
	}
	return n
}

// Line is one earned entry on a statement.
type Line struct {
	EntryID int64
	OrderID int64  // 0 = no order
	OrderNo string // the platform's number; empty when the order is past its retention
	Kind    Kind
	Amount  money.Fen // what the platform owes for it; below zero = a deduction
	Reason  string    // code, and after a colon its cause
	At      time.Time // of the event
}

// Source gives the lines of a statement one by one: deliveries, then 违约金, then
// compensation, each in the order in which they were posted. It ends at each's first error.
type Source func(each func(Line) error) error

// Step is one thing that became of a statement after it was issued.
type Step struct {
	Seq      int       `json:"seq"`
	Revision int       `json:"revision"` // in force when it was made
	Kind     string    `json:"kind"`
	Key      string    `json:"key"` // its transaction in the ledger, if it has one
	OrderID  int64     `json:"order_id,omitempty,string"`
	Change   Amounts   `json:"change"` // of what is open, by account
	Note     string    `json:"note,omitempty"`
	By       string    `json:"by"`
	EventAt  time.Time `json:"event_at"`
	At       time.Time `json:"at"` // system time
}

// Kinds of steps.
const (
	StepSetOff   = "set_off"  // compensation is deducted from what the platform owes
	StepPayment  = "payment"  // money came, or went
	StepUnpaid   = "unpaid"   // a payment is taken back
	StepRejected = "rejected" // the platform refuses a line
	StepLifted   = "lifted"   // the platform pays it after all
	StepReissued = "reissued" // a new revision
)

// shanghai is the business's time zone; it has had no daylight saving since 1991.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

const dayLayout = "2006-01-02"

// Day is the business date of an instant.
func Day(at time.Time) string { return at.In(shanghai).Format(dayLayout) }

// ParseDay reads a business day: its first instant.
func ParseDay(text string) (time.Time, error) {
	t, err := time.ParseInLocation(dayLayout, text, shanghai)
	if err != nil {
		return t, fmt.Errorf("%w: %q: want a day such as 2026-11-23", ErrSpan, text)
	}
	return t.UTC(), nil
}

// ErrSpan says that a statement cannot have these days.
var ErrSpan = errors.New("statement: bad days")

// maxSpan is longer than anybody waits for money.
const maxSpan = 400 * 24 * time.Hour

// CheckSpan says whether a statement may have the days from from to until, which it leaves
// out, when the one before it ended at last (zero = there is none) and it is now. A from of
// zero means the day at which the one before it ended, and is returned as that.
func CheckSpan(from, until, last, now time.Time) (time.Time, error) {
	bad := func(format string, args ...any) (time.Time, error) {
		return from, fmt.Errorf("%w: %s", ErrSpan, fmt.Sprintf(format, args...))
	}
	if from.IsZero() {
		from = last
	}
	switch {
	case from.IsZero():
		return bad("the first statement of a platform needs its first day")
	case !midnight(from) || !midnight(until):
		return bad("days begin at midnight in Shanghai")
	case !from.Before(until):
		return bad("from %s until %s is no day at all; until is exclusive", Day(from), Day(until))
	case until.Sub(from) > maxSpan:
		return bad("from %s until %s is more than a year", Day(from), Day(until))
	case until.After(now):
		return bad("%s is not over yet: nobody knows what it earns", Day(until.Add(-time.Millisecond)))
	case !last.IsZero() && !from.Equal(last):
		return bad("the statement before it ends with %s, so this one begins with %s, not %s", Day(last.Add(-time.Millisecond)), Day(last), Day(from))
	}
	return from, nil
}

func midnight(at time.Time) bool {
	y, m, d := at.In(shanghai).Date()
	return at.Equal(time.Date(y, m, d, 0, 0, 0, 0, shanghai))
}
