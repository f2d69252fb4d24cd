package live

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/tariff"
)

func book(t *testing.T, kind string, version int, from time.Time, body any) store.RuleBook {
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	return store.RuleBook{Kind: kind, Version: version, From: from, Body: raw}
}

// A version holds from its instant on, to the millisecond, whichever was written first; before
// all of them the built-in one does.
func TestBooksSwitchAtAnInstant(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(f, f.clock)
	start := func(fen money.Fen) tariff.Book {
		return tariff.Book{Version: 99, Rates: []tariff.Rate{{Name: "x", Start: fen}}}
	}
	f.books = []store.RuleBook{
		book(t, store.BookTariff, 1, noon, start(100)), book(t, store.BookTariff, 2, noon.Add(2*time.Hour), start(200)),
		book(t, store.BookTariff, 3, noon.Add(time.Hour), start(300)), book(t, store.BookTariff, 4, noon.Add(time.Hour), start(400)),
		book(t, store.BookPenalty, 1, noon.Add(time.Hour), penalty.Book{Rules: []penalty.Rule{{Party: "carrier:*", Fixed: 7}}}),
	}
	b, err := l.Books(t.Context())
	require.NoError(t, err)
	for _, c := range []struct {
		at              time.Time
		tariff, penalty int
	}{
		{noon.Add(-time.Millisecond), 0, 0}, {noon, 1, 0}, {noon.Add(time.Hour - time.Millisecond), 1, 0}, {noon.Add(time.Hour), 4, 1},
		{noon.Add(2*time.Hour - time.Millisecond), 4, 1}, {noon.Add(2 * time.Hour), 2, 1}, {noon.Add(1000 * time.Hour), 2, 1},
	} {
		require.Equal(t, []int{c.tariff, c.penalty}, []int{b.Tariff(c.at).Version, b.Penalty(c.at).Version}, "at %s", c.at)
	}
	require.Equal(t, tariff.Default(), b.Tariff(noon.Add(-1)))
	require.Equal(t, penalty.Default(), b.Penalty(noon))
	require.Equal(t, money.Fen(7), b.Penalty(noon.Add(time.Hour)).Rules[0].Fixed)
	require.Equal(t, []string{"books"}, f.took())

	f.books = []store.RuleBook{{Kind: store.BookTariff, Version: 5, From: noon, Body: json.RawMessage(`{"rates":"none"}`)}}
	f.clock.Advance(fresh)
	again, err := l.Books(t.Context())
	require.NoError(t, err, "what cannot be read is not taken: the last known is used")
	require.Equal(t, 4, again.Tariff(noon.Add(time.Hour)).Version)
	_, err = NewBooks(f.books)
	require.ErrorContains(t, err, "tariffs, version 5")
}
