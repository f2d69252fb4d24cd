package clock

import (
	"fmt"
	"math"
	"time"
)

// Reading is the content of a clock file: virtual time as a line through one point, with a slope.
type Reading struct {
	System  time.Time // the system instant at which Virtual was the virtual time
	Virtual time.Time
	Speed   float64 // virtual seconds per system second; above 0 even while frozen
	Frozen  bool    // virtual time stands at Virtual
}

// At is the virtual time at the given system instant. Before System it is Virtual: the line has no past.
func (r Reading) At(system time.Time) time.Time {
	elapsed := system.Sub(r.System)
	if r.Frozen || elapsed <= 0 {
		return r.Virtual
	}
	return r.Virtual.Add(scale(elapsed, r.Speed))
}

// When is the system instant at which virtual time reaches the given one, and whether it ever does at this reading: a
// frozen clock never reaches a later instant. Instants already past give System.
func (r Reading) When(virtual time.Time) (time.Time, bool) {
	left := virtual.Sub(r.Virtual)
	if left <= 0 {
		return r.System, true
	}
	if r.Frozen {
		return time.Time{}, false
	}
	// Rounded up, so that At of the answer is never before virtual.
	return r.System.Add(time.Duration(math.Min(math.Ceil(float64(left)/r.Speed), math.MaxInt64/2))), true
}

func (r Reading) validate() error {
	if !(r.Speed > 0) || math.IsInf(r.Speed, 0) {
		return fmt.Errorf("clock speed %v: want a finite number above 0", r.Speed)
	}
	return nil
}
