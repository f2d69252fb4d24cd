package sftc

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/settings"
)

// apiPath is where the calls live below the host.
const apiPath = "/open/api/external/"

// The coordinate systems of a request.
const (
	lbsBD09  = 1
	lbsGCJ02 = 2
)

// The kinds of a shop's number.
const (
	shopOfSF = 1
	shopOurs = 2
)

// Config is what 顺丰同城 and its account need; see ParseConfig.
type Config struct {
	BaseURL  string `json:"base_url"`  // "https://openic.sf-express.com"; the path may be left out
	DevID    int64  `json:"dev_id"`    //
	DevKey   string `json:"dev_key"`   // also named app key
	ShopID   string `json:"shop_id"`   //
	ShopType int    `json:"shop_type"` // 1 = shop_id is 顺丰's number (default), 2 = our own
	Account  string `json:"account"`   // our name of the prepaid account; default "main"

	CallbackSecret string            `json:"callback_path_secret"` // last segment of the callbacks' address; optional
	CallbackMaxAge settings.Duration `json:"callback_max_age"`     // of a push's push_time; default 24h

	LBSType      int               `json:"lbs_type"`       // 2 = GCJ-02 (default), 1 = BD-09
	Version      int               `json:"version"`        // of the documents × 10: 17 or 19 (default)
	PersonDirect bool              `json:"person_direct"`  // 专人直送
	NoShop       bool              `json:"no_shop"`        // leave out `shop`, which only platform developers may name: riders go to shop_id's own address
	OrderSource  string            `json:"order_source"`   // shown to the rider; default "千帆"
	QuoteTTL     settings.Duration `json:"quote_ttl"`      // how long we trust a price; 顺丰 states none; default 5m
	ProductTypes map[string]int    `json:"product_types"`  // category → product_type, beside the table
	NobodyCame   []string          `json:"no_rider_words"` // in a cancel_reason that means 无人接单, beside the table
	Refusals     carrier.Refusals  `json:"refusals"`       // looked at before the built-in table

	// AllowDev lets the published development credentials pass. Only the emulator sets it.
	AllowDev bool `json:"-"`
}

// ParseConfig reads the JSON of QIANFAN_SFTC strictly.
func ParseConfig(raw []byte) (Config, error) {
	var c Config
	if err := settings.Decode(raw, &c); err != nil {
		return Config{}, fmt.Errorf("sftc: %w", err)
	}
	return c, nil
}

// The development credentials that everybody knows.
const (
	devID   = 1500000001
	devKey  = "sf-test-dev-key-0001"
	devShop = "3243279847393"
)

func (c Config) check() error {
	err := errors.Join(
		settings.Require(
			settings.Setting{Name: "dev_key", Value: c.DevKey},
			settings.Setting{Name: "shop_id", Value: c.ShopID}),
		settings.CheckURL("base_url", c.BaseURL),
		oneOf("shop_type", c.ShopType, shopOfSF, shopOurs),
		oneOf("lbs_type", c.LBSType, lbsBD09, lbsGCJ02),
		oneOf("version", c.Version, 17, 19),
		c.Refusals.Check(),
	)
	if c.DevID <= 0 {
		err = errors.Join(err, errors.New("dev_id is missing"))
	}
	if slices.Contains(c.NobodyCame, "") {
		err = errors.Join(err, errors.New("no_rider_words holds an empty word"))
	}
	if err == nil && !c.AllowDev && (c.DevID == devID || c.DevKey == devKey || c.ShopID == devShop) {
		err = settings.ErrDevCredentials
	}
	return err
}

// oneOf lets 0, which is the default, pass.
func oneOf(name string, value int, allowed ...int) error {
	if value == 0 || slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s %d is none of %v", name, value, allowed)
}

func (c Config) withDefaults() Config {
	if u, err := url.Parse(c.BaseURL); err == nil && strings.Trim(u.Path, "/") == "" {
		c.BaseURL = strings.TrimRight(c.BaseURL, "/") + apiPath
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/") + "/"
	c.ShopType = either(c.ShopType, shopOfSF)
	c.LBSType = either(c.LBSType, lbsGCJ02)
	c.Version = either(c.Version, 19)
	c.Account = either(c.Account, "main")
	c.OrderSource = either(c.OrderSource, "千帆")
	c.CallbackMaxAge = settings.Duration(c.CallbackMaxAge.Or(24 * time.Hour))
	c.QuoteTTL = settings.Duration(c.QuoteTTL.Or(5 * time.Minute))
	return c
}

func either[T comparable](given, otherwise T) T {
	var none T
	if given == none {
		return otherwise
	}
	return given
}
