package function

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Names of the settings that functions share.
const (
	EnvMySQLDSN          = "QIANFAN_MYSQL_DSN"
	EnvMySQLAppDSN       = "QIANFAN_MYSQL_APP_DSN" // for the emulator on a real database, whose owner the other one names: the user of its functions
	EnvRedisAddr         = "QIANFAN_REDIS_ADDR"
	EnvRocketMQEndpoint  = "QIANFAN_ROCKETMQ_ENDPOINT"
	EnvRocketMQAccessKey = "QIANFAN_ROCKETMQ_ACCESS_KEY"
	EnvRocketMQSecretKey = "QIANFAN_ROCKETMQ_SECRET_KEY"
	EnvDataKey           = "QIANFAN_DATA_KEY"      // base64 of 32 bytes: names, phones and addresses are encrypted with it
	EnvClockFile         = "QIANFAN_CLOCK_FILE"    // only with EnvDev
	EnvDev               = "QIANFAN_DEV"           // "1" only in the emulator
	EnvOTLPEndpoint      = "QIANFAN_OTLP_ENDPOINT" // where traces go: host:port (OTLP/gRPC) or an http(s):// URL (OTLP/HTTP); empty = nowhere
	EnvOTLPHeaders       = "QIANFAN_OTLP_HEADERS"  // name=value,… sent along: a collector's access key
	EnvOTLPTimeout       = "QIANFAN_OTLP_TIMEOUT"  // what sending them may cost a call at most; 200ms
	EnvTraceSample       = "QIANFAN_TRACE_SAMPLE"  // share of the orders that are traced, 0 to 1
	EnvJD                = "QIANFAN_JD"            // this and the next: one party's addresses, ids and secrets as a JSON object
	EnvMeituan           = "QIANFAN_MEITUAN"
	EnvTaobao            = "QIANFAN_TAOBAO"
	EnvCanonical         = "QIANFAN_CANONICAL"
	EnvUUPT              = "QIANFAN_UUPT"
	EnvShansong          = "QIANFAN_SHANSONG"
	EnvSFTC              = "QIANFAN_SFTC"
	EnvFengniao          = "QIANFAN_FENGNIAO"
)

// devSecrets are the published secrets of the emulator's parties. Outside the emulator nobody may run with them.
var devSecrets = []string{
	"jd-test-secret-0001", "jd-test-token", "mt-test-secret-0001", "ele-test-secret-0001", "qf-test-secret-0001",
	"uu-test-app-key-0001", "iss-test-secret-0001", "sf-test-dev-key-0001", "fn-test-secret-0001", "dada-test-secret-0001",
}

// Env reads settings and remembers everything that is missing or bad, so that one error names it all. A bad setting reads as the
// default, or as zero where there is none. Values never appear in the error.
type Env struct {
	look     func(name string) (string, bool)
	dev      bool
	problems []string
	seen     map[string]bool
}

// NewEnv reads settings with look, which works like os.LookupEnv; nil is the process's environment. A value that holds one of the
// emulator's published secrets is a problem unless QIANFAN_DEV is 1.
func NewEnv(look func(name string) (string, bool)) *Env {
	if look == nil {
		look = os.LookupEnv
	}
	e := &Env{look: look, seen: map[string]bool{}}
	switch dev, _ := look(EnvDev); dev {
	case "", "0":
	case "1":
		e.dev = true
	default:
		e.Problem(EnvDev, "must be 1 or unset")
	}
	return e
}

// Dev tells whether the process runs in the emulator.
func (e *Env) Dev() bool { return e.dev }

// Problem records what is wrong with a setting; the first problem of a name is kept.
func (e *Env) Problem(name, format string, args ...any) {
	if e.seen[name] {
		return
	}
	e.seen[name] = true
	e.problems = append(e.problems, name+" "+fmt.Sprintf(format, args...))
}

// Err is nil when every setting read so far was good, and otherwise a *SettingsError naming all that were not.
func (e *Env) Err() error {
	if len(e.problems) == 0 {
		return nil
	}
	return &SettingsError{Problems: e.problems}
}

// SettingsError lists the settings that keep a function from starting.
type SettingsError struct{ Problems []string }

func (e *SettingsError) Error() string { return "settings: " + strings.Join(e.Problems, "; ") }

// get is the trimmed value, with false when it is unset, empty or not allowed here.
func (e *Env) get(name string) (string, bool) {
	v, ok := e.look(name)
	v = strings.TrimSpace(v)
	if !ok || v == "" {
		return "", false
	}
	if e.dev {
		return v, true
	}
	for _, s := range devSecrets {
		if strings.Contains(v, s) {
			e.Problem(name, "holds a published development secret")
			return "", false
		}
	}
	return v, true
}

// Require is the value of a setting that must be there and not empty.
func (e *Env) Require(name string) string {
	v, ok := e.get(name)
	if !ok {
		e.Problem(name, "is not set")
	}
	return v
}

// Optional is the value of a setting, or def when it is unset or empty.
func (e *Env) Optional(name, def string) string {
	if v, ok := e.get(name); ok {
		return v
	}
	return def
}

// Duration is a positive Go duration such as "1500ms", or def when unset.
func (e *Env) Duration(name string, def time.Duration) time.Duration {
	v, ok := e.get(name)
	if !ok {
		return def
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		e.Problem(name, "is not a positive duration such as 1500ms or 2s")
		return def
	}
	return d
}

// Int is a whole number from min to max, or def when unset.
func (e *Env) Int(name string, def, min, max int) int {
	v, ok := e.get(name)
	if !ok {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < min || n > max {
		e.Problem(name, "is not a whole number from %d to %d", min, max)
		return def
	}
	return n
}

// Float is a number from min to max, or def when unset. Never use it for money.
func (e *Env) Float(name string, def, min, max float64) float64 {
	v, ok := e.get(name)
	if !ok {
		return def
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= min && f <= max) {
		e.Problem(name, "is not a number from %g to %g", min, max)
		return def
	}
	return f
}

// Bool is true for 1 or true, false for 0 or false, or def when unset.
func (e *Env) Bool(name string, def bool) bool {
	v, ok := e.get(name)
	if !ok {
		return def
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		e.Problem(name, "is neither true nor false")
		return def
	}
	return b
}

// JSON decodes a required setting that holds a JSON object into the struct that into points to. An unknown key is a problem: it is
// most often a misspelt one.
func (e *Env) JSON(name string, into any) {
	v, ok := e.get(name)
	if !ok {
		e.Problem(name, "is not set")
		return
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(v)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		// Only the decoder's own words about keys are safe to show; others may quote a secret.
		if strings.Contains(err.Error(), "unknown field") {
			e.Problem(name, "has an %s", strings.TrimPrefix(err.Error(), "json: "))
			return
		}
		e.Problem(name, "is not the JSON object it should be")
		return
	}
	if dec.More() {
		e.Problem(name, "has something after its JSON object")
	}
}

// Key is a required secret key of exactly size bytes in base64 (standard alphabet).
func (e *Env) Key(name string, size int) []byte {
	v := e.Require(name)
	if v == "" {
		return nil
	}
	key, err := base64.StdEncoding.DecodeString(v)
	if err != nil || len(key) != size {
		e.Problem(name, "is not base64 of %d bytes", size)
		return nil
	}
	return key
}
