// Package meituan speaks 美团外卖's open platform (waimaiopen.meituan.com/api/v1): signed
// form pushes in, {"data":"ok"} out, and the self-delivery report-back (自配送回传).
//
// 美团 publishes no contract for overflow orders, so the push read here is that of a paid
// order. Where the public sources leave a gap (codes of refusals, repeats of pushes) the
// value is configuration.
package meituan

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
)

// Name is the platform's key.
const Name = "meituan"

// Adapter is 美团外卖 as an upstream.Adapter. It is safe for concurrent use.
type Adapter struct {
	cfg    Config
	http   *http.Client
	system func() time.Time
}

var _ upstream.Adapter = (*Adapter)(nil)

// New checks the settings and makes the adapter. Development credentials without
// Config.AllowDev are settings.ErrDevCredentials.
func New(cfg Config, deps settings.Deps) (*Adapter, error) {
	if err := errors.Join(deps.Check(), cfg.check()); err != nil {
		return nil, fmt.Errorf("meituan: %w", err)
	}
	return &Adapter{cfg: cfg.withDefaults(), http: deps.HTTP, system: deps.System}, nil
}

// Name is "meituan".
func (a *Adapter) Name() string { return Name }

// Reports is true: 美团 is told by calls.
func (a *Adapter) Reports() bool { return true }

// unsigned are the parameters that take no part in a signature.
var unsigned = []string{"sig", "img_data"}

// Sign makes 美团's signature: the full URL, "?", the decoded parameters in the order of
// their names as k=v joined by "&", and the secret; MD5 in lower hex.
func Sign(address string, params map[string]string, secret string) string {
	var text strings.Builder
	text.WriteString(address + "?")
	separator := ""
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !slices.Contains(unsigned, name) {
			text.WriteString(separator + name + "=" + params[name])
			separator = "&"
		}
	}
	sum := md5.Sum([]byte(text.String() + secret))
	return hex.EncodeToString(sum[:])
}
