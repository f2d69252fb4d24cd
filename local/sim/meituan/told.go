package meituan

import (
	"fmt"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Told is one report-back in the books.
type Told struct {
	At      time.Time `json:"at"` // virtual
	Status  int       `json:"status"`
	Courier string    `json:"courier,omitempty"` // name and phone as told
	Carrier string    `json:"provider,omitempty"`
	Repeat  bool      `json:"repeat,omitempty"` // the same again
}

// Violation is a report-back that should not have been made.
type Violation struct {
	At   time.Time `json:"at"`
	No   string    `json:"no"`
	What string    `json:"what"`
}

// stages are the codes of logistics_status. 0, 1 and 5 all say that somebody will come.
var stages = map[string]struct {
	code  int
	stage world.Stage
}{
	"0": {0, world.StageDispatched}, "1": {1, world.StageDispatched}, "5": {5, world.StageDispatched},
	"10": {10, world.StageAccepted}, "15": {15, world.StageArrived}, "20": {20, world.StagePickedUp},
	"":   {20, world.StagePickedUp}, // the documented default
	"40": {40, world.StageDelivered}, "100": {100, world.StageCancelled},
}

const delivered, cancelled = 40, 100

// logisticsSync takes one step of a delivery. Out-of-order reports are answered with
// success, as the real service does, and kept as violations.
func (s *Service) logisticsSync(params map[string]string) error {
	no := params["order_id"]
	step, known := stages[params["logistics_status"]]
	s.mu.Lock()
	o, ok := s.orders[no]
	now := s.options.Clock.Now()
	if !ok {
		s.strange = append(s.strange, Violation{now, no, "unknown order"})
		s.mu.Unlock()
		return errNoOrder
	}
	if !known {
		o.wrong = append(o.wrong, Violation{now, no, fmt.Sprintf("unknown status %q", params["logistics_status"])})
		s.mu.Unlock()
		return fmt.Errorf("%w: %q", errStatus, params["logistics_status"])
	}
	t := Told{At: now, Status: step.code, Courier: params["courier_name"] + params["courier_phone"], Carrier: params["logistics_provider_code"]}
	if wrong := o.follows(&t); wrong != "" {
		o.wrong = append(o.wrong, Violation{now, no, wrong})
	}
	o.told = append(o.told, t)
	hooks := s.told
	s.mu.Unlock()
	for _, f := range hooks {
		f(o.key, no, step.stage)
	}
	return nil
}

// follows tells what is wrong with a report after those before, "" if nothing is, and
// marks a repeat. Backwards is allowed with another rider and, naming nobody, to the
// search for one (改派). After a cancel anything is, after delivery nothing but the same again.
func (o *order) follows(t *Told) string {
	if len(o.told) == 0 {
		return ""
	}
	last := o.told[len(o.told)-1]
	t.Repeat = last.Status == t.Status && last.Courier == t.Courier
	switch {
	case t.Repeat, last.Status == cancelled:
		return ""
	case last.Status == delivered:
		return fmt.Sprintf("%d after delivery", t.Status)
	case t.Courier == "" && stages[strconv.Itoa(t.Status)].stage == world.StageDispatched:
		return ""
	case t.Status < last.Status && last.Courier == t.Courier:
		return fmt.Sprintf("backwards from %d to %d with the same rider", last.Status, t.Status)
	}
	return ""
}
