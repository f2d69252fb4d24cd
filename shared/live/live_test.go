package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

var (
	noon    = time.Date(2026, 11, 4, 4, 0, 0, 0, time.UTC)
	errAway = errors.New("the store is away")
)

// fake is a store that counts what it is asked.
type fake struct {
	mu         sync.Mutex
	clock      *clock.Manual
	strategies []strategy.Strategy
	switches   []store.Switch
	accounts   []carrier.AccountRule
	prepaids   []store.Prepaid
	books      []store.RuleBook
	shops      map[store.ShopKey]store.Shop
	touched    map[store.ShopKey]time.Time
	most       int // that touched gives; 0 = all
	err        error
	asked      []string
	block      chan struct{} // closed = goes on; nil = at once
	entered    chan struct{}
}

func newFake() *fake {
	return &fake{clock: clock.NewManual(noon), shops: map[store.ShopKey]store.Shop{}, touched: map[store.ShopKey]time.Time{}}
}

func (f *fake) ask(what string) error {
	f.mu.Lock()
	f.asked = append(f.asked, what)
	block, err := f.block, f.err
	f.mu.Unlock()
	if block != nil {
		f.entered <- struct{}{}
		<-block
	}
	return err
}

func (f *fake) Strategies(context.Context) ([]strategy.Strategy, error) {
	err := f.ask("strategies")
	return f.strategies, err
}

func (f *fake) SwitchedOff(context.Context) ([]store.Switch, error) {
	err := f.ask("switches")
	return f.switches, err
}

func (f *fake) Accounts(context.Context) ([]carrier.AccountRule, error) {
	err := f.ask("accounts")
	return f.accounts, err
}

func (f *fake) Prepaids(context.Context) ([]store.Prepaid, error) {
	err := f.ask("prepaids")
	return f.prepaids, err
}

func (f *fake) RuleBooks(context.Context, time.Time) ([]store.RuleBook, error) {
	err := f.ask("books")
	return f.books, err
}

func (f *fake) Shops(_ context.Context, keys []store.ShopKey) ([]store.Shop, error) {
	var out []store.Shop
	names := "shops"
	for _, k := range keys {
		names += " " + k.Code
		if x, ok := f.shops[k]; ok {
			out = append(out, x)
		}
	}
	err := f.ask(names)
	return out, err
}

func (f *fake) ShopsTouched(_ context.Context, within time.Duration) ([]store.Shop, error) {
	var out []store.Shop
	for k, at := range f.touched {
		if !at.Before(f.clock.System().Add(-within)) {
			out = append(out, f.shops[k])
		}
	}
	if f.most > 0 {
		out = out[:min(len(out), f.most)]
	}
	err := f.ask("touched")
	return out, err
}

func (f *fake) put(code, city string) {
	k := store.ShopKey{Platform: "jd", Code: code}
	f.shops[k] = store.Shop{Platform: "jd", Code: code, City: city}
	f.touched[k] = f.clock.System()
}

func (f *fake) took() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.asked
	f.asked = nil
	return out
}

func TestOneReadingInFiveSecondsHoweverManyAsk(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	for range 100 {
		_, err := l.Strategies(t.Context())
		require.NoError(t, err)
		_, err = l.Switches(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, []string{"strategies", "switches"}, f.took())
	f.strategies = []strategy.Strategy{{Name: "new"}}
	f.clock.Advance(fresh - 1)
	all, err := l.Strategies(t.Context())
	require.NoError(t, err)
	require.Empty(t, all)
	f.clock.Advance(1)
	all, err = l.Strategies(t.Context())
	require.NoError(t, err)
	require.Equal(t, f.strategies, all, "live after five seconds")
	require.Equal(t, []string{"strategies"}, f.took())
}

func TestTheLastKnownIsUsedWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	f.err = errAway
	_, err := l.Switches(t.Context())
	require.ErrorIs(t, err, errAway, "nothing is known yet")
	_, err = l.Switches(t.Context())
	require.ErrorIs(t, err, errAway)
	require.Equal(t, []string{"switches"}, f.took(), "who comes next does not wait for the same")
	f.clock.Advance(sorry)
	_, err = l.Shop(t.Context(), "jd", "a")
	require.ErrorIs(t, err, errAway)

	f.err, f.switches = nil, []store.Switch{{Kind: store.SwitchCarrier, Subject: "uupt", Off: true, Reason: "暴雨", By: "li"}}
	f.put("a", "330100")
	_, err = l.Shop(t.Context(), "jd", "a")
	require.NoError(t, err)
	_, err = l.Switches(t.Context())
	require.NoError(t, err)
	f.took()
	f.err = errAway
	f.clock.Advance(time.Hour)
	for range 10 {
		s, err := l.Switches(t.Context())
		require.NoError(t, err)
		_, off := s.Carrier("uupt", "330100")
		require.True(t, off)
		_, err = l.Shop(t.Context(), "jd", "a")
		require.NoError(t, err)
	}
	require.Equal(t, []string{"switches", "touched"}, f.took(), "it is not hammered meanwhile")
	f.err, f.switches = nil, nil
	f.put("a", "310100")
	f.clock.Advance(fresh)
	s, err := l.Switches(t.Context())
	require.NoError(t, err)
	_, off := s.Carrier("uupt", "330100")
	require.False(t, off)
	shop, err := l.Shop(t.Context(), "jd", "a")
	require.NoError(t, err)
	require.Equal(t, "310100", shop.City)
}

