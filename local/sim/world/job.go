package world

import (
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// State is where an order is in a carrier's hands, in words common to all carriers.
type State string

// The states of an order at a carrier.
const (
	Waiting     State = "waiting"      // placed, nobody has accepted
	Reassigning State = "reassigning"  // the rider gave it up, another is sought (转单)
	Accepted    State = "accepted"     //
	Arrived     State = "arrived"      // at the shop
	PickedUp    State = "picked_up"    //
	AtCustomer  State = "at_customer"  // only at carriers that tell it
	Delivered   State = "delivered"    // final
	CancelAsked State = "cancel_asked" // after pickup: the rider has been asked
	Returning   State = "returning"    // the goods are on their way back
	Disputed    State = "disputed"     // the rider refused; 客服 decides
	Cancelled   State = "cancelled"    // final
	Exception   State = "exception"    // told by carriers beside the state that the order is in, which stays
)

// Final tells whether nothing can follow.
func (s State) Final() bool { return s == Delivered || s == Cancelled }

// Actor is who ended an order or is at fault for it.
type Actor string

// Who may end an order.
const (
	ByClient  Actor = "client"
	ByRider   Actor = "rider"
	BySystem  Actor = "system"
	ByService Actor = "service" // 客服
)

// End says how a cancelled order ended.
type End struct {
	By       Actor  `json:"by,omitempty"`
	Fault    Actor  `json:"fault,omitempty"`
	Reason   string `json:"reason,omitempty"`
	NoRider  bool   `json:"no_rider,omitempty"`
	Returned bool   `json:"returned,omitempty"` // the goods went back to the shop
}

// Rider is a courier.
type Rider struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Mobile string `json:"mobile"`
}

// Change is one state with the virtual instant it was reached.
type Change struct {
	State State     `json:"state"`
	At    time.Time `json:"at"`
}

// Job is one order at a carrier. Copies handed out by a Fleet are snapshots.
type Job struct {
	CarrierNo, ClientNo string
	Pickup, Dropoff     Point
	Metres, Kg          int
	Lines               []Line    // the price as charged, the first tip included
	Fee                 money.Fen // delivery without tips, as taken at placement
	Tips                money.Fen // all tips so far
	Kept                money.Fen // after a cancel: what of fee and tips the carrier keeps
	Extra               money.Fen // taken beyond fee and tips (闪送 sendBackFee)
	Refund              money.Fen // given back
	State               State
	Rider               *Rider // nil before acceptance and after a 转单
	Placed              time.Time
	AcceptedAt          time.Time // zero before
	Log                 []Change
	End                 End
	Data                any // what the party itself keeps of the order; never changed
}

// Changed is when the present state was reached.
func (j Job) Changed() time.Time { return j.Log[len(j.Log)-1].At }

// Charged is what the carrier has taken for the order so far, refunds deducted.
func (j Job) Charged() money.Fen { return j.Fee + j.Tips + j.Extra - j.Refund }

// Penalty is the 违约金 of a cancelled order, 0 otherwise.
func (j Job) Penalty() money.Fen {
	if j.State != Cancelled {
		return 0
	}
	return j.Kept + j.Extra
}

// Itemised are the lines of the price with all tips, later ones included, in one line.
func (j Job) Itemised() []Line {
	var lines []Line
	for _, l := range j.Lines {
		if l.Kind != LineTip {
			lines = append(lines, l)
		}
	}
	if j.Tips > 0 {
		lines = append(lines, Line{LineTip, j.Tips})
	}
	return lines
}

// job is the Fleet's own record.
type job struct {
	Job
	notBefore time.Time // an 预约 order is not offered to riders earlier
	epoch     int       // counts what has been armed; a timer of an older epoch does nothing
	stop      func()    // of the armed timer
	round     int       // how often riders have been sought
	giveUpAt  State     // where the carrier will give the order up; empty if not
	reassign  bool      // … and only change the rider
	held      bool      // nothing happens by itself any more
	trouble   bool      // the customer will not be reached when the rider is at the door
	ride      track
	calls     int
	notices   int // callbacks made
	delivered int // callbacks acknowledged by the client
	history   []Record
	later     []BillLine // charges after the end
}

// key is what decisions about the order are drawn by: the client's number, or the
// carrier's where the client gave none.
func (j *job) key() string {
	if j.ClientNo != "" {
		return j.ClientNo
	}
	return j.CarrierNo
}

// Record is one line of an order's history in the carrier's books.
type Record struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`             // asked, state, charged, refunded, callback
	Detail string    `json:"detail,omitempty"` // the call, the state, what the money was for
	Amount money.Fen `json:"amount_fen,omitempty"`
}

func (f *Fleet) note(j *job, what, detail string, amount money.Fen) {
	j.history = append(j.history, Record{f.clock.Now(), what, detail, amount})
}
