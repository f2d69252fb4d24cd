// Package canonical is 千帆's own inbound API, and the model of which every platform is a
// variation: JSON below /upstream/v1/, signed by HMAC-SHA256.
//
// A request carries X-Qianfan-Key, X-Qianfan-Timestamp (Unix seconds) and
// X-Qianfan-Signature, the lower hex HMAC over timestamp, method, path with query and
// body, each on its own line. There is no store of nonces: the same order sent again is
// recognised by its number and content, so that a replay changes nothing.
package canonical

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
)

// Name is the platform's key.
const Name = "canonical"

// The headers of a request.
const (
	HeaderKey       = "X-Qianfan-Key"
	HeaderTimestamp = "X-Qianfan-Timestamp"
	HeaderSignature = "X-Qianfan-Signature"
)

// Adapter is the canonical API as an upstream.Adapter. It is safe for concurrent use.
type Adapter struct{ cfg Config }

var _ upstream.Adapter = (*Adapter)(nil)

// New checks the settings and makes the adapter. It needs no dependencies: it makes no
// calls, and a request brings its time. Development credentials without
// Config.AllowDev are settings.ErrDevCredentials.
func New(cfg Config, _ settings.Deps) (*Adapter, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("canonical: %w", err)
	}
	return &Adapter{cfg: cfg.withDefaults()}, nil
}

// Name is "canonical".
func (a *Adapter) Name() string { return Name }

// Reports is false: clients read their orders.
func (a *Adapter) Reports() bool { return false }

// Report always fails; see Reports.
func (a *Adapter) Report(context.Context, upstream.Milestone) error {
	return upstream.Refuse(upstream.Refused, "", "clients of the canonical API read their orders")
}

// Sign makes the signature of a request: lower hex HMAC-SHA256 over timestamp, method,
// path with query, and body, joined by line feeds.
func Sign(secret, timestamp, method, pathWithQuery string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "\n" + method + "\n" + pathWithQuery + "\n"))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// verify checks who sent the request, that nothing of it was changed, and its age.
func (a *Adapter) verify(r upstream.Request) *upstream.Error {
	key, stamp, signature := r.Header.Get(HeaderKey), r.Header.Get(HeaderTimestamp), r.Header.Get(HeaderSignature)
	secret, known := a.cfg.Keys[key]
	if !known {
		return upstream.Refuse(upstream.UnknownKey, HeaderKey, "unknown or missing key")
	}
	if !upstream.Same(signature, Sign(secret, stamp, r.Method, target(r), r.Body)) {
		return upstream.Refuse(upstream.BadSignature, HeaderSignature, "the signature does not hold")
	}
	return upstream.CheckFresh(HeaderTimestamp, stamp, r.Now, time.Duration(a.cfg.MaxAge))
}

// target is path and query as the client wrote them, escapes included.
func target(r upstream.Request) string {
	path := rawPath(r)
	if r.RawQuery != "" {
		path += "?" + r.RawQuery
	}
	return path
}

func rawPath(r upstream.Request) string {
	_, rest, ok := strings.Cut(r.URL, "://")
	if i := strings.IndexByte(rest, '/'); ok && i >= 0 {
		return rest[i:]
	}
	return r.Path
}
