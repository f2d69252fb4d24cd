package uupt

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

// apiPath is where version 3 lives below the host.
const apiPath = "/openapi/v3/"

// Config is what UU跑腿 and its account need; see ParseConfig.
type Config struct {
	BaseURL string `json:"base_url"` // "https://api-open.uupt.com/openapi/v3/"; the path may be left out
	AppID   string `json:"app_id"`
	AppKey  string `json:"app_key"` // also named appSecret
	OpenID  string `json:"open_id"`
	Account string `json:"account"` // our name of the prepaid account; default "main"

	CallbackURL    string            `json:"callback_url"`         // where UU跑腿 pushes; given with every order
	CallbackSecret string            `json:"callback_path_secret"` // last segment of that address; optional
	CallbackMaxAge settings.Duration `json:"callback_max_age"`     // of a push's timestamp; default 24h

	QuoteTTL settings.Duration `json:"quote_ttl"` // when the answer has no expiresIn; default 5m
	PushType string            `json:"push_type"` // OPEN_ORDER (default) or TEST_ORDER
	PayType  string            `json:"pay_type"`  // BALANCE_PAY (default) or ENTERPRISE_PAY
	Refusals carrier.Refusals  `json:"refusals"`  // looked at before the built-in table

	// AllowDev lets the published development credentials pass. Only the emulator sets it.
	AllowDev bool `json:"-"`
}

// ParseConfig reads the JSON of QIANFAN_UUPT strictly.
func ParseConfig(raw []byte) (Config, error) {
	var c Config
	if err := settings.Decode(raw, &c); err != nil {
		return Config{}, fmt.Errorf("uupt: %w", err)
	}
	return c, nil
}

// devValues are the development credentials that everybody knows.
var devValues = []string{"uu-test-app-id", "uu-test-app-key-0001", "uu-test-open-id"}

func isDev(value string) bool { return slices.Contains(devValues, value) }

func (c Config) check() error {
	err := errors.Join(
		settings.Require(
			settings.Setting{Name: "app_id", Value: c.AppID},
			settings.Setting{Name: "app_key", Value: c.AppKey},
			settings.Setting{Name: "open_id", Value: c.OpenID}),
		settings.CheckURL("base_url", c.BaseURL),
		settings.CheckURL("callback_url", c.CallbackURL),
		oneOf("push_type", c.PushType, "", "OPEN_ORDER", "TEST_ORDER"),
		oneOf("pay_type", c.PayType, "", "BALANCE_PAY", "ENTERPRISE_PAY"),
		c.Refusals.Check(),
	)
	if err == nil && !c.AllowDev && slices.ContainsFunc([]string{c.AppID, c.AppKey, c.OpenID}, isDev) {
		err = settings.ErrDevCredentials
	}
	return err
}

func oneOf(name, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s %q is none of %q", name, value, allowed[1:])
}

func (c Config) withDefaults() Config {
	if u, err := url.Parse(c.BaseURL); err == nil && strings.Trim(u.Path, "/") == "" {
		c.BaseURL = strings.TrimRight(c.BaseURL, "/") + apiPath
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/") + "/"
	c.Account = either(c.Account, "main")
	c.PushType = either(c.PushType, "OPEN_ORDER")
	c.PayType = either(c.PayType, "BALANCE_PAY")
	c.CallbackMaxAge = settings.Duration(c.CallbackMaxAge.Or(24 * time.Hour))
	c.QuoteTTL = settings.Duration(c.QuoteTTL.Or(5 * time.Minute))
	return c
}

func either(given, otherwise string) string {
	if given == "" {
		return otherwise
	}
	return given
}
