package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/turn"
)

func quoted(id int64, round int, token string) store.RoundResult {
	q := func(carrier string, n int, price money.Fen) order.Quote {
		return order.Quote{Round: round, Carrier: carrier, N: n, Account: "main", Token: token, CarrierNo: carrier + "-no", Price: price, ExpiresAt: now.Add(time.Minute), DistanceM: 2400}
	}
	refused := order.Quote{Round: round, Carrier: "sftc", N: 3, Refused: "out of range"}
	return store.RoundResult{
		Key:     store.RoundKey{Order: id, Round: round},
		Outcome: order.Outcome{Round: round, Result: order.ResultQuoted, Reason: "two of three"},
		Quotes:  []order.Quote{q("shansong", 1, 900), q("uupt", 2, 880), refused},
	}
}

func TestQuoteJobsTellWhatARoundNeeds(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 5)
	wanted, done, over, cancelling, stale := ids[0], ids[1], ids[2], ids[3], ids[4]
	require.NoError(t, f.SaveRounds(t.Context(), "w", []store.RoundResult{quoted(done, 1, "tok")}, now))
	f.exec(t, "UPDATE orders SET state = 'cancelled' WHERE id = ?", over)
	f.exec(t, "UPDATE orders SET goal = 'cancelled' WHERE id = ?", cancelling)
	f.exec(t, "UPDATE orders SET round = 2 WHERE id = ?", stale)

	var rounds []store.RoundKey
	for _, id := range append(ids, 99) {
		rounds = append(rounds, store.RoundKey{Order: id, Round: 1})
	}
	jobs, err := f.QuoteJobs(t.Context(), rounds)
	require.NoError(t, err)
	require.Len(t, jobs, 5, "a round of no order is left out")
	state := map[int64][2]bool{}
	for k, j := range jobs {
		require.Equal(t, phone, j.Detail.Detail.To.Phone)
		require.Equal(t, k.Order, j.Order.ID)
		state[k.Order] = [2]bool{j.Closed, j.Done}
	}
	require.Equal(t, map[int64][2]bool{wanted: {false, false}, done: {true, true}, over: {true, false}, cancelling: {true, false}, stale: {true, false}}, state)
}

func TestTheFirstWriterOfARoundWins(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 2)
	require.NoError(t, f.SaveRounds(t.Context(), "first", []store.RoundResult{quoted(ids[0], 1, "tok-first")}, now))
	require.NoError(t, f.SaveRounds(t.Context(), "second", []store.RoundResult{quoted(ids[1], 1, "tok-second"), quoted(ids[0], 1, "tok-second")}, now))

	loaded := f.load(t, ids[0])
	want := quoted(ids[0], 1, "tok-first")
	require.Equal(t, &want.Outcome, loaded.Outcome)
	require.Equal(t, []order.Quote{want.Quotes[0], want.Quotes[1], want.Quotes[2]}, loaded.Quotes)
	require.Equal(t, "tok-second", f.load(t, ids[1]).Quotes[0].Token)
}

func TestARoundTwiceInOneSaveIsKeptOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	require.NoError(t, f.SaveRounds(t.Context(), "w", []store.RoundResult{quoted(id, 1, "a"), quoted(id, 1, "b")}, now))
	require.Equal(t, "a", f.load(t, id).Quotes[0].Token)
}

func TestAnOutcomeWithoutQuotesShows(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	none := store.RoundResult{Key: store.RoundKey{Order: id, Round: 1}, Outcome: order.Outcome{Round: 1, Result: order.ResultNone, Reason: "nobody answers"}}
	require.NoError(t, f.SaveRounds(t.Context(), "w", []store.RoundResult{none}, now))
	loaded := f.load(t, id)
	require.Equal(t, &none.Outcome, loaded.Outcome)
	require.Empty(t, loaded.Quotes)
}

func TestOtherRoundsDoNotShow(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	require.NoError(t, f.SaveRounds(t.Context(), "w", []store.RoundResult{quoted(id, 1, "old"), quoted(id, 2, "new")}, now))
	f.change(t, id, nil, func(x *turn.Turn) { x.Round = 2; step(x, "round", 0, "", "2") })
	loaded := f.load(t, id)
	require.Len(t, loaded.Quotes, 3)
	require.Equal(t, "new", loaded.Quotes[0].Token)
}

func TestWritersOfTheSameRoundsMeet(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 12)
	var work sync.WaitGroup
	errs := make([]error, 6)
	for w := range errs {
		work.Go(func() {
			var results []store.RoundResult
			for i := range ids {
				results = append(results, quoted(ids[(i*5+w*7)%len(ids)], 1, string(rune('a'+w))))
			}
			errs[w] = f.SaveRounds(t.Context(), string(rune('a'+w)), results, now)
		})
	}
	work.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM quote q JOIN quote_outcome c ON c.order_id = q.order_id AND c.round = q.round WHERE q.refused = '' AND q.token <> c.writer"), "quotes belong to the winner")
	require.Equal(t, 36, one[int](t, f, "SELECT COUNT(*) FROM quote"))
}

// What was fetched about a thin order is of the writer whose outcome it is, and sealed with it.
// A later round may replace the detail alone.
func TestFetchedDetailsBelongToTheirOutcome(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 2)
	address := func(id int64) string {
		details, err := f.Details(t.Context(), ids)
		require.NoError(t, err)
		return details[id].Detail.To.Address
	}
	before := address(ids[0])
	fetched := func(id int64, round int, address string, why *store.Why) store.RoundResult {
		r := quoted(id, round, "tok")
		r.Outcome.Plan = &order.Plan{City: "330100", ShopCode: address}
		r.Fetched = &store.Fetched{Detail: store.Detail{CityName: "杭州市", Detail: order.Detail{To: order.Stop{Address: address}}}, Why: why}
		return r
	}
	why := &store.Why{Why: strategy.Why{Strategy: "hangzhou-lunch"}}
	require.NoError(t, f.SaveRounds(t.Context(), "first", []store.RoundResult{fetched(ids[0], 1, "first", why), quoted(ids[1], 1, "tok")}, now))
	require.NoError(t, f.SaveRounds(t.Context(), "second", []store.RoundResult{fetched(ids[0], 1, "second", why)}, now))
	require.Equal(t, "first", address(ids[0]))
	require.Equal(t, before, address(ids[1]), "a whole order's detail stays as it was")
	require.Contains(t, one[string](t, f, "SELECT plan FROM quote_outcome WHERE order_id = ?", ids[0]), "first")
	require.Equal(t, 2, one[int](t, f, "SELECT COUNT(*) FROM order_detail"))

	renewed := fetched(ids[0], 2, "an old place", nil)
	renewed.Fetched.Detail.Detail.To.Phone = "13900000000"
	require.NoError(t, f.SaveRounds(t.Context(), "third", []store.RoundResult{renewed}, now))
	require.Equal(t, "first", address(ids[0]), "the place may have changed since the quote read it")
	details, err := f.Details(t.Context(), ids)
	require.NoError(t, err)
	require.Equal(t, "13900000000", details[ids[0]].Detail.To.Phone)
	require.Contains(t, one[string](t, f, "SELECT why FROM order_detail WHERE order_id = ?", ids[0]), "hangzhou-lunch", "why this strategy stays")
}
