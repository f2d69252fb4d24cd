package store_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/store"
)

func TestRuleBooks(t *testing.T) {
	t.Parallel()
	f := open(t)
	who := store.Act{By: "wang", At: now.Add(time.Hour)}
	set := func(kind string, from time.Time, base int, body string) (store.RuleBook, error) {
		return f.SetRuleBook(t.Context(), who, store.RuleBook{Kind: kind, From: from, Body: json.RawMessage(body), Note: strings.Repeat("长", 300)}, base)
	}
	all, err := f.RuleBooks(t.Context(), now)
	require.NoError(t, err)
	require.Empty(t, all)
	_, has := store.InForce(all, store.BookTariff, now)
	require.False(t, has, "the built-in one")

	for i, from := range []time.Duration{0, 2 * time.Hour, time.Hour, time.Hour} {
		saved, err := set(store.BookTariff, now.Add(from), i, `{"n": 1}`)
		require.NoError(t, err)
		require.Equal(t, i+1, saved.Version)
	}
	saved, err := set(store.BookPenalty, now.Add(time.Hour), store.AnyVersion, `{"n": 2}`)
	require.NoError(t, err)
	require.Equal(t, 1, saved.Version, "each kind counts for itself")

	for at, want := range map[time.Duration]int{-time.Millisecond: 0, 0: 1, time.Hour - time.Millisecond: 1, time.Hour: 4, 2 * time.Hour: 2, 99 * time.Hour: 2} {
		all, err := f.RuleBooks(t.Context(), now.Add(at))
		require.NoError(t, err)
		b, _ := store.InForce(all, store.BookTariff, now.Add(at))
		require.Equal(t, want, b.Version, "after %s", at)
	}
	all, err = f.RuleBooks(t.Context(), now.Add(90*time.Minute))
	require.NoError(t, err)
	var versions []int
	for _, b := range all {
		if b.Kind == store.BookTariff {
			versions = append(versions, b.Version)
		}
	}
	require.Equal(t, []int{2, 3, 4}, versions, "what is over is not read")

	history, err := f.RuleBookHistory(t.Context(), store.BookTariff)
	require.NoError(t, err)
	require.Len(t, history, 4)
	require.Equal(t, []any{4, "wang", now.Add(time.Hour), who.At}, []any{history[0].Version, history[0].By, history[0].From, history[0].At})
	require.Len(t, []rune(history[0].Note), 255)
	require.JSONEq(t, `{"n": 1}`, string(history[0].Body))
	require.Equal(t, []string{"tariff set tariff/1 wang"}, f.lines(t, "tariff/1"))

	for want, try := range map[string]func() (store.RuleBook, error){
		"version 4 is the newest, not 3": func() (store.RuleBook, error) { return set(store.BookTariff, now, 3, `{}`) },
		`kind "rain"`:                    func() (store.RuleBook, error) { return set("rain", now, 0, `{}`) },
		"is no JSON":                     func() (store.RuleBook, error) { return set(store.BookTariff, now, 4, `{`) },
		"not from when on":               func() (store.RuleBook, error) { return set(store.BookTariff, time.Time{}, 4, `{}`) },
	} {
		_, err := try()
		require.ErrorContains(t, err, want)
	}
	who.By = ""
	_, err = set(store.BookTariff, now, 4, `{}`)
	require.ErrorIs(t, err, store.ErrNobody)
	history, err = f.RuleBookHistory(t.Context(), store.BookTariff)
	require.NoError(t, err)
	require.Len(t, history, 4, "what failed left nothing")
}

// Several people set rules at once: each gets a version of its own, or is told that somebody was
// before him.
func TestConcurrentRuleBooks(t *testing.T) {
	t.Parallel()
	f := open(t)
	for round := range 3 {
		var group sync.WaitGroup
		any, based := make([]error, 3), make([]error, 3)
		base := one[int](t, f, "SELECT COUNT(*) FROM rule_book")
		set := func(base int) error {
			_, err := f.SetRuleBook(t.Context(), store.Act{By: "wang", At: now}, store.RuleBook{Kind: store.BookTariff, From: now, Body: json.RawMessage(`{}`)}, base)
			return err
		}
		for i := range any {
			group.Go(func() { any[i] = set(store.AnyVersion) })
			group.Go(func() { based[i] = set(base) })
		}
		group.Wait()
		won := 0
		for i := range any {
			require.NoError(t, any[i], "round %d", round)
			if based[i] == nil {
				won++
				continue
			}
			require.ErrorIs(t, based[i], store.ErrStale)
		}
		require.LessOrEqual(t, won, 1)
		require.Equal(t, base+len(any)+won, one[int](t, f, "SELECT MAX(version) FROM rule_book"))
	}
}
