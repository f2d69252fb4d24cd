package clock

import (
	"context"
	"time"
)

// System is real time for code whose needs are technical only: leases, batch windows, retry pauses, latencies. Code that
// decides about orders takes a Clock instead.
var System systemTime

type systemTime struct{}

// Now is the system time in UTC, with its monotonic reading.
func (systemTime) Now() time.Time { return time.Now().UTC() }

// NewTimer is a timer of system time; its owner stops it.
func (systemTime) NewTimer(d time.Duration) *time.Timer { return time.NewTimer(d) }

// Sleep waits for d of system time or until ctx ends, and returns ctx's error in that case.
func (systemTime) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
