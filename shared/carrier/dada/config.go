package dada

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/settings"
)

// Config is what 达达 and its account need; see ParseConfig.
type Config struct {
	BaseURL   string `json:"base_url"`   // "https://newopen.imdada.cn"
	AppKey    string `json:"app_key"`    //
	AppSecret string `json:"app_secret"` //
	SourceID  string `json:"source_id"`  // the merchant's number
	ShopNo    string `json:"shop_no"`    // of orders whose shop has no number of its own with 达达
	Account   string `json:"account"`    // our name of the prepaid account; default "main"

	CallbackURL    string            `json:"callback_url"`         // where pushes go; named with every quote
	CallbackSecret string            `json:"callback_path_secret"` // last segment of that address; optional, but all that a push can prove
	CallbackMaxAge settings.Duration `json:"callback_max_age"`     // of a push's update_time; default 24h

	CityCodes        map[string]string `json:"city_codes"`         // our code of a city → 达达's, for accounts that must name it; "330100": "0571"
	CargoTypes       map[string]int    `json:"cargo_types"`        // category → cargo_type, beside the table
	PhoneSeparator   string            `json:"phone_separator"`    // before a privacy number's extension; 达达 states none; default "_"
	DirectDelivery   bool              `json:"direct_delivery"`    // 直拿直送: the rider carries nothing else meanwhile
	FinishCode       bool              `json:"finish_code"`        // 收货码: the rider needs the customer's code to finish
	QuoteTTL         settings.Duration `json:"quote_ttl"`          // of a deliveryNo; the unit of the answer's expiry is not public; default 3m
	TipsBesideActual bool              `json:"tips_beside_actual"` // actualFee of an order leaves its tips out
	NobodyCame       []string          `json:"no_rider_words"`     // in a cancel_reason that means 无人接单, beside the table
	Refusals         carrier.Refusals  `json:"refusals"`           // looked at before the built-in table

	// AllowDev lets the published development credentials pass. Only the emulator sets it.
	AllowDev bool `json:"-"`
}

// ParseConfig reads the JSON of QIANFAN_DADA strictly.
func ParseConfig(raw []byte) (Config, error) {
	var c Config
	if err := settings.Decode(raw, &c); err != nil {
		return Config{}, fmt.Errorf("dada: %w", err)
	}
	return c, nil
}

// The development credentials that everybody knows. 达达's own public test merchant, source_id
// 73753, is not among them: its applications are real ones.
const (
	devKey    = "dada-test-app-key"
	devSecret = "dada-test-secret-0001"
)

func (c Config) check() error {
	err := errors.Join(
		settings.Require(
			settings.Setting{Name: "app_key", Value: c.AppKey},
			settings.Setting{Name: "app_secret", Value: c.AppSecret},
			settings.Setting{Name: "source_id", Value: c.SourceID},
			settings.Setting{Name: "shop_no", Value: c.ShopNo}),
		settings.CheckURL("base_url", c.BaseURL),
		settings.CheckURL("callback_url", c.CallbackURL),
		c.Refusals.Check(),
	)
	if slices.Contains(c.NobodyCame, "") {
		err = errors.Join(err, errors.New("no_rider_words holds an empty word"))
	}
	if err == nil && !c.AllowDev && (c.AppKey == devKey || c.AppSecret == devSecret) {
		err = settings.ErrDevCredentials
	}
	return err
}

func (c Config) withDefaults() Config {
	c.Account = either(c.Account, "main")
	c.PhoneSeparator = either(c.PhoneSeparator, "_")
	c.CallbackMaxAge = settings.Duration(c.CallbackMaxAge.Or(24 * time.Hour))
	c.QuoteTTL = settings.Duration(c.QuoteTTL.Or(3 * time.Minute))
	return c
}

func either[T comparable](given, otherwise T) T {
	var none T
	if given == none {
		return otherwise
	}
	return given
}
