package emulator

import (
	"sync"
	"time"

	sharedclock "github.com/chuandao/qianfan/shared/clock"
)

// quietFor is how long, in system time, nothing has to come out of a real broker for it to be
// taken as idle: longer than its redeliveries are late.
const quietFor = 5 * time.Second

// quiet notes when a count last changed.
type quiet struct {
	mu   sync.Mutex
	last int64
	at   time.Time
}

// since is how long the count has been what it is now.
func (q *quiet) since(count int64) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := sharedclock.System.Now()
	if count != q.last || q.at.IsZero() {
		q.last, q.at = count, now
	}
	return now.Sub(q.at)
}
