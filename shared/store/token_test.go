package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/store"
)

type secret struct {
	Access  string
	Refresh string
}

// watch is a system clock that a test moves.
type watch struct {
	sync.Mutex
	at time.Time
}

func (w *watch) now() time.Time {
	w.Lock()
	defer w.Unlock()
	return w.at
}

func (w *watch) pass(d time.Duration) {
	w.Lock()
	defer w.Unlock()
	w.at = w.at.Add(d)
}

func TestVaultKeepsSecretsSealed(t *testing.T) {
	t.Parallel()
	f, w := open(t), &watch{at: now}
	a, b := f.Vault("quote-1", w.now), f.Vault("quote-2", w.now)
	var got secret
	found, err := a.Load(t.Context(), "fengniao:1", &got)
	require.NoError(t, err)
	require.False(t, found)

	first := secret{"access-secret", "refresh-secret"}
	require.NoError(t, a.Save(t.Context(), "fengniao:1", first, now))
	found, err = b.Load(t.Context(), "fengniao:1", &got)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, first, got)
	sealed := one[string](t, f, "SELECT sealed FROM token WHERE name = 'fengniao:1'")
	require.NotContains(t, sealed, "secret")

	require.NoError(t, b.Save(t.Context(), "fengniao:1", secret{"newer", "r"}, now.Add(time.Hour)))
	require.NoError(t, a.Save(t.Context(), "fengniao:1", first, now), "of an instance that stood still")
	_, err = a.Load(t.Context(), "fengniao:1", &got)
	require.NoError(t, err)
	require.Equal(t, "newer", got.Access)
	require.Equal(t, 2, one[int](t, f, "SELECT version FROM token WHERE name = 'fengniao:1'"))

	other, err := store.Open(store.Options{DSN: f.dsn, Key: []byte("another key of thirty-two bytes!")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	_, err = other.Vault("quote-3", w.now).Load(t.Context(), "fengniao:1", &got)
	require.ErrorIs(t, err, store.ErrSealed)
	require.NoError(t, other.Vault("quote-3", w.now).Save(t.Context(), "fengniao:1", first, now), "a new data key is no dead end")
}

func TestVaultClaims(t *testing.T) {
	t.Parallel()
	f, w := open(t), &watch{at: now}
	a, b := f.Vault("quote-1", w.now), f.Vault("quote-2", w.now)
	claim := func(v *store.Vault) bool {
		mine, err := v.Claim(t.Context(), "x", 10*time.Second)
		require.NoError(t, err)
		return mine
	}
	require.True(t, claim(a))
	require.False(t, claim(b))
	require.True(t, claim(a), "its own")
	require.NoError(t, b.Save(t.Context(), "x", secret{}, now))
	require.False(t, claim(b), "another one's claim is not ended by saving")
	require.NoError(t, a.Save(t.Context(), "x", secret{}, now))
	require.True(t, claim(b))
	require.False(t, claim(a))
	w.pass(10 * time.Second)
	require.True(t, claim(a), "whoever claimed it is gone")
	for _, name := range []string{"", strings.Repeat("x", 65)} {
		_, err := a.Claim(t.Context(), name, time.Second)
		require.ErrorContains(t, err, "want a name")
		require.ErrorContains(t, a.Save(t.Context(), name, secret{}, now), "want a name")
	}
}

// A clock that is ahead dates its token too late. The next one, got by the claim, replaces it all
// the same: the refresh token that it was got with is used up.
func TestTheClaimOutdoesAClockThatIsAhead(t *testing.T) {
	t.Parallel()
	f, w := open(t), &watch{at: now}
	ahead, right := f.Vault("quote-1", w.now), f.Vault("quote-2", w.now)
	require.NoError(t, ahead.Save(t.Context(), "x", secret{Refresh: "used up"}, now.Add(time.Minute)))
	mine, err := right.Claim(t.Context(), "x", 10*time.Second)
	require.NoError(t, err)
	require.True(t, mine)
	require.NoError(t, right.Save(t.Context(), "x", secret{Refresh: "good"}, now))
	var got secret
	_, err = ahead.Load(t.Context(), "x", &got)
	require.NoError(t, err)
	require.Equal(t, "good", got.Refresh)
	require.NoError(t, ahead.Save(t.Context(), "x", secret{Refresh: "of yesterday"}, now.Add(-time.Hour)), "its claim is over: it gives way")
	_, err = ahead.Load(t.Context(), "x", &got)
	require.NoError(t, err)
	require.Equal(t, "good", got.Refresh)
}

// However many claim at once, one has it.
func TestOneOfManyClaims(t *testing.T) {
	t.Parallel()
	f, w := open(t), &watch{at: now}
	var work sync.WaitGroup
	got := make(chan bool, 16)
	faults := make(chan error, 16)
	for i := range 16 {
		work.Go(func() {
			mine, err := f.Vault(fmt.Sprintf("quote-%d", i), w.now).Claim(t.Context(), "x", time.Minute)
			got <- mine
			faults <- err
		})
	}
	work.Wait()
	mine := 0
	for range 16 {
		require.NoError(t, <-faults)
		if <-got {
			mine++
		}
	}
	require.Equal(t, 1, mine)
}
