package order

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// idEpoch is where the 41 bits of milliseconds of an id begin: 2025-01-01Z, good to 2094.
var idEpoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

const idRandomBits = 22

// IDs mints order ids: 41 bits of wall-clock milliseconds and 22 bits counted up from a
// random start, so that instances do not need to know each other; a clash is retried.
type IDs struct {
	now  func() time.Time
	mu   sync.Mutex
	next uint32
}

// NewIDs starts a generator. now is the system clock.
func NewIDs(now func() time.Time, random *rand.Rand) *IDs {
	return &IDs{now: now, next: random.Uint32()}
}

// Next is a new id, positive, ordered by time to the millisecond.
func (g *IDs) Next() int64 {
	g.mu.Lock()
	g.next++
	low := g.next & (1<<idRandomBits - 1)
	g.mu.Unlock()
	return g.now().Sub(idEpoch).Milliseconds()<<idRandomBits | int64(low)
}

// IDTime is the wall-clock millisecond in which an id was minted.
func IDTime(id int64) time.Time {
	return idEpoch.Add(time.Duration(id>>idRandomBits) * time.Millisecond)
}

// OurNo is the number under which a carrier knows an attempt: the order id followed by
// the attempt number in three digits, so that a callback yields the order without a look-up.
func OurNo(id int64, n int) string { return fmt.Sprintf("%d%03d", id, n) }

// ErrOurNo says that a text is not a number that we minted.
var ErrOurNo = errors.New("order: not one of our numbers")

// ParseOurNo undoes OurNo.
func ParseOurNo(text string) (id int64, n int, err error) {
	if len(text) < 4 || len(text) > 22 {
		return 0, 0, ErrOurNo
	}
	cut := len(text) - 3
	id, err = strconv.ParseInt(text[:cut], 10, 64)
	if err != nil || id <= 0 {
		return 0, 0, ErrOurNo
	}
	n, err = strconv.Atoi(text[cut:])
	if err != nil || n <= 0 || OurNo(id, n) != text { // what we minted has no signs and no leading zeros
		return 0, 0, ErrOurNo
	}
	return id, n, nil
}
