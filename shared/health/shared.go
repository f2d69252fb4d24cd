package health

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chuandao/qianfan/shared/cache"
)

// sharedBoard is the board of all instances, in Redis:
//
//	qf:breaker:v1:open                     hash  carrier:city → tripValue; empty or absent while all carriers are well
//	qf:breaker:v1:calls:<carrier>:<city>   list  "1" a call that failed, "0" one that did not; the newest first
//	qf:breaker:v1:probe:<carrier>:<city>   the probe that is under way
//
// What lists and leases say commutes, so that instances need no lock and no script; the few races left (a probe that
// fails in the moment in which another call succeeds) are undone by the next probe.
type sharedBoard struct {
	policy Policy
	cache  *cache.Client
}

const (
	area    = "breaker"
	version = 1
	// openMemory is how long Redis keeps open breakers that nobody asks about. Longer than any outage in which somebody
	// does: a carrier nobody wants may as well be thought well.
	openMemory = time.Hour
)

// tripValue is a Trip as JSON, with instants in Unix milliseconds.
type tripValue struct {
	Since  int64 `json:"since"`
	Until  int64 `json:"until"`
	Probes int   `json:"probes,omitempty"`
}

func openKey() string       { return cache.Key(area, version, "open") }
func callsKey(k Key) string { return cache.Key(area, version, "calls", k.Carrier, k.City) }
func probeKey(k Key) string { return cache.Key(area, version, "probe", k.Carrier, k.City) }
func fieldOf(k Key) string  { return k.Carrier + ":" + k.City }

func writeTrip(t Trip) []byte {
	raw, _ := json.Marshal(tripValue{t.Since.UnixMilli(), t.Until.UnixMilli(), t.Probes}) // integers always marshal
	return raw
}

func (b *sharedBoard) apply(ctx context.Context, c change) (standing, error) {
	var open *redis.MapStringStringCmd
	calls := map[Key]*redis.StringSliceCmd{}
	err := b.cache.Pipe(ctx, func(p redis.Pipeliner) {
		for k, failed := range c.calls {
			calls[k] = b.remember(ctx, p, k, failed)
		}
		for _, k := range c.closed {
			p.HDel(ctx, openKey(), fieldOf(k))
			p.Del(ctx, callsKey(k), probeKey(k))
		}
		for k, t := range c.again {
			p.HSet(ctx, openKey(), fieldOf(k), writeTrip(t))
			p.Del(ctx, probeKey(k))
		}
		if len(c.again) > 0 {
			p.PExpire(ctx, openKey(), openMemory)
		}
		for _, k := range c.released {
			p.Del(ctx, probeKey(k))
		}
		open = p.HGetAll(ctx, openKey())
	})
	if err != nil {
		return standing{}, err
	}
	out := standing{open: readTrips(open.Val()), failures: map[Key]int{}}
	for k, cmd := range calls {
		out.failures[k] = strings.Count(strings.Join(cmd.Val(), ""), "1")
	}
	return out, nil
}

func (b *sharedBoard) remember(ctx context.Context, p redis.Pipeliner, k Key, failed []bool) *redis.StringSliceCmd {
	values := make([]any, len(failed))
	for i, f := range failed {
		values[i] = "0"
		if f {
			values[i] = "1"
		}
	}
	p.LPush(ctx, callsKey(k), values...)
	p.LTrim(ctx, callsKey(k), 0, int64(b.policy.Window)-1)
	p.PExpire(ctx, callsKey(k), b.policy.Memory)
	return p.LRange(ctx, callsKey(k), 0, -1)
}

// readTrips leaves out what it cannot read: such a breaker counts as closed.
func readTrips(fields map[string]string) map[Key]Trip {
	out := map[Key]Trip{}
	for field, raw := range fields {
		var v tripValue
		carrier, city, ok := strings.Cut(field, ":")
		if !ok || json.Unmarshal([]byte(raw), &v) != nil {
			continue
		}
		out[Key{carrier, city}] = Trip{Since: time.UnixMilli(v.Since).UTC(), Until: time.UnixMilli(v.Until).UTC(), Probes: max(0, v.Probes)}
	}
	return out
}

func (b *sharedBoard) claim(ctx context.Context, keys []Key) (map[Key]bool, error) {
	cmds := make([]*redis.StatusCmd, len(keys))
	err := b.cache.Pipe(ctx, func(p redis.Pipeliner) {
		for i, k := range keys {
			cmds[i] = p.SetArgs(ctx, probeKey(k), "1", redis.SetArgs{Mode: "NX", TTL: probeLease})
		}
	})
	if err != nil {
		return nil, err
	}
	got := map[Key]bool{}
	for i, k := range keys {
		if cmds[i].Err() == nil {
			got[k] = true
		}
	}
	return got, nil
}

func (b *sharedBoard) open(ctx context.Context, trips map[Key]Trip) error {
	return b.cache.Pipe(ctx, func(p redis.Pipeliner) {
		for k, t := range trips {
			p.HSetNX(ctx, openKey(), fieldOf(k), writeTrip(t))
			p.Del(ctx, callsKey(k))
		}
		p.PExpire(ctx, openKey(), openMemory)
	})
}
