package world

import "time"

// Clock is virtual business time: riders, tariffs and retries live by it.
type Clock interface {
	// Now is the present virtual instant.
	Now() time.Time
	// AfterFunc calls f once, when virtual time reaches at. f must be quick: whatever
	// talks to the network belongs on a goroutine of its own. stop gives the timer up
	// and does not wait for an f that has already begun.
	AfterFunc(at time.Time, f func()) (stop func())
	// Busy says that something is under way that virtual time should not run away
	// from. done may be called more than once.
	Busy(kind string) (done func())
}

// Shanghai is the time zone of business hours and of every wire format that writes
// local time. China has no daylight saving, so no zone database is needed.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// Wait returns when virtual time reaches at, or earlier with false when quit is closed.
func Wait(c Clock, at time.Time, quit <-chan struct{}) bool {
	due := make(chan func(), 1)
	// The token bridges the gap between the timer and its waiter: without it the
	// clock could jump on before the waiter has even woken.
	stop := c.AfterFunc(at, func() { due <- c.Busy("sim-wake") })
	select {
	case done := <-due:
		defer done()
		return true
	case <-quit:
		stop()
		select {
		case done := <-due:
			done()
		default:
		}
		return false
	}
}

// peakOrNight tells which surcharges a local hour carries: 11–13 and 17–19 are peaks,
// 22–06 is night.
func peakOrNight(at time.Time) (peak, night bool) {
	h := at.In(Shanghai).Hour()
	return h == 11 || h == 12 || h == 17 || h == 18, h >= 22 || h < 6
}
