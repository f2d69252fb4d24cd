// Package reconcile matches a carrier's daily bill with what our ledger booked for the same
// prepaid account and business day. Every line ends matched, explained, disputed or in
// suspense, each with the reason in one word; what we booked and the bill lacks is named too.
//
// It is pure but for temporary files: lines and bookings are streams, split by a hash of the
// carrier's number into parts that fit into memory, so that a bill may have any length. What
// does not agree is kept in memory, and bounded by Options.Limit.
package reconcile

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
)

// Ref names an attempt by the order's id and its number. Order 0 = nobody knows.
type Ref struct {
	Order int64 `json:"order_id,string"`
	N     int   `json:"n"`
}

// Booking is one amount that our ledger booked for an attempt on the day.
type Booking struct {
	Ref
	CarrierNo string    // the carrier's number of its waybill; empty where it never told one
	Kind      bill.Kind // fee, tip, penalty or compensation
	Amount    money.Fen // what it cost us: below zero for a correction, and for compensation
	At        time.Time // of the event
}

// Past is what the books know about an attempt beside the bookings of the day.
type Past struct {
	Ref
	CarrierNo string
	Account   string    // whose attempt it is, where it is not the bill's account
	Items     []Open    // differences on other bills that are not settled
	Other     money.Fen // booked on days whose bill has not been imported
	Paid      Costs     // booked on the bill's own day, and on other days whose bill has been imported
	Estimated bool      // our 违约金 is a rule's figure: the carrier never stated its own
}

// Costs are amounts by kind.
type Costs map[bill.Kind]money.Fen

func (c Costs) total() money.Fen {
	var sum money.Fen
	for _, x := range c {
		sum += x
	}
	return sum
}

// Open is a difference on another bill of the account that waits for an answer.
type Open struct {
	ID   int64
	Diff money.Fen // what that bill had more than we booked; negative = less
	// CutOff: that bill had the lines of what we booked on a later day. The booking is the answer.
	CutOff bool
	// Unread: a line that could not be read, and stands for nothing that we booked yet.
	Unread bool
	// Covered: what we booked and such a line stands for.
	Covered bool
	// Late: what we booked late in that bill's day, and this bill may have.
	Late bool
}

// Finding is a line that does not simply match, or something that no line is for.
type Finding struct {
	Outcome Outcome
	Why     Why
	Ref               // Order 0 = nobody's
	Line    bill.Line // No 0 = the bill has no line for it
	Theirs  money.Fen // what the line says, as it counts in the net: below zero when it was given to us
	Ours    money.Fen // what we booked for it
	// Diff is what is to be decided: what the bill has more than we booked; negative = less. 0 = no money.
	Diff  money.Fen
	Kind  bill.Kind // of the cost that is in question
	At    time.Time // of the line, or of what we booked
	Note  string    // the text at fault, for people
	Until time.Time // when what may still come has to be there; zero = it is not waited for
	Ends  []int64   // items of other bills that this line answers
}

// MarshalJSON is the flat form for machines.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Line      int       `json:"line,omitempty"`
		Outcome   Outcome   `json:"outcome"`
		Why       Why       `json:"why"`
		CarrierNo string    `json:"carrier_no,omitempty"`
		ClientNo  string    `json:"client_no,omitempty"`
		OrderID   int64     `json:"order_id,string"`
		N         int       `json:"n"`
		Kind      bill.Kind `json:"kind"`
		Theirs    money.Fen `json:"theirs_fen"`
		Ours      money.Fen `json:"ours_fen"`
		Diff      money.Fen `json:"diff_fen"`
		At        time.Time `json:"at"`
		Note      string    `json:"note,omitempty"`
		Raw       string    `json:"raw,omitempty"`
		Ends      []int64   `json:"ends,omitempty"`
	}{f.Line.No, f.Outcome, f.Why, f.Line.CarrierNo, f.Line.ClientNo, f.Order, f.N, f.Kind, f.Theirs, f.Ours, f.Diff, f.At, f.Note, f.Line.Raw, f.Ends})
}

// Options of a run. The zero value of each field means its default.
type Options struct {
	Day    string        // "2026-11-23", Asia/Shanghai
	Dir    string        // where the temporary files go; empty = the system's directory
	Parts  int           // files that each stream is split into, 128
	Limit  int           // how many lines and bookings may disagree before the file is refused, 300,000
	Window time.Duration // how far apart a line without a number and a booking may be, 30 min
	Late   time.Duration // what was booked this long before the day's end may come with the next bill, and this long after its begin with the one before, 2 h
	Favour money.Fen     // an amount up to this in our favour is not worth a question, 0
	Figure money.Fen     // how much more than our estimate a carrier's own 违约金 may be without a question, 20 元
	// Progress hears how far the run is, now and then, from one goroutine at a time.
	Progress func(Progress)
}

// Progress is how far a run is.
type Progress struct {
	Phase    string // reading, comparing
	Lines    int
	Bytes    int64 // of the file
	Bookings int
	Part     int // of Parts, while comparing
	Parts    int
}

// Report is what a run found. Its findings are in the order of the lines; those without a line
// come last, by order.
type Report struct {
	Lines    int             `json:"lines"`
	Net      money.Fen       `json:"net_fen"`  // of the readable lines: taken less given
	Bookings int             `json:"bookings"` // of the day
	Booked   money.Fen       `json:"booked_fen"`
	Outcomes map[Outcome]int `json:"outcomes"` // every line once
	Whys     map[Why]int     `json:"whys"`     // of lines and of what is missing; matched lines have none
	Missing  map[Outcome]int `json:"missing"`  // what no line is for
	Findings []Finding       `json:"findings"`
}

// ErrTooMany says that so much disagrees that the file cannot be the account's bill of the day.
var ErrTooMany = errors.New("reconcile: too much disagrees")

var errCount = errors.New("reconcile: lines were lost or counted twice")

func (o Options) withDefaults() (Options, time.Time, error) {
	if o.Parts == 0 {
		o.Parts = 128
	}
	if o.Limit == 0 {
		o.Limit = 300_000
	}
	if o.Window == 0 {
		o.Window = 30 * time.Minute
	}
	if o.Late == 0 {
		o.Late = 2 * time.Hour
	}
	if o.Figure == 0 {
		o.Figure = 20_00
	}
	day, err := time.ParseInLocation(time.DateOnly, o.Day, shanghai)
	if err != nil || o.Parts < 1 || o.Limit < 1 || o.Window < 0 || o.Late < 0 || o.Favour < 0 || o.Figure < 0 {
		return o, day, fmt.Errorf("reconcile: options %+v: want a day such as 2026-11-23, and nothing negative", o)
	}
	return o, day, nil
}

// shanghai is the business's time zone.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)
