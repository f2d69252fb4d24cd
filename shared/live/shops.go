package live

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/store"
)

const (
	maxShops = 100_000 // kept at once; far more than one city has
	// slack covers a change whose transaction took a while: it is older than its commit.
	slack = 30 * time.Second
)

// shops keeps every shop that was asked for. Each is read once; after that only those that
// somebody has touched since the last look are read again, all together.
type shops struct {
	store Store
	now   func() time.Time
	fresh time.Duration // in which nobody looks for changes again

	reading sync.Mutex // held by the one who looks for changes

	mu     sync.Mutex
	known  map[store.ShopKey]store.Shop
	nobody map[store.ShopKey]time.Time // unregistered, until when that is believed
	looked time.Time                   // when changes were looked for last, with an answer
	due    time.Time                   // when to look again
	away   bool
}

func newShops(s Store, now func() time.Time, fresh time.Duration) shops {
	return shops{store: s, now: now, fresh: fresh, known: map[store.ShopKey]store.Shop{}, nobody: map[store.ShopKey]time.Time{}}
}

func (s *shops) get(ctx context.Context, key store.ShopKey) (store.Shop, error) {
	found, err := s.all(ctx, []store.ShopKey{key})
	if err != nil {
		return store.Shop{Platform: key.Platform, Code: key.Code}, err
	}
	shop, ok := found[key]
	if !ok {
		return store.Shop{Platform: key.Platform, Code: key.Code}, fmt.Errorf("%w: %s %q", store.ErrNoShop, key.Platform, key.Code)
	}
	return shop, nil
}

func (s *shops) all(ctx context.Context, keys []store.ShopKey) (map[store.ShopKey]store.Shop, error) {
	s.refresh(ctx)
	out, missing := s.take(keys)
	if len(missing) == 0 {
		return out, nil
	}
	began := s.now()
	found, err := s.store.Shops(ctx, missing)
	if err != nil {
		return nil, err
	}
	s.keep(began, missing, found)
	for _, x := range found {
		out[x.Key()] = x
	}
	return out, nil
}

// take gives what is known, and the keys of what has to be read.
func (s *shops) take(keys []store.ShopKey) (map[store.ShopKey]store.Shop, []store.ShopKey) {
	now, out := s.now(), make(map[store.ShopKey]store.Shop, len(keys))
	var missing []store.ShopKey
	asked := map[store.ShopKey]bool{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range keys {
		if asked[k] {
			continue
		}
		asked[k] = true
		if shop, ok := s.known[k]; ok {
			out[k] = shop
		} else if !now.Before(s.nobody[k]) {
			missing = append(missing, k)
		}
	}
	return out, missing
}

// keep remembers what was read, as of an instant before the reading.
func (s *shops) keep(began time.Time, asked []store.ShopKey, found []store.Shop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) == 0 { // from here on changes are to be found
		s.looked, s.due = began, began.Add(s.fresh)
	}
	if len(s.known)+len(found) > maxShops {
		clear(s.known)
	}
	if len(s.nobody)+len(asked) > maxShops {
		clear(s.nobody)
	}
	for _, k := range asked {
		s.nobody[k] = began.Add(s.fresh)
	}
	for _, x := range found {
		delete(s.nobody, x.Key())
		s.known[x.Key()] = x
	}
}

// refresh takes up what was changed since the last look, at most once in a while.
func (s *shops) refresh(ctx context.Context) {
	switch due := s.isDue(); {
	case due == isFresh:
		return
	case due == isOld:
		s.reading.Lock()
	case !s.reading.TryLock():
		return
	}
	defer s.reading.Unlock()
	if s.isDue() == isFresh {
		return
	}
	s.mu.Lock()
	began, since := s.now(), s.looked
	s.mu.Unlock()
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), patient)
	defer cancel()
	touched, err := s.store.ShopsTouched(within, began.Sub(since)+slack)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = s.now().Add(s.fresh)
	report(ctx, "shops", &s.away, err)
	if err != nil {
		return
	}
	s.looked = began
	if len(touched) >= store.MaxTouched { // an import: what is needed is read again, when it is
		clear(s.known)
		clear(s.nobody)
		return
	}
	for _, x := range touched {
		delete(s.nobody, x.Key())
		if _, kept := s.known[x.Key()]; kept {
			s.known[x.Key()] = x
		}
	}
}

// isDue tells whether it is time to look for changes; what is not known yet needs no look.
func (s *shops) isDue() age {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch late := s.now().Sub(s.due); {
	case len(s.known) == 0 || late < 0:
		return isFresh
	case late < idle:
		return isStale
	}
	return isOld
}
