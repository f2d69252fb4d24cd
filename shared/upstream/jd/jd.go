// Package jd speaks 京东秒送's open platform (opendj.jd.com, openapi.jddj.com/djapi): thin
// signed form pushes in, {"code":"0"} out, the order's detail asked for afterwards
// (order/es/query), and the report-back of rider and state (商家自送).
//
// 京东 publishes no contract for overflow orders, so the pushes read here are those to a
// merchant. Where the public sources leave a gap (the fields of 商家自送跟踪, codes of
// refusals, shop numbers) the value is configuration.
package jd

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
const Name = "jd"

// shanghai is the zone of every time that 京东 writes. China has no daylight saving.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// Adapter is 京东秒送 as an upstream.Fetcher. It is safe for concurrent use.
type Adapter struct {
	cfg    Config
	http   *http.Client
	system func() time.Time
}

var _ upstream.Fetcher = (*Adapter)(nil)

// New checks the settings and makes the adapter. Development credentials without
// Config.AllowDev are settings.ErrDevCredentials.
func New(cfg Config, deps settings.Deps) (*Adapter, error) {
	if err := errors.Join(deps.Check(), cfg.check()); err != nil {
		return nil, fmt.Errorf("jd: %w", err)
	}
	return &Adapter{cfg: cfg.withDefaults(), http: deps.HTTP, system: deps.System}, nil
}

// Name is "jd".
func (a *Adapter) Name() string { return Name }

// Reports is true: 京东 is told by calls.
func (a *Adapter) Reports() bool { return true }

// Sign makes 京东's signature: the secret, every parameter but sign as name and value in
// the order of the names, and the secret again; MD5 in upper hex. jd_param_json goes in
// exactly as it is sent, never as it would be written again.
func Sign(params map[string]string, secret string) string {
	var text strings.Builder
	text.WriteString(secret)
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if name != "sign" {
			text.WriteString(name + params[name])
		}
	}
	sum := md5.Sum([]byte(text.String() + secret))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}
