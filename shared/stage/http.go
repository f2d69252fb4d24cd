package stage

import (
	"net"
	"net/http"
	"time"
)

// HTTP is the client for parties outside. Calls are bounded by their contexts; idle
// connections are dropped soon, because a thawed instance finds them dead. It follows no
// redirects: a signed request is meant for the address it was signed for.
func HTTP() *http.Client {
	return &http.Client{
		Transport: statuses{&http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          256,
			MaxIdleConnsPerHost:   128,
			IdleConnTimeout:       15 * time.Second,
			TLSHandshakeTimeout:   2 * time.Second,
			ResponseHeaderTimeout: 10 * time.Second,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