// A change made while the store could not be asked is found afterwards, however long that was.
func TestChangesDuringAnOutageAreFound(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	f.put("a", "330100")
	_, err := l.Shop(t.Context(), "jd", "a")
	require.NoError(t, err)
	f.err = errAway
	f.clock.Advance(time.Minute)
	_, _ = l.Shop(t.Context(), "jd", "a")
	f.put("a", "310100")
	f.clock.Advance(2 * time.Hour)
	_, _ = l.Shop(t.Context(), "jd", "a")
	f.err = nil
	f.clock.Advance(fresh)
	shop, err := l.Shop(t.Context(), "jd", "a")
	require.NoError(t, err)
	require.Equal(t, "310100", shop.City)
}

func TestShopsAreReadOnceAndAgainWhenTheyChange(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	f.put("a", "330100")
	f.put("b", "330100")
	keys := []store.ShopKey{{Platform: "jd", Code: "a"}, {Platform: "jd", Code: "b"}, {Platform: "jd", Code: "a"}, {Platform: "jd", Code: "none"}}
	found, err := l.Shops(t.Context(), keys)
	require.NoError(t, err)
	require.Len(t, found, 2)
	for range 50 {
		_, err := l.Shops(t.Context(), keys)
		require.NoError(t, err)
	}
	_, err = l.Shop(t.Context(), "jd", "none")
	require.ErrorIs(t, err, store.ErrNoShop)
	require.Equal(t, []string{"shops a b none"}, f.took(), "a batch is one reading, and what is not there is remembered too")
	f.clock.Advance(time.Minute)
	f.put("b", "310100")
	f.put("none", "440100")
	shop, err := l.Shop(t.Context(), "jd", "b")
	require.NoError(t, err)
	require.Equal(t, "310100", shop.City)
	_, err = l.Shop(t.Context(), "jd", "none")
	require.NoError(t, err)
	require.Equal(t, []string{"touched", "shops none"}, f.took(), "only what was touched is read again")
}

// An import of very many shops is not read by every instance every few seconds: they forget
// what they know, and read what they need.
func TestAnImportIsNotReadAsAWhole(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	f.put("a", "330100")
	_, err := l.Shop(t.Context(), "jd", "a")
	require.NoError(t, err)
	f.clock.Advance(time.Minute)
	for i := range store.MaxTouched + 1 {
		f.put(fmt.Sprint("s", i), "310100")
	}
	f.put("a", "310100")
	f.most = store.MaxTouched
	f.took()
	shop, err := l.Shop(t.Context(), "jd", "a")
	require.NoError(t, err)
	require.Equal(t, "310100", shop.City, "whether or not it was among those that were read")
	require.Equal(t, []string{"touched", "shops a"}, f.took())
	f.clock.Advance(fresh)
	clear(f.touched)
	_, err = l.Shop(t.Context(), "jd", "a")
	require.NoError(t, err)
	require.Equal(t, []string{"touched"}, f.took(), "changes are looked for again")
}

