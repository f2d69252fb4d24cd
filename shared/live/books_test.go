package live

import (
	"context"
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

// shelf gives the books of an instant as the store does: what is in force then, or will be.
type shelf struct{ *fake }

func (s shelf) RuleBooks(_ context.Context, from time.Time) ([]store.RuleBook, error) {
	var out []store.RuleBook
	for _, b := range s.books {
		if now, ok := store.InForce(s.books, b.Kind, from); !ok || !b.From.Before(now.From) {
			out = append(out, b)
		}
	}
	return out, s.ask("books")
}

// An order that came just before a switch is decided about by books that were read just after
// it: it takes the version of its own instant, not the built-in one.
func TestBooksReadJustAfterASwitch(t *testing.T) {
	t.Parallel()
	f := newFake()
	l := New(shelf{f}, f.clock)
	f.books = []store.RuleBook{
		book(t, store.BookTariff, 1, noon.Add(-9*time.Hour), tariff.Book{}), book(t, store.BookTariff, 2, noon, tariff.Book{}),
		book(t, store.BookPenalty, 1, noon.Add(-9*time.Hour), penalty.Book{}), book(t, store.BookPenalty, 2, noon, penalty.Book{}),
	}
	came := f.clock.Virtual().Add(-time.Second)
	b, err := l.Books(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{b.Tariff(came).Version, b.Penalty(came).Version})
	require.Equal(t, []int{2, 2}, []int{b.Tariff(noon).Version, b.Penalty(noon).Version})
}
