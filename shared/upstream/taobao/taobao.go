// Package taobao speaks 淘宝闪购 · 饿了么 餐饮 (open.shop.ele.me): signed JSON pushes in,
// {"message":"ok"} out, nop calls for the self-delivery report-back (自配送回传) and for the
// pushes that were missed (推拉结合).
//
// 饿了么 publishes no contract for overflow orders, so the push read here is that of an
// order that has come into effect (type 10). Where the public sources leave a gap (further
// states of the report-back, the fields of the pull, refusals) the value is configuration.
package taobao

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
const Name = "taobao"

// Adapter is 饿了么 餐饮 as an upstream.Adapter. It is safe for concurrent use.
type Adapter struct {
	cfg    Config
	http   *http.Client
	system func() time.Time
}

var (
	_ upstream.Puller  = (*Adapter)(nil)
	_ upstream.Fetcher = (*Adapter)(nil)
)

// New checks the settings and makes the adapter. Development credentials without
// Config.AllowDev are settings.ErrDevCredentials.
func New(cfg Config, deps settings.Deps) (*Adapter, error) {
	if err := errors.Join(deps.Check(), cfg.check()); err != nil {
		return nil, fmt.Errorf("taobao: %w", err)
	}
	return &Adapter{cfg: cfg.withDefaults(), http: deps.HTTP, system: deps.System}, nil
}

// Name is "taobao".
func (a *Adapter) Name() string { return Name }

// Reports is true: 饿了么 is told by calls.
func (a *Adapter) Reports() bool { return true }

// Sign makes the signature of a push: every field but signature in the order of their
// names as key=value without a joiner, and the secret; MD5 in upper hex. Values are the
// text of the field: of a number its digits as received.
func Sign(fields map[string]string, secret string) string {
	return digest("", fields, secret)
}

// SignCall makes the signature of a nop call: action, token, metas and params together in
// the order of their names as key=JSON(value), and the secret; MD5 in upper hex.
func SignCall(action, token string, values map[string]string, secret string) string {
	return digest(action+token, values, secret)
}

const signature = "signature"

func digest(front string, values map[string]string, secret string) string {
	var text strings.Builder
	text.WriteString(front)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name != signature {
			text.WriteString(name + "=" + values[name])
		}
	}
	text.WriteString(secret)
	sum := md5.Sum([]byte(text.String()))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}