func TestAShopsNumberAtACarrier(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	f.shops[store.ShopKey{Platform: "jd", Code: "a"}] = store.Shop{Platform: "jd", Code: "a", Stores: map[string]string{"shansong": "2000"}}
	for _, c := range []struct{ code, carrier, want string }{{"a", "shansong", "2000"}, {"a", "uupt", ""}, {"none", "shansong", ""}, {"", "shansong", ""}} {
		got, err := l.StoreAt(t.Context(), "jd", c.code, c.carrier)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	f.err = errAway
	_, err := l.StoreAt(t.Context(), "jd", "b", "shansong")
	require.ErrorIs(t, err, errAway)
}

// Who has a value does not wait for the one who reads it again.
func TestOldValuesHoldNobodyUp(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	f.strategies = []strategy.Strategy{{Name: "old"}}
	_, err := l.Strategies(t.Context())
	require.NoError(t, err)
	f.mu.Lock()
	f.block, f.entered = make(chan struct{}), make(chan struct{})
	f.mu.Unlock()
	f.clock.Advance(fresh)
	read := make(chan error)
	go func() {
		_, err := l.Strategies(t.Context())
		read <- err
	}()
	<-f.entered
	all, err := l.Strategies(t.Context())
	require.NoError(t, err)
	require.Equal(t, "old", all[0].Name)
	close(f.block)
	require.NoError(t, <-read)
}

// After a freeze everybody waits: what was known before it may be hours old.
func TestWhatIsOldIsUsedByNobody(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	f.strategies = []strategy.Strategy{{Name: "old"}}
	f.put("a", "330100")
	read := func() (string, string) {
		all, err := l.Strategies(t.Context())
		require.NoError(t, err)
		shop, err := l.Shop(t.Context(), "jd", "a")
		require.NoError(t, err)
		return all[0].Name, shop.City
	}
	read()
	f.strategies = []strategy.Strategy{{Name: "new"}}
	f.clock.Advance(time.Hour)
	f.put("a", "310100")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			name, city := read()
			assert.Equal(t, "new", name)
			assert.Equal(t, "310100", city)
		})
	}
	all.Wait()
}

// The first ones all wait for one reading.
func TestTheFirstReadingIsMadeOnce(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	var all sync.WaitGroup
	errs := make(chan error, 20)
	for range 20 {
		all.Go(func() {
			_, err := l.Switches(t.Context())
			errs <- err
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, []string{"switches"}, f.took())
}

// A reading is everybody's: the one who started it may leave.
func TestAReadingOutlivesWhoAskedForIt(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Strategies(ctx)
	require.NoError(t, err)
}

// Lines are left when it begins and when it ends, not for every reading in between.
func TestAnOutageIsToldOnce(t *testing.T) {
	t.Parallel()
	away := false
	got := []bool{}
	for _, err := range []error{nil, errAway, errAway, errAway, nil, nil, errAway} {
		got = append(got, turned(&away, err))
	}
	require.Equal(t, []bool{false, true, false, false, true, false, true}, got)
}

func TestWhatASwitchTurnsOff(t *testing.T) {
	t.Parallel()
	s := NewSwitches([]store.Switch{
		{Kind: store.SwitchCarrier, Subject: "uupt", Off: true, Reason: "暴雨", By: "li"},
		{Kind: store.SwitchCarrier, Subject: "shansong", Off: false, Reason: "again"},
		{Kind: store.SwitchCarrierCity, Subject: "sftc:330100", Off: true, Reason: "no riders", By: "wang"},
		{Kind: store.SwitchPlatform, Subject: "jd", Off: true, Reason: "unpaid", By: "li"},
		{Kind: store.SwitchCity, Subject: "310100", Off: true, Reason: "typhoon", By: "li"},
	})
	for _, c := range []struct{ carrier, platform, city, want string }{
		{"uupt", "", "440100", "switched off: 暴雨 (by li)"},
		{"shansong", "", "330100", ""},
		{"sftc", "", "330100", "switched off in 330100: no riders (by wang)"},
		{"sftc", "", "440100", ""},
		{"", "jd", "", "platform jd is switched off: unpaid (by li)"},
		{"", "meituan", "310100", "city 310100 is switched off: typhoon (by li)"},
		{"", "meituan", "", ""},
		{"", "", "", ""},
		{"shansong", "meituan", "330100", ""},
	} {
		reason, off := s.Off(c.carrier, c.platform, c.city)
		require.Equal(t, c.want, reason)
		require.Equal(t, c.want != "", off)
	}
	_, off := s.Carrier("shansong", "310100")
	require.False(t, off, "what was accepted before the city went off is still carried")
	_, off = Switches{}.Off("uupt", "jd", "330100")
	require.False(t, off, "the zero value has everything on")
	require.True(t, slices.Contains(store.SwitchKinds, store.SwitchCarrierCity))
}
