package meituan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
)

// asReceived verifies a push over the URL that it came to. It suits a party that can
// be reached directly; behind a load balancer the registered URL must be configured.
const asReceived = "as-received"

// Config is what 美团外卖 and its application need; see ParseConfig.
type Config struct {
	AppID   string `json:"app_id"`
	Secret  string `json:"secret"`
	BaseURL string `json:"base_url"` // "https://waimaiopen.meituan.com"

	// PushURL is the scheme and host (and path prefix) of the callback URLs as registered
	// with 美团, to which the received path is added; or "as-received".
	PushURL string `json:"push_url"`
	// PushURLs replaces a prefix of the received path, the longest first, by the registered
	// URL for it: {"/upstream/meituan/": "https://agg.example.com/mt/"}.
	PushURLs map[string]string `json:"push_urls"`

	MaxAge         settings.Duration       `json:"max_age"`          // of a push's timestamp; default 6h
	MaxValueFen    money.Fen               `json:"max_value_fen"`    // of an order's goods; default 100,000 元
	DefaultWeightG int                     `json:"default_weight_g"` // when total_weight is absent or 0; default 1000
	ErrorCodes     map[upstream.Reason]int `json:"error_codes"`      // of our refusals; default the canonical ones
	RetryCodes     []int                   `json:"retry_codes"`      // of 美团's refusals that may be tried again
	Providers      map[string]string       `json:"providers"`        // carrier → logistics_provider_code, beside the table

	// AllowDev lets the published development credentials pass. Only the emulator sets it.
	AllowDev bool `json:"-"`
}

// ParseConfig reads the JSON of QIANFAN_MEITUAN strictly.
func ParseConfig(raw []byte) (Config, error) {
	var c Config
	if err := settings.Decode(raw, &c); err != nil {
		return Config{}, fmt.Errorf("meituan: %w", err)
	}
	return c, nil
}

// devSecret is the development credential that everybody knows. The development
// app_id, 1001, is too short to be told from a real one.
const devSecret = "mt-test-secret-0001"

func (c Config) check() error {
	err := errors.Join(
		settings.Require(
			settings.Setting{Name: "app_id", Value: c.AppID},
			settings.Setting{Name: "secret", Value: c.Secret},
			settings.Setting{Name: "push_url", Value: c.PushURL}),
		settings.CheckURL("base_url", c.BaseURL),
	)
	if c.PushURL != "" && c.PushURL != asReceived {
		err = errors.Join(err, settings.CheckURL("push_url", c.PushURL))
	}
	for prefix, registered := range c.PushURLs {
		err = errors.Join(err, settings.CheckURL("push_urls["+prefix+"]", registered))
	}
	if c.MaxValueFen < 0 || c.DefaultWeightG < 0 {
		err = errors.Join(err, errors.New("max_value_fen or default_weight_g is negative"))
	}
	if err == nil && !c.AllowDev && c.Secret == devSecret {
		err = settings.ErrDevCredentials
	}
	return err
}

func (c Config) withDefaults() Config {
	c.MaxAge = settings.Duration(c.MaxAge.Or(6 * time.Hour))
	if c.MaxValueFen == 0 {
		c.MaxValueFen = 100_000_00
	}
	if c.DefaultWeightG == 0 {
		c.DefaultWeightG = 1000
	}
	c.BaseURL = strings.TrimSuffix(strings.TrimRight(c.BaseURL, "/"), "/api/v1")
	c.PushURL = strings.TrimRight(c.PushURL, "/")
	return c
}

// registered is the callback URL as 美团 knows it, over which it signed.
func (c Config) registered(r upstream.Request) string {
	best := ""
	for prefix := range c.PushURLs {
		if strings.HasPrefix(r.Path, prefix) && len(prefix) > len(best) {
			best = prefix
		}
	}
	switch {
	case best != "":
		return c.PushURLs[best] + strings.TrimPrefix(r.Path, best)
	case c.PushURL == asReceived:
		return r.URL
	}
	return c.PushURL + r.Path
}

func (c Config) mayRetry(code int) bool { return slices.Contains(c.RetryCodes, code) }
