package carrier

import (
	"context"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// Tipper is an Adapter whose carrier takes tips (小费) after a placement.
type Tipper interface {
	// Tip adds to the tips of a waybill. Money moves; doubt and refusal are those of Adapter.
	Tip(ctx context.Context, t TipRequest) (Tipped, error)
}

// TipRequest asks for a higher tip. Carriers that take increments are sent Add, those
// that take totals Total; Total also tells a repeat from another tip.
type TipRequest struct {
	Ref
	Add   money.Fen // what is added now
	Total money.Fen // all tips of the waybill with it
}

// Check refuses what no carrier could add: nothing, less than nothing, or what is no
// multiple of the carrier's unit.
func (t TipRequest) Check(unit money.Fen) error {
	if t.Add <= 0 || t.Total < t.Add || (unit > 0 && t.Add%unit != 0) {
		return fmt.Errorf("a tip of %d分 to a total of %d分, want multiples of %d分", t.Add, t.Total, unit)
	}
	return nil
}

// Tipped is a confirmed tip.
type Tipped struct {
	Total *money.Fen // all tips that the carrier has taken; nil = not stated
}

// TipTeller is a Tipper whose Query does not tell the tips: it is asked what they are when a
// tip is in doubt.
type TipTeller interface {
	// Tips is what has been tipped so far, all tips of the waybill together.
	Tips(ctx context.Context, ref Ref) (money.Fen, error)
}

// Locator is an Adapter whose carrier tells where the rider is between its pushes.
type Locator interface {
	// Locate asks where the rider is. Nobody there yet is a Location without a Position.
	Locate(ctx context.Context, ref Ref) (Location, error)
}

// Location is a rider on the street.
type Location struct {
	Rider    order.Rider
	Position *geo.Point // GCJ-02; nil = not known
	At       time.Time  // of the position; zero = not stated
}
