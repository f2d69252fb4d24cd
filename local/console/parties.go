package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// answerWait is how long (system time) an order's answer waits for the answer to the platform's push; the push itself goes on.
const answerWait = 3 * time.Second

func find[T any](m map[string]T, kind, name string) (T, error) {
	v, ok := m[name]
	if ok {
		return v, nil
	}
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return v, bad(http.StatusNotFound, "simulated here: "+strings.Join(names, ", "), "no simulated %s %q", kind, name)
}

func (s *server) carrierBooks(r *http.Request) (any, error) {
	c, err := find(s.Carriers, "carrier", r.PathValue("carrier"))
	if err != nil {
		return nil, err
	}
	return c.Books(), nil
}

func (s *server) platformBooks(r *http.Request) (any, error) {
	p, err := find(s.Platforms, "platform", r.PathValue("platform"))
	if err != nil {
		return nil, err
	}
	return p.Books(), nil
}

// customerOrder is what a customer may ask for; what is left out is drawn.
type customerOrder struct {
	Shop     string     `json:"shop"`        // code: qf-shop-0001
	Lng      *float64   `json:"lng"`         // of the drop-off, GCJ-02, with lat
	Lat      *float64   `json:"lat"`         //
	Value    money.Fen  `json:"value_fen"`   // of the goods
	Expected *time.Time `json:"expected_at"` // 预约, RFC 3339
}

func (o customerOrder) request() (world.OrderRequest, error) {
	if (o.Lng == nil) != (o.Lat == nil) {
		return world.OrderRequest{}, bad(http.StatusBadRequest, "send both, in GCJ-02 degrees", "lng and lat belong together")
	}
	if o.Value < 0 {
		return world.OrderRequest{}, bad(http.StatusBadRequest, "leave value_fen out to have it drawn", "goods worth %s", o.Value)
	}
	r := world.OrderRequest{Shop: o.Shop, Value: o.Value, Expected: o.Expected}
	if o.Lng != nil {
		r.Dropoff = &world.Point{Lng: *o.Lng, Lat: *o.Lat}
	}
	return r, nil
}

// ordered tells the platform's number; accepted is null while the push is not answered.
type ordered struct {
	No       string `json:"no"`
	Accepted *bool  `json:"accepted"`
}

// placeOrder lets a customer order on a simulated platform, which pushes the order to the gateway.
func (s *server) placeOrder(r *http.Request) (any, error) {
	p, err := find(s.Platforms, "platform", r.PathValue("platform"))
	if err != nil {
		return nil, err
	}
	var o customerOrder
	if _, err := decode(r, &o); err != nil {
		return nil, err
	}
	request, err := o.request()
	if err != nil {
		return nil, err
	}
	done := s.Clock.Busy("customer") // no time passes between an order's instant and its push
	no, answered, err := p.Begin(request)
	done()
	if err != nil {
		return nil, bad(http.StatusBadRequest, "known shops: GET /api/cities", "%v", err)
	}
	return created{ordered{No: no, Accepted: await(r.Context(), answered)}}, nil
}

// cancelOrder lets the customer cancel on the platform, which pushes that.
func (s *server) cancelOrder(r *http.Request) (any, error) {
	p, err := find(s.Platforms, "platform", r.PathValue("platform"))
	if err != nil {
		return nil, err
	}
	var in struct {
		Reason string `json:"reason"`
	}
	if _, err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Reason == "" {
		in.Reason = "不想要了"
	}
	no := r.PathValue("no")
	done := s.Clock.Busy("customer")
	answered, err := p.BeginCancel(no, in.Reason)
	done()
	if err != nil {
		return nil, s.noCancel(r, err)
	}
	return ordered{No: no, Accepted: await(r.Context(), answered)}, nil
}

// noCancel tells an order that nobody knows from one that cannot be cancelled now.
func (s *server) noCancel(r *http.Request, cause error) error {
	platform, no := r.PathValue("platform"), r.PathValue("no")
	rows, err := s.Store.Orders(r.Context(), store.OrderFilter{Platform: platform, No: no, Limit: 1})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return bad(http.StatusNotFound, "GET /api/orders?platform="+platform+" or `qianfan order list` lists them", "%v", cause)
	}
	return bad(http.StatusConflict, "a customer can cancel an order once", "%v", cause)
}

// await gives the platform's answer, or nil if there is none within answerWait.
func await(ctx context.Context, answered world.Answered) *bool {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	accepted, err := answered(ctx)
	if err != nil {
		return nil
	}
	return &accepted
}

// dot is a rider on the map, without name and number.
type dot struct {
	Carrier  string      `json:"carrier"`
	ClientNo string      `json:"client_no"`
	State    world.State `json:"state"`
	Lng      float64     `json:"lng"`
	Lat      float64     `json:"lat"`
}

func (s *server) riders(*http.Request) (any, error) {
	dots := []dot{}
	for _, c := range s.Carriers {
		for _, p := range c.Positions() {
			dots = append(dots, dot{p.Carrier, p.ClientNo, p.State, p.Lng, p.Lat})
		}
	}
	slices.SortFunc(dots, func(a, b dot) int { return strings.Compare(a.ClientNo, b.ClientNo) })
	return map[string]any{"riders": dots}, nil
}

// city is a city with its simulated shops.
type city struct {
	Code  string       `json:"code"`
	Name  string       `json:"name"`
	Shops []world.Shop `json:"shops"`
}

func (s *server) cities(*http.Request) (any, error) {
	cities := []city{}
	for _, shop := range s.Shops {
		i := slices.IndexFunc(cities, func(c city) bool { return c.Code == shop.City })
		if i < 0 {
			i = len(cities)
			cities = append(cities, city{Code: shop.City, Name: shop.CityName})
		}
		cities[i].Shops = append(cities[i].Shops, shop)
	}
	return map[string]any{"cities": cities}, nil
}
