package jd

import (
	"fmt"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Told is one report-back in the books.
type Told struct {
	At         time.Time   `json:"at"` // virtual
	What       string      `json:"what"`
	Stage      world.Stage `json:"stage"`
	RiderName  string      `json:"rider_name,omitempty"`
	RiderPhone string      `json:"rider_phone,omitempty"`
	Carrier    string      `json:"carrier,omitempty"`
	Waybill    string      `json:"waybill,omitempty"`
	Repeat     bool        `json:"repeat,omitempty"`  // the same again
	Refused    bool        `json:"refused,omitempty"` // the platform did not take it
}

// Violation is a report-back that should not have been made.
type Violation struct {
	At   time.Time `json:"at"`
	No   string    `json:"no"`
	What string    `json:"what"`
}

// stages are the statuses of 商家自送跟踪: waiting for a rider, accepted, at the shop,
// picked up. GAP: only 10 (等待抢单) is stated anywhere.
var stages = map[world.Text]world.Stage{
	"10": world.StageDispatched, "20": world.StageAccepted, "22": world.StageArrived, "30": world.StagePickedUp,
}

// track shows the customer who comes and how far they are. The order's state stays.
// Out-of-order reports are taken, and kept as violations.
func (s *Service) track(o *order, c call) (any, func(), error) {
	stage, ok := stages[c.Status]
	if !ok {
		s.violate(o, fmt.Sprintf("unknown delivery status %q", string(c.Status)))
		return nil, nil, fmt.Errorf("%w: %q", errStatus, string(c.Status))
	}
	t := Told{
		What: "track " + string(c.Status), Stage: stage,
		RiderName: c.ManName, RiderPhone: c.ManPhone, Carrier: c.CarrierName, Waybill: c.BillNo,
	}
	if wrong := o.follows(&t); wrong != "" {
		s.violate(o, wrong)
	}
	return nil, s.enter(o, t), nil
}

// follows tells what is wrong with tracking after that before, "" if nothing is, and marks
// a repeat. Backwards is allowed with another rider and, naming nobody, to the search for
// one (改派); nothing follows a delivery.
func (o *order) follows(t *Told) string {
	last, ok := o.lastTracked()
	t.Repeat = ok && last.What == t.What && last.rider() == t.rider()
	switch {
	case t.Repeat:
		return ""
	case o.status == Delivered:
		return t.What + " after delivery"
	case t.rider() == "" && t.Stage == world.StageDispatched:
		return ""
	case ok && t.Stage < last.Stage && last.rider() == t.rider():
		return fmt.Sprintf("backwards from %s to %s with the same rider", last.What, t.What)
	}
	return ""
}

func (t Told) rider() string { return t.RiderName + t.RiderPhone }

func (o *order) lastTracked() (Told, bool) {
	for i := len(o.told) - 1; i >= 0; i-- {
		if o.told[i].Stage <= world.StagePickedUp && !o.told[i].Refused {
			return o.told[i], true
		}
	}
	return Told{}, false
}

// deliver moves 32000 to 33040: picked up, and delivered by the shop's own rider.
func (s *Service) deliver(o *order, _ call) (any, func(), error) {
	t := o.again("OrderSerllerDelivery", world.StagePickedUp)
	return s.move(o, t, Delivering, o.status == Waiting, "deliveryOrder")
}

// finish moves 33040 to 33060.
func (s *Service) finish(o *order, _ call) (any, func(), error) {
	t := o.again("deliveryEndOrder", world.StageDelivered)
	return s.move(o, t, Delivered, o.status == Delivering, "finishOrder")
}

// refund cancels the order for the shop's reasons and gives the customer's money back.
func (s *Service) refund(o *order, _ call) (any, func(), error) {
	t := o.again("cancelAndRefund", world.StageCancelled)
	return s.move(o, t, Cancelled, !o.status.Final(), "userCancelOrder")
}

// receive ends an order whose goods are back at the shop.
func (s *Service) receive(o *order, _ call) (any, func(), error) {
	t := o.again("confirmReceiveGoods", world.StageCancelled)
	return s.move(o, t, Cancelled, !o.status.Final(), "userCancelOrder")
}

// decide answers a customer's wish to cancel.
func (s *Service) decide(o *order, c call) (any, func(), error) {
	t := o.again("orderCancelOperate", world.StageCancelled)
	switch {
	case c.IsAgreed == nil:
		return nil, nil, fmt.Errorf("%w: isAgreed", errParams)
	case o.cancelled == nil || o.cancelled.Agreed != nil || o.status.Final():
		t.Refused = true
		s.keep(o, t)
		return nil, nil, errNoRequest
	case !*c.IsAgreed && c.Remark == "":
		return nil, nil, fmt.Errorf("%w: remark", errParams)
	}
	o.cancelled.Agreed = c.IsAgreed
	if !*c.IsAgreed {
		t.What, t.Stage = t.What+" refused", 0 // the order stays where it is
		s.keep(o, t)
		return nil, nil, nil
	}
	return s.move(o, t, Cancelled, true, "userCancelOrder")
}

// again is a report that names nobody: the rider is who was told last.
func (o *order) again(what string, stage world.Stage) Told {
	last, _ := o.lastTracked()
	return Told{What: what, Stage: stage, RiderName: last.RiderName, RiderPhone: last.RiderPhone, Carrier: last.Carrier, Waybill: last.Waybill}
}

// move moves the order's state, or refuses to. The platform then tells of the move itself.
// Whoever tries to deliver what is cancelled has done something wrong; a move that was
// made before is only refused.
func (s *Service) move(o *order, t Told, to Status, allowed bool, message string) (any, func(), error) {
	if !allowed {
		t.Refused, t.Repeat = true, o.status == to
		s.keep(o, t)
		if o.status.Final() && !t.Repeat {
			s.violate(o, fmt.Sprintf("%s at %d", t.What, o.status))
		}
		return nil, nil, fmt.Errorf("%w: %d", errState, o.status)
	}
	o.status = to
	tell := s.enter(o, t)
	return nil, func() {
		if message == "userCancelOrder" || s.options.Notices {
			s.push(o, message, to, "", func(Answer) {}) // the answer is in the books
		}
		tell()
	}, nil
}

// keep enters a report in the books. s.mu is held.
func (s *Service) keep(o *order, t Told) {
	t.At = s.options.Clock.Now()
	o.told = append(o.told, t)
}

// enter keeps a report and returns what tells it on, to be called without s.mu.
func (s *Service) enter(o *order, t Told) func() {
	s.keep(o, t)
	hooks := s.told
	return func() {
		for _, f := range hooks {
			f(o.key, o.no, t.Stage)
		}
	}
}

func (s *Service) violate(o *order, what string) {
	o.wrong = append(o.wrong, Violation{s.options.Clock.Now(), o.no, what})
}
