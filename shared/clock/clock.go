// Package clock gives the two times of the system.
//
// System time is real time: signature freshness, HTTP timeouts, leases, batch windows. Virtual time is business time:
// order timers, schedules, tariffs, ledger dates and every due column. In production the two are the same. Under the
// emulator virtual time runs faster, stands still or jumps; function processes see it through a small shared file that
// is named in the environment (see EnvFile, File and Writer).
//
// This package and local/clock are the only ones that may call time.Now, time.Sleep and their like.
package clock

import (
	"io"
	"math"
	"time"
)

// EnvFile is the environment variable that names the shared clock file. Unset or empty means real time.
const EnvFile = "QIANFAN_CLOCK_FILE"

// Clock gives both times, in UTC. Implementations are safe for concurrent use and cheap enough to ask for every item.
type Clock interface {
	// System is real time. It may carry a monotonic reading, so differences survive a step of the wall clock.
	System() time.Time
	// Virtual is business time; it never goes backwards within a process. It carries no monotonic reading.
	Virtual() time.Time
}

// Real is a clock both of whose times are system time: what production uses.
func Real() Clock { return realClock{} }

type realClock struct{}

func (realClock) System() time.Time  { return System.Now() }
func (realClock) Virtual() time.Time { return System.Now().Round(0) }

// FromEnv opens the clock file that EnvFile names, or returns Real when there is none. getenv is usually os.Getenv.
// The closer is never nil.
func FromEnv(getenv func(string) string) (Clock, io.Closer, error) {
	path := getenv(EnvFile)
	if path == "" {
		return Real(), nopCloser{}, nil
	}
	return Open(path)
}

type nopCloser struct{}

func (nopCloser) Close() error { return nil }

// Pacer is implemented by clocks whose virtual time may run at another speed than system time.
type Pacer interface {
	// Pace is the present number of virtual seconds per system second. For a clock that stands still it is the speed at
	// which it would go on.
	Pace() float64
}

// ToSystem is the system instant at which virtual time reaches the given instant, if it keeps its present speed: the
// delivery timestamp of a delayed message. An instant in the virtual past gives a system instant in the past. It is an
// estimate: the speed may change before then.
func ToSystem(c Clock, virtual time.Time) time.Time {
	left := virtual.Sub(c.Virtual())
	if p, ok := c.(Pacer); ok {
		left = scale(left, 1/p.Pace())
	}
	return c.System().Add(left).Round(0)
}

// Millis is t in milliseconds since 1970, the unit of wire formats and of time-ordered ids.
func Millis(t time.Time) int64 { return t.UnixMilli() }

// FromMillis is the UTC instant that many milliseconds after 1970.
func FromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// scale is d times by, held within the range of a Duration.
func scale(d time.Duration, by float64) time.Duration {
	f := float64(d) * by
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return time.Duration(f)
}
