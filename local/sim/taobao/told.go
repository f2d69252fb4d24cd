package taobao

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Told is one report-back in the books.
type Told struct {
	At      time.Time   `json:"at"` // virtual
	State   string      `json:"state"`
	Courier string      `json:"courier,omitempty"` // name and phone as told
	Company string      `json:"company,omitempty"`
	Repeat  bool        `json:"repeat,omitempty"` // the same again
	Stage   world.Stage `json:"-"`
}

// Violation is a report-back that should not have been made.
type Violation struct {
	At   time.Time `json:"at"`
	No   string    `json:"no"`
	What string    `json:"what"`
}

// States are the states that a report-back may tell. Only DELIVERY_START and
// DELIVERY_COMPLETE are public for it (GAP); the others are those of the platform's own
// message about deliveries.
var States = map[string]world.Stage{
	"DELIVERY_START": world.StagePickedUp, "DELIVERY_COMPLETE": world.StageDelivered,
	"tobeAssignedMerchant": world.StageDispatched, "tobeAssignedCourier": world.StageDispatched, "selfDelivery": world.StageDispatched,
	"tobeFetched": world.StageAccepted, "arrived": world.StageArrived, "delivering": world.StagePickedUp, "completed": world.StageDelivered,
	"cancelled": world.StageCancelled, "noMoreDelivery": world.StageCancelled,
}

// distributor is self-delivery's number.
const distributor = "201"

// stateSync takes one step of a delivery.
func (s *Service) stateSync(q request) (any, error) {
	var info struct {
		OrderID     world.Text `json:"orderId"`
		Distributor world.Text `json:"distributorId"`
		State       string     `json:"state"`
		Knight      struct {
			ID    world.Text `json:"id"`
			Name  string     `json:"name"`
			Phone world.Text `json:"phone"`
		} `json:"knight"`
		Company string `json:"deliveryCompanyName"`
	}
	if json.Unmarshal(q.Params["stateInfo"], &info) != nil || info.OrderID == "" || q.text("shopId") == "" {
		return nil, fmt.Errorf("%w: shopId, stateInfo.orderId", errParams)
	}
	if info.Distributor != distributor {
		return nil, fmt.Errorf("%w: distributorId %q", errParams, info.Distributor)
	}
	return nil, s.tell(string(info.OrderID), q.text("shopId"), Told{State: info.State, Courier: info.Knight.Name + string(info.Knight.Phone), Company: info.Company})
}

// simple is a call that moves the state and names no company.
func simple(state string) func(*Service, request) (any, error) {
	return func(s *Service, q request) (any, error) {
		return nil, s.tell(q.text("orderId"), "", Told{State: state, Courier: q.text("phone")})
	}
}

// tell enters a report-back. One out of order is answered with success and kept as a
// violation.
func (s *Service) tell(no, shop string, t Told) error {
	s.mu.Lock()
	o, ok := s.orders[no]
	t.At = s.options.Clock.Now()
	if !ok {
		s.strange = append(s.strange, Violation{t.At, no, "unknown order"})
		s.mu.Unlock()
		return errNoOrder
	}
	if t.Stage, ok = States[t.State]; !ok {
		o.wrong = append(o.wrong, Violation{t.At, no, fmt.Sprintf("unknown state %q", t.State)})
		s.mu.Unlock()
		return fmt.Errorf("%w: state %q", errParams, t.State)
	}
	if !s.owns(o, shop) {
		o.wrong = append(o.wrong, Violation{t.At, no, "told for shop " + shop})
	}
	if wrong := o.follows(&t); wrong != "" {
		o.wrong = append(o.wrong, Violation{t.At, no, wrong})
	}
	o.told = append(o.told, t)
	hooks := s.told
	s.mu.Unlock()
	for _, f := range hooks {
		f(o.key, no, t.Stage)
	}
	return nil
}

// owns tells whether an order is of a shop, named by its number or by the code that the
// merchant gave it. Where no shop is named none is wrong.
func (s *Service) owns(o *order, shop string) bool {
	return shop == "" || shop == o.shop.Code || shop == strconv.FormatInt(s.shopIDs[o.shop.Code], 10)
}

// follows tells what is wrong with a report after those before, "" if nothing is, and
// marks a repeat. Backwards is allowed with another rider and, naming nobody, to the
// search for one (改派). After a cancel anything is, after delivery nothing but the same again.
func (o *order) follows(t *Told) string {
	if len(o.told) == 0 {
		return ""
	}
	last := o.told[len(o.told)-1]
	t.Repeat = last.State == t.State && last.Courier == t.Courier
	switch {
	case t.Repeat, last.Stage == world.StageCancelled:
		return ""
	case last.Stage == world.StageDelivered:
		return t.State + " after delivery"
	case t.Courier == "" && t.Stage == world.StageDispatched:
		return ""
	case t.Stage < last.Stage && last.Courier == t.Courier:
		return fmt.Sprintf("backwards from %s to %s with the same rider", last.State, t.State)
	}
	return ""
}

// locationSync takes a rider's position, in GCJ-02.
func (s *Service) locationSync(q request) (any, error) {
	var at struct {
		Latitude, Longitude, UTC world.Text
	}
	if json.Unmarshal(q.Params["locationInfo"], &at) != nil || at.UTC == "" {
		return nil, fmt.Errorf("%w: locationInfo", errParams)
	}
	if _, err := world.ParsePoint(string(at.Longitude), string(at.Latitude)); err != nil {
		return nil, fmt.Errorf("%w: %w", errParams, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[q.text("orderId")]
	if !ok {
		return nil, errNoOrder
	}
	if !s.owns(o, q.text("shopId")) {
		return nil, fmt.Errorf("%w: shopId", errParams)
	}
	o.positions++
	return nil, nil
}
