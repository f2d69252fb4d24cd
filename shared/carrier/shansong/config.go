package shansong

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/settings"
)

// The coordinate systems of a request.
const (
	lbsBD09  = 0
	lbsGCJ02 = 1
)

// Config is what 闪送 and its account need; see ParseConfig.
type Config struct {
	BaseURL  string `json:"base_url"`  // "https://open.ishansong.com"
	ClientID string `json:"client_id"` // App-key
	Secret   string `json:"secret"`    // App-security
	ShopID   string `json:"shop_id"`   // the merchant's number
	Account  string `json:"account"`   // our name of the prepaid account; default "main"

	// A push is unsigned. What can be checked besides clientId and shopId:
	Token          string `json:"callback_token"`       // the account's fixed token, when known
	CallbackSecret string `json:"callback_path_secret"` // last segment of the callback's address

	StoreID   string            `json:"store_id"`   // one of the merchant's stores; optional
	LBSType   *int              `json:"lbs_type"`   // 1 = GCJ-02 (default), 0 = BD-09
	TravelWay int               `json:"travel_way"` // 0 = any vehicle; codes differ by city
	QuoteTTL  settings.Duration `json:"quote_ttl"`  // default 30m

	BalanceField string           `json:"balance_field"` // of getUserAccount's answer; default "balance"
	GoodTypes    map[string]int   `json:"good_types"`    // category → goodType, beside the table
	Refusals     carrier.Refusals `json:"refusals"`      // looked at before the built-in table

	// AllowDev lets the published development credentials pass. Only the emulator sets it.
	AllowDev bool `json:"-"`
}

// ParseConfig reads the JSON of QIANFAN_SHANSONG strictly.
func ParseConfig(raw []byte) (Config, error) {
	var c Config
	if err := settings.Decode(raw, &c); err != nil {
		return Config{}, fmt.Errorf("shansong: %w", err)
	}
	return c, nil
}

// devValues are the development credentials that everybody knows.
var devValues = []string{"ssTestClient01", "iss-test-secret-0001", "20000000000000001"}

func (c Config) check() error {
	err := errors.Join(
		settings.Require(
			settings.Setting{Name: "client_id", Value: c.ClientID},
			settings.Setting{Name: "secret", Value: c.Secret},
			settings.Setting{Name: "shop_id", Value: c.ShopID}),
		settings.CheckURL("base_url", c.BaseURL),
		c.Refusals.Check(),
	)
	if c.LBSType != nil && *c.LBSType != lbsBD09 && *c.LBSType != lbsGCJ02 {
		err = errors.Join(err, fmt.Errorf("lbs_type is %d, neither 0 nor 1", *c.LBSType))
	}
	if err == nil && !c.AllowDev && slices.ContainsFunc([]string{c.ClientID, c.Secret, c.ShopID}, isDev) {
		err = settings.ErrDevCredentials
	}
	return err
}

func isDev(value string) bool { return slices.Contains(devValues, value) }

func (c Config) withDefaults() Config {
	if c.LBSType == nil {
		gcj := lbsGCJ02
		c.LBSType = &gcj
	}
	if c.Account == "" {
		c.Account = "main"
	}
	if c.BalanceField == "" {
		c.BalanceField = "balance"
	}
	c.QuoteTTL = settings.Duration(c.QuoteTTL.Or(30 * time.Minute))
	return c
}
