package telemetry

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Config says whose spans go where.
type Config struct {
	Endpoint string            // see ParseEndpoint; the zero value is off
	Headers  map[string]string // sent with every export
	Sample   float64           // share of the orders that are traced, 0 to 1
	Service  string            // the function's name
	Instance string            // unique per process
	Version  string            // of the build
	Now      func() time.Time  // system time
	Patience time.Duration     // of system time: what a flush may cost an invocation; 0 = 200 ms
}

// endpoint is a collector's address, read.
type endpoint struct {
	grpc    bool
	secure  bool
	address string // host:port for gRPC, the whole URL for HTTP
}

var errEndpoint = errors.New("is neither host:port nor grpcs://host:port nor an http(s):// URL")

// CheckEndpoint reports what is wrong with a collector's address: host:port of OTLP/gRPC, grpcs://host:port for the same over TLS,
// or the http:// or https:// URL of OTLP/HTTP (protobuf), to which /v1/traces is added when it has no path. Empty is off.
func CheckEndpoint(text string) error {
	if text == "" {
		return nil
	}
	_, err := parseEndpoint(text)
	return err
}

func parseEndpoint(text string) (endpoint, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "grpc", text
	}
	switch scheme {
	case "grpc", "grpcs":
		host, port, err := net.SplitHostPort(rest)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || bad != nil || n == 0 {
			return endpoint{}, errEndpoint
		}
		return endpoint{grpc: true, secure: scheme == "grpcs", address: rest}, nil
	case "http", "https":
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return endpoint{}, errEndpoint
		}
		if strings.Trim(u.Path, "/") == "" {
			u.Path = "/v1/traces"
		}
		return endpoint{secure: scheme == "https", address: u.String()}, nil
	}
	return endpoint{}, errEndpoint
}

// ParseHeaders reads name=value pairs separated by commas; values may be percent-encoded. Errors quote no value.
func ParseHeaders(text string) (map[string]string, error) {
	headers := map[string]string{}
	for i, pair := range strings.Split(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || !token(name) || strings.ContainsAny(value, "\r\n\x00") {
			return nil, fmt.Errorf("pair %d is not name=value", i+1)
		}
		headers[strings.ToLower(name)] = value
	}
	return headers, nil
}

// token reports whether name can be a header's in both protocols.
func token(name string) bool {
	return name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}
