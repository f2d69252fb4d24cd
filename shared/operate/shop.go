package operate

import (
	"fmt"
	"regexp"
	"slices"
	"sort"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// Known are the names that a shop may use. Nil platforms or carriers are not checked.
type Known struct {
	Platforms []string
	Carriers  []string
}

// shopRecord is a shop as people write it in JSON. Nil exclusions and carriers without a store
// leave what is there; empty ones end it.
type shopRecord struct {
	Platform string            `json:"platform"`
	Code     string            `json:"code"` // the platform's
	City     string            `json:"city"` // "330100"
	CityName string            `json:"city_name"`
	Name     string            `json:"name"`
	Phone    string            `json:"phone"`
	Address  string            `json:"address"`
	Lng      *float64          `json:"lng"` // GCJ-02
	Lat      *float64          `json:"lat"`
	Excluded []string          `json:"excluded"` // carriers that never serve it
	Stores   map[string]string `json:"stores"`   // its number at each carrier
}

var (
	cityCode = regexp.MustCompile(`^[1-9][0-9]{5}$`)
	dialable = regexp.MustCompile(`^\+?[0-9][0-9-]{4,19}$`)
)

// Widths of the columns that hold them, in characters.
const (
	maxCode     = 64
	maxCityName = 32
	maxText     = 255
)

// check names every mistake of a record, by field.
func (x shopRecord) check(known Known) []fieldMistake {
	var out []fieldMistake
	bad := func(broken bool, field, format string, args ...any) {
		if broken {
			out = append(out, fieldMistake{field, fmt.Sprintf(format, args...)})
		}
	}
	long := func(field, text string, most int) {
		n := len([]rune(text))
		bad(n == 0, field, "is empty")
		bad(n > most, field, "has %d characters, at most %d fit", n, most)
	}
	long("platform", x.Platform, 16)
	bad(x.Platform != "" && known.Platforms != nil && !slices.Contains(known.Platforms, x.Platform), "platform", "%q is none of %v", x.Platform, known.Platforms)
	long("code", x.Code, maxCode)
	bad(!cityCode.MatchString(x.City), "city", "%q is no six digits, as 330100", x.City)
	long("city_name", x.CityName, maxCityName)
	long("name", x.Name, maxText)
	bad(!dialable.MatchString(x.Phone), "phone", "%q is no phone number", x.Phone)
	long("address", x.Address, maxText)
	out = append(out, x.checkPoint()...)
	for _, c := range x.Excluded {
		bad(known.Carriers != nil && !slices.Contains(known.Carriers, c), "excluded", "%q is none of %v", c, known.Carriers)
	}
	for c, number := range x.Stores {
		bad(known.Carriers != nil && !slices.Contains(known.Carriers, c), "store:"+c, "%q is none of %v", c, known.Carriers)
		bad(len(number) > maxCode, "store:"+c, "has %d bytes, at most %d fit", len(number), maxCode)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].field < out[j].field })
	return out
}

func (x shopRecord) checkPoint() []fieldMistake {
	switch {
	case x.Lng == nil:
		return []fieldMistake{{"lng", "is empty"}}
	case x.Lat == nil:
		return []fieldMistake{{"lat", "is empty"}}
	}
	switch p := (geo.Point{Lng: *x.Lng, Lat: *x.Lat}); {
	case p.Swapped():
		return []fieldMistake{{"lng", fmt.Sprintf("lng %g lat %g look swapped", p.Lng, p.Lat)}}
	case !p.InChina():
		return []fieldMistake{{"lng", fmt.Sprintf("lng %g lat %g are not in China (decimal degrees, GCJ-02)", p.Lng, p.Lat)}}
	}
	return nil
}

type fieldMistake struct{ field, text string }

func (x shopRecord) shop() store.Shop {
	if len(x.Excluded) > 0 {
		x.Excluded = slices.Compact(slices.Sorted(slices.Values(x.Excluded)))
	}
	return store.Shop{Platform: x.Platform, Code: x.Code, City: x.City, CityName: x.CityName, Excluded: x.Excluded, Stores: x.Stores,
		Stop: order.Stop{Name: x.Name, Phone: x.Phone, Address: x.Address, Point: geo.Point{Lng: *x.Lng, Lat: *x.Lat}}}
}

// CheckShop names everything that is wrong with a shop; the error is Mistakes.
func CheckShop(x store.Shop, known Known) error {
	p := x.Stop.Point
	record := shopRecord{x.Platform, x.Code, x.City, x.CityName, x.Stop.Name, x.Stop.Phone, x.Stop.Address, &p.Lng, &p.Lat, x.Excluded, x.Stores}
	var all Mistakes
	for _, m := range record.check(known) {
		all = append(all, Mistake{Path: m.field, Text: m.text})
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

// ShopView is a shop as it is shown and as a JSON file of shops may hold it.
type ShopView struct {
	Platform string            `json:"platform"`
	Code     string            `json:"code"`
	City     string            `json:"city"`
	CityName string            `json:"city_name"`
	Name     string            `json:"name"`
	Phone    string            `json:"phone"`
	Address  string            `json:"address"`
	Lng      float64           `json:"lng"`
	Lat      float64           `json:"lat"`
	Excluded []string          `json:"excluded"`
	Stores   map[string]string `json:"stores"`
}

// Shops are shops as they are shown.
func Shops(all []store.Shop) []ShopView {
	out := make([]ShopView, len(all))
	for i, x := range all {
		out[i] = ShopView{x.Platform, x.Code, x.City, x.CityName, x.Stop.Name, x.Stop.Phone, x.Stop.Address, x.Stop.Point.Lng, x.Stop.Point.Lat, x.Excluded, x.Stores}
		if x.Excluded == nil {
			out[i].Excluded = []string{}
		}
		if x.Stores == nil {
			out[i].Stores = map[string]string{}
		}
	}
	return out
}
