package health

import (
	"time"

	"github.com/chuandao/qianfan/shared/function"
)

// Policy says when a breaker opens and when it tries again. All durations are system time.
//
// With the defaults a carrier that loses or hangs 3 % of its calls opens a breaker less than once in 10¹³ calls (12 of 20
// by chance: C(20,12)·0.03¹²), and one that answers none of them does so with the twelfth.
type Policy struct {
	Window   int           // calls that count, the latest of all instances together
	Failures int           // so many of them failed: the breaker opens
	Memory   time.Duration // after so long without a call they are forgotten
	Pause    time.Duration // from opening to the first probe; doubled by each probe that fails
	MaxPause time.Duration // but no longer than this
}

// probeLease is how long one instance may take for a probe before another may try: longer than any quote deadline, short
// enough for an instance that vanished with it.
const probeLease = 10 * time.Second

// DefaultPolicy is what holds where nothing is configured.
func DefaultPolicy() Policy {
	return Policy{Window: 20, Failures: 12, Memory: 2 * time.Minute, Pause: 5 * time.Second, MaxPause: time.Minute}
}

// LoadPolicy reads the policy from QIANFAN_BREAKER_WINDOW, _FAILURES, _MEMORY, _PAUSE and _MAX_PAUSE, all optional.
func LoadPolicy(env *function.Env) Policy {
	p := DefaultPolicy()
	p.Window = env.Int("QIANFAN_BREAKER_WINDOW", p.Window, 1, 1000)
	p.Failures = env.Int("QIANFAN_BREAKER_FAILURES", p.Failures, 1, 1000)
	p.Memory = env.Duration("QIANFAN_BREAKER_MEMORY", p.Memory)
	p.Pause = env.Duration("QIANFAN_BREAKER_PAUSE", p.Pause)
	p.MaxPause = env.Duration("QIANFAN_BREAKER_MAX_PAUSE", p.MaxPause)
	if p.Failures > p.Window {
		env.Problem("QIANFAN_BREAKER_FAILURES", "is more than QIANFAN_BREAKER_WINDOW: the breaker would never open")
	}
	if p.MaxPause < p.Pause {
		env.Problem("QIANFAN_BREAKER_MAX_PAUSE", "is less than QIANFAN_BREAKER_PAUSE")
	}
	return p
}

// opened is a breaker that opens now.
func (p Policy) opened(now time.Time) Trip {
	return Trip{Since: now, Until: now.Add(p.Pause)}
}

// due reports whether a probe may be made. An instant further away than any pause was written by an instance whose clock
// was wrong: it would keep the breaker open until then.
func (p Policy) due(t Trip, now time.Time) bool {
	left := t.Until.Sub(now)
	return left <= 0 || left > 2*p.MaxPause
}

// again is a breaker whose probe failed now.
func (p Policy) again(t Trip, now time.Time) Trip {
	pause := p.Pause
	for range t.Probes + 1 {
		if pause *= 2; pause >= p.MaxPause {
			pause = p.MaxPause
			break
		}
	}
	return Trip{Since: t.Since, Until: now.Add(pause), Probes: t.Probes + 1}
}
