package fengniao

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/settings"
)

// apiPath is where the platform lives below the host.
const apiPath = "/anubis-webapi"

// Config is what 蜂鸟 and its account need; see ParseConfig. Fields that the public
// documents leave open have defaults here and are to be checked with the console.
type Config struct {
	BaseURL    string `json:"base_url"` // "https://open-anubis.ele.me/anubis-webapi"; the path may be left out
	AppID      string `json:"app_id"`
	Secret     string `json:"secret"`
	MerchantID string `json:"merchant_id"`
	Account    string `json:"account"` // our name of the prepaid account; default "main"

	// The first token is got with the code of the merchant's authorisation: valid for a day,
	// once. Only the sandbox takes an empty one.
	AuthCode   string            `json:"auth_code"`
	Sandbox    bool              `json:"sandbox"`
	RenewAhead settings.Duration `json:"renew_ahead"` // of a token's end; default 168h
	TokenCodes []string          `json:"token_codes"` // that mean "token wrong or expired"; default 40004

	CallbackSecret string            `json:"callback_path_secret"` // last segment of the callback's address; optional
	CallbackMaxAge settings.Duration `json:"callback_max_age"`     // of a push's timestamp; default 24h
	CallbackReply  string            `json:"callback_reply"`       // JSON that says received; default {"result":"OK"}

	OutShopCode    string            `json:"out_shop_code"`    // one of the merchant's stores; without one
	ChainStoreID   string            `json:"chain_store_id"`   // the shop's own place is sent as transport_*
	ServiceGoodsID string            `json:"service_goods_id"` // the one product to take; default: the cheapest valid one
	PhoneSeparator string            `json:"phone_separator"`  // before the extension of a privacy number; default ","
	OmitRemark     bool              `json:"omit_remark"`      // order_remark is version 2's name
	QuoteTTL       settings.Duration `json:"quote_ttl"`        // default 5m

	CancelCode  string `json:"cancel_code"`  // order_cancel_code, one of getCancelReasonList; default 32
	WithoutTips bool   `json:"without_tips"` // order_actual_amount_cent does not contain the tips

	BalanceField string           `json:"balance_field"` // of getAmount's answer, in 分; default "amount_cent"
	KnightLng    string           `json:"knight_lng"`    // of getKnightInfo's answer; default "longitude"
	KnightLat    string           `json:"knight_lat"`    // default "latitude"
	KnightBD09   bool             `json:"knight_bd09"`   // these are BD-09; default GCJ-02
	Refusals     carrier.Refusals `json:"refusals"`      // looked at before the built-in table

	// AllowDev lets the published development credentials pass. Only the emulator sets it.
	AllowDev bool `json:"-"`
}

// ParseConfig reads the JSON of QIANFAN_FENGNIAO strictly.
func ParseConfig(raw []byte) (Config, error) {
	var c Config
	if err := settings.Decode(raw, &c); err != nil {
		return Config{}, fmt.Errorf("fengniao: %w", err)
	}
	return c, nil
}

// devValues are the development credentials that everybody knows.
var devValues = []string{"6000000000000000001", "fn-test-secret-0001", "1000001"}

func isDev(value string) bool { return slices.Contains(devValues, value) }

func (c Config) check() error {
	err := errors.Join(
		settings.Require(
			settings.Setting{Name: "app_id", Value: c.AppID},
			settings.Setting{Name: "secret", Value: c.Secret},
			settings.Setting{Name: "merchant_id", Value: c.MerchantID}),
		settings.CheckURL("base_url", c.BaseURL),
		number("chain_store_id", c.ChainStoreID),
		number("service_goods_id", c.ServiceGoodsID),
		number("cancel_code", c.CancelCode),
		c.Refusals.Check(),
	)
	if c.CallbackReply != "" && !json.Valid([]byte(c.CallbackReply)) {
		err = errors.Join(err, errors.New("callback_reply is not JSON"))
	}
	if err == nil && !c.AllowDev && slices.ContainsFunc([]string{c.AppID, c.Secret, c.MerchantID}, isDev) {
		err = settings.ErrDevCredentials
	}
	return err
}

// number wants digits, or nothing.
func number(name, value string) error {
	if value == "" || digits(value) {
		return nil
	}
	return fmt.Errorf("%s %q is not a number", name, value)
}

// digits tells whether a text is a whole number as 蜂鸟's long ids are: JSON takes it as
// one, so that it has no leading zero.
func digits(text string) bool {
	if text == "" || len(text) > 19 || (text[0] == '0' && len(text) > 1) {
		return false
	}
	return strings.Trim(text, "0123456789") == ""
}

func (c Config) withDefaults() Config {
	if u, err := url.Parse(c.BaseURL); err == nil && strings.Trim(u.Path, "/") == "" {
		c.BaseURL = strings.TrimRight(c.BaseURL, "/") + apiPath
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	for _, field := range []struct {
		value     *string
		otherwise string
	}{
		{&c.Account, "main"}, {&c.CallbackReply, `{"result":"OK"}`}, {&c.PhoneSeparator, ","}, {&c.CancelCode, "32"},
		{&c.BalanceField, "amount_cent"}, {&c.KnightLng, "longitude"}, {&c.KnightLat, "latitude"},
	} {
		if *field.value == "" {
			*field.value = field.otherwise
		}
	}
	if len(c.TokenCodes) == 0 {
		c.TokenCodes = []string{"40004"}
	}
	c.RenewAhead = settings.Duration(c.RenewAhead.Or(7 * 24 * time.Hour))
	c.CallbackMaxAge = settings.Duration(c.CallbackMaxAge.Or(24 * time.Hour))
	c.QuoteTTL = settings.Duration(c.QuoteTTL.Or(5 * time.Minute))
	return c
}
