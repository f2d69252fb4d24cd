package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"time"
)

// Option changes a client that is being made.
type Option func(*Client)

// WithHTTP has requests made by h. It should follow no redirects: a signature is good for one address.
func WithHTTP(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithTimeout bounds one try; 10 s without it. The context bounds all of a call's tries.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithTries says how often a request is sent at most while nothing decided comes back, and for
// how long to wait before the second time; each wait is twice the one before, 10 s at most.
// Without it: 3 and 200 ms. 1 = never again.
func WithTries(n int, pause time.Duration) Option {
	return func(c *Client) { c.tries, c.pause = max(1, n), pause }
}

// WithClock replaces the clock, for tests.
func WithClock(clock Clock) Option { return func(c *Client) { c.clock = clock } }

// Clock is what a client knows of time.
type Clock interface {
	Now() time.Time
	// Sleep waits, or returns ctx's error when that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() } //nolint:forbidigo // this is the clock adapter

func (systemClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d) //nolint:forbidigo // this is the clock adapter
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// random is 0 to 1, 1 excluded.
func random() float64 {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails
	return float64(binary.BigEndian.Uint64(raw[:])>>11) / (1 << 53)
}

// newKey names a command that the caller did not name.
func newKey() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}
