package canonical

import (
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/settings"
)

// Config is what the canonical API needs; see ParseConfig.
type Config struct {
	// Keys maps key ids to secrets. They belong to one client: several serve rotation,
	// and an order pushed with one may be cancelled with another.
	Keys        map[string]string `json:"keys"`
	MaxAge      settings.Duration `json:"max_age"`       // of a timestamp, either way; default 300s
	MaxValueFen money.Fen         `json:"max_value_fen"` // of an order's goods; default 100,000 元

	// AllowDev lets the published development credentials pass. Only the emulator sets it.
	AllowDev bool `json:"-"`
}

// ParseConfig reads the JSON of QIANFAN_CANONICAL strictly.
func ParseConfig(raw []byte) (Config, error) {
	var c Config
	if err := settings.Decode(raw, &c); err != nil {
		return Config{}, fmt.Errorf("canonical: %w", err)
	}
	return c, nil
}

// The development credentials that everybody knows.
const (
	devKey    = "qf-test-key"
	devSecret = "qf-test-secret-0001"
)

func (c Config) check() error {
	var err error
	if len(c.Keys) == 0 {
		err = errors.New("keys is missing")
	}
	dev := false
	for id, secret := range c.Keys {
		if id == "" || secret == "" {
			err = errors.Join(err, fmt.Errorf("keys[%s]: id or secret is empty", id))
		}
		dev = dev || id == devKey || secret == devSecret
	}
	if c.MaxValueFen < 0 {
		err = errors.Join(err, errors.New("max_value_fen is negative"))
	}
	if err == nil && dev && !c.AllowDev {
		err = settings.ErrDevCredentials
	}
	return err
}

func (c Config) withDefaults() Config {
	c.MaxAge = settings.Duration(c.MaxAge.Or(300 * time.Second))
	if c.MaxValueFen == 0 {
		c.MaxValueFen = 100_000_00
	}
	return c
}
