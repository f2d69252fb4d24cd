// Package position is where riders were last seen: what carriers push and what they answer
// when somebody wants to know. It is kept in Redis alone, and may be lost at any time.
//
//	qf:position:v1:<carrier>:<our number, or the carrier's>  seenValue
//	qf:position:v1:asked:<carrier>:<our number>              a carrier is being asked, or was a moment ago
package position

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/geo"
)

const (
	area    = "position"
	version = 1
	memory  = 30 * time.Minute // of system time: longer than any rider's way
	// askAgain is for how long, in system time, a carrier that was asked is not asked again:
	// how often somebody who watches a rider makes a call.
	askAgain = 15 * time.Second
)

// Key names a waybill: a carrier's pushes may carry either number.
type Key struct {
	Carrier   string
	OurNo     string // empty = not known
	CarrierNo string // empty = not known
}

func (k Key) names() []string {
	var out []string
	for _, no := range []string{k.OurNo, k.CarrierNo} {
		if no != "" {
			out = append(out, cache.Key(area, version, k.Carrier, no))
		}
	}
	return out
}

// Seen is where a rider was.
type Seen struct {
	Point geo.Point // GCJ-02
	At    time.Time // by the carrier's clock, else virtual time of the news
}

// seenValue is a Seen as JSON, its instant in Unix milliseconds.
type seenValue struct {
	Lng float64 `json:"lng"`
	Lat float64 `json:"lat"`
	At  int64   `json:"at"`
}

// Board is the shared memory of positions. A nil *Board remembers nothing.
type Board struct{ redis *cache.Client }

// New makes a board on Redis.
func New(redis *cache.Client) *Board { return &Board{redis} }

// Put notes where a rider was, unless something newer is known; of two writers at the same
// moment either may win. Without Redis it is forgotten.
func (b *Board) Put(ctx context.Context, k Key, s Seen) error {
	names := k.names()
	if b == nil || len(names) == 0 || !s.Point.InChina() {
		return nil
	}
	known, ok, err := b.Last(ctx, k)
	if err != nil || ok && known.At.After(s.At) {
		return err
	}
	raw, err := json.Marshal(seenValue{s.Point.Lng, s.Point.Lat, s.At.UnixMilli()})
	if err != nil {
		return fmt.Errorf("note a position: %w", err)
	}
	return b.redis.Pipe(ctx, func(p redis.Pipeliner) { p.Set(ctx, names[0], raw, memory) })
}

// Last is the newest position of a waybill; false = none is known.
func (b *Board) Last(ctx context.Context, k Key) (Seen, bool, error) {
	names := k.names()
	if b == nil || len(names) == 0 {
		return Seen{}, false, nil
	}
	var found *redis.SliceCmd
	if err := b.redis.Pipe(ctx, func(p redis.Pipeliner) { found = p.MGet(ctx, names...) }); err != nil {
		return Seen{}, false, fmt.Errorf("read a position: %w", err)
	}
	var best Seen
	for _, v := range found.Val() {
		text, ok := v.(string)
		var s seenValue
		if !ok || json.Unmarshal([]byte(text), &s) != nil {
			continue // what cannot be read is not known
		}
		if at := time.UnixMilli(s.At).UTC(); at.After(best.At) {
			best = Seen{Point: geo.Point{Lng: s.Lng, Lat: s.Lat}, At: at}
		}
	}
	return best, !best.At.IsZero(), nil
}

// Claim reports whether the caller is the one to have the carrier asked now: nobody did in
// the last 15 seconds. Without Redis nobody is: the answer could not be passed on.
func (b *Board) Claim(ctx context.Context, k Key) bool {
	if b == nil || k.OurNo == "" {
		return false
	}
	var won *redis.StatusCmd
	err := b.redis.Pipe(ctx, func(p redis.Pipeliner) {
		won = p.SetArgs(ctx, cache.Key(area, version, "asked", k.Carrier, k.OurNo), "1", redis.SetArgs{Mode: "NX", TTL: askAgain})
	})
	return err == nil && won.Err() == nil
}
