package jd

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
)

// Config is what 京东秒送 and its application need; see ParseConfig.
type Config struct {
	AppKey  string `json:"app_key"`
	Secret  string `json:"secret"`
	Token   string `json:"token"`
	BaseURL string `json:"base_url"` // "https://openapi.jddj.com", without /djapi

	// OldTokens are further tokens that pushes may carry, while 京东 changes ours.
	OldTokens []string `json:"old_tokens"`
	// SkipEmpty leaves empty parameters out of signatures. The sources do not say which.
	SkipEmpty bool `json:"skip_empty"`
	// Notices are names of messages, beside the table, that need no act of ours.
	Notices []string `json:"notices"`

	MaxAge         settings.Duration `json:"max_age"`          // of a push's timestamp; default 6h
	MaxValueFen    money.Fen         `json:"max_value_fen"`    // of an order's goods; default 100,000 元
	DefaultWeightG int               `json:"default_weight_g"` // when deliveryPackageWeight is absent or 0; default 1000
	// ShopFields are the fields of the detail that may hold the shop's code, the first
	// that is filled counts; default deliveryStationNoIsv, then deliveryStationNo.
	ShopFields []string `json:"shop_fields"`
	// CoordTypes are the kinds of buyerCoordType: "gcj02" or "bd09"; default 2 (高德).
	CoordTypes map[string]string `json:"coord_types"`
	// Immediate is how long after the order its delivery window may begin for an order
	// that is wanted as soon as possible; default 30m.
	Immediate settings.Duration `json:"immediate"`

	Operator   string            `json:"operator"`    // who acts, in calls that ask for it; default "qianfan"
	Carriers   map[string]string `json:"carriers"`    // carrier → deliveryCarrierNo, beside the table
	RetryCodes []string          `json:"retry_codes"` // of a service's refusals that may be tried again, beside -10000
	// RefusalCodes are the platform's own codes, beside -1, that decide about an order;
	// all others say that the call did not reach its service.
	RefusalCodes []string `json:"refusal_codes"`
	// Tracking replaces entries of how 商家自送跟踪 is filled: its fields are not public.
	Tracking Tracking `json:"tracking"`

	// AllowDev lets the published development credentials pass. Only the emulator sets it.
	AllowDev bool `json:"-"`
}

// Tracking is the vocabulary of receiveLogisticInfosForOpenApiPlatform. An empty value
// leaves the field out, or does not tell the state.
type Tracking struct {
	Fields   map[string]string      `json:"fields"`   // what we know → 京东's name of it
	Statuses map[order.State]string `json:"statuses"` // our state → 京东's status
}

// tracking is assumed: the names are those of the same things in the detail, and 10
// (等待抢单) is the one status that the sources state.
var tracking = Tracking{
	Fields: map[string]string{
		"order": "orderId", "status": "deliveryStatus", "waybill": "deliveryBillNo",
		"carrier_no": "deliveryCarrierNo", "carrier_name": "deliveryCarrierName",
		"rider_name": "deliveryManName", "rider_phone": "deliveryManPhone",
		"lng": "lng", "lat": "lat", "at": "operateTime",
	},
	Statuses: map[order.State]string{
		order.Dispatching: "10", order.Assigned: "20", order.Arrived: "22", order.PickedUp: "30",
	},
}

const (
	gcj02 = "gcj02"
	bd09  = "bd09"
)

// ParseConfig reads the JSON of QIANFAN_JD strictly.
func ParseConfig(raw []byte) (Config, error) {
	var c Config
	if err := settings.Decode(raw, &c); err != nil {
		return Config{}, fmt.Errorf("jd: %w", err)
	}
	return c, nil
}

// devCredentials are those of the emulator, which everybody knows.
var devCredentials = []string{"jd-test-app", "jd-test-secret-0001", "jd-test-token"}

func (c Config) check() error {
	err := errors.Join(
		settings.Require(
			settings.Setting{Name: "app_key", Value: c.AppKey},
			settings.Setting{Name: "secret", Value: c.Secret},
			settings.Setting{Name: "token", Value: c.Token}),
		settings.CheckURL("base_url", c.BaseURL),
		c.Tracking.check(),
	)
	if c.MaxValueFen < 0 || c.DefaultWeightG < 0 {
		err = errors.Join(err, errors.New("max_value_fen or default_weight_g is negative"))
	}
	for kind, datum := range c.CoordTypes {
		if datum != gcj02 && datum != bd09 {
			err = errors.Join(err, fmt.Errorf("coord_types[%s] is neither %s nor %s", kind, gcj02, bd09))
		}
	}
	for _, field := range c.ShopFields {
		if !slices.Contains(shopFields, field) {
			err = errors.Join(err, fmt.Errorf("shop_fields: %q is none of %s", field, strings.Join(shopFields, ", ")))
		}
	}
	if err == nil && !c.AllowDev && slices.ContainsFunc([]string{c.AppKey, c.Secret, c.Token}, func(s string) bool { return slices.Contains(devCredentials, s) }) {
		err = settings.ErrDevCredentials
	}
	return err
}

func (t Tracking) check() error {
	var err error
	for name := range t.Fields {
		if _, known := tracking.Fields[name]; !known {
			err = errors.Join(err, fmt.Errorf("tracking.fields: nothing is called %q", name))
		}
	}
	for state := range t.Statuses {
		if _, known := tracking.Statuses[state]; !known {
			err = errors.Join(err, fmt.Errorf("tracking.statuses: %q is not tracked", state))
		}
	}
	return err
}

func (c Config) withDefaults() Config {
	c.BaseURL = strings.TrimSuffix(strings.TrimRight(c.BaseURL, "/"), "/djapi")
	c.MaxAge = settings.Duration(c.MaxAge.Or(6 * time.Hour))
	c.Immediate = settings.Duration(c.Immediate.Or(30 * time.Minute))
	if c.MaxValueFen == 0 {
		c.MaxValueFen = 100_000_00
	}
	if c.DefaultWeightG == 0 {
		c.DefaultWeightG = 1000
	}
	if len(c.ShopFields) == 0 {
		c.ShopFields = []string{"deliveryStationNoIsv", "deliveryStationNo"}
	}
	if c.Operator == "" {
		c.Operator = "qianfan"
	}
	c.CoordTypes = over(map[string]string{"": gcj02, "2": gcj02}, c.CoordTypes)
	c.Carriers = over(map[string]string{"dada": "9966"}, c.Carriers)
	c.Tracking = Tracking{Fields: over(tracking.Fields, c.Tracking.Fields), Statuses: over(tracking.Statuses, c.Tracking.Statuses)}
	return c
}

// over is a table with some entries replaced.
func over[K comparable](table, by map[K]string) map[K]string {
	table = maps.Clone(table)
	maps.Copy(table, by)
	return table
}
