package carrier

import (
	"context"
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

// Tipped is a confirmed tip.
type Tipped struct {
	Total *money.Fen // all tips that the carrier has taken; nil = not stated
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
