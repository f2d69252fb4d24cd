package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chuandao/qianfan/local/sqlserver"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/turn"
)

// hotInstant is when everything here happens.
var hotInstant = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

// HotAccount is what it costs that many instances spend one prepaid account: transactions of
// dispatch a second, each with one hold, measured side by side.
type HotAccount struct {
	Writers    int     `json:"writers"`
	Own        float64 `json:"own_per_s"`      // each writer on an account of its own
	One        float64 `json:"one_per_s"`      // all on one account in eight shards
	Unsplit    float64 `json:"unsplit_per_s"`  // all on one account that is not split
	Ratio      float64 `json:"one_to_own"`     // 0.80 or more is wanted
	Without    float64 `json:"unsplit_to_own"` // what it would be without shards
	Conserved  bool    `json:"fen_conserved"`  // no fen came or went
	Durability string  `json:"durability"`
	Store      string  `json:"store"`
}

const (
	hotWriters = 8
	hotOrders  = 5                      // in a transaction, one of which is placed
	hotSlice   = 250 * time.Millisecond // that one kind runs before the next
	hotRounds  = 24
	hotPrice   = money.Fen(800)
	hotMoney   = money.Fen(1_000_000_00) // of each account
)

// hotWriter is one instance that dispatches.
type hotWriter struct {
	store         *store.Store
	name, account string
	shards        int
	orders        []int64
	done          int // transactions
}

// benchHot lets eight writers dispatch on eight accounts, on one, and on one that is not split, in turn.
func benchHot(ctx context.Context, o Options, log io.Writer) (_ any, err error) {
	server, err := sqlserver.Start(ctx, sqlserver.Options{Durability: o.Durability, Template: sqlTemplate()})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	s, err := store.Open(store.Options{DSN: server.DSN(database), Key: dataKey[:], MaxConns: 3 * hotWriters})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	kinds := []string{"own", "one", "unsplit"}
	rivals, err := hotRivals(ctx, s)
	if err != nil {
		return nil, err
	}
	rates := map[string]float64{}
	for round := range hotRounds {
		for k := range kinds { // none is always the first
			kind := kinds[(round+k)%len(kinds)]
			rate, err := payHot(ctx, rivals[kind])
			if err != nil {
				return nil, err
			}
			rates[kind] += rate / hotRounds
		}
		if (round+1)%8 == 0 {
			_, _ = fmt.Fprintf(log, "round %d of %d\n", round+1, hotRounds)
		}
	}
	out := HotAccount{Writers: hotWriters, Own: math.Round(rates["own"]), One: math.Round(rates["one"]), Unsplit: math.Round(rates["unsplit"]),
		Ratio: ratio(rates["one"], rates["own"]), Without: ratio(rates["unsplit"], rates["own"]), Durability: string(o.Durability), Store: server.Version()}
	return out, out.count(ctx, s, rivals)
}

func ratio(a, b float64) float64 { return math.Round(a/b*1000) / 1000 }

// count compares what is left in the accounts with what was held of them.
func (h *HotAccount) count(ctx context.Context, s *store.Store, rivals map[string][]*hotWriter) error {
	var want, have money.Fen
	accounts := map[string]bool{}
	for _, writers := range rivals {
		for _, w := range writers {
			accounts[w.account] = true
			want -= money.Fen(w.done) * hotPrice
		}
	}
	all, err := s.Prepaids(ctx)
	for _, p := range all {
		have += p.Free
	}
	h.Conserved = have == want+money.Fen(len(accounts))*hotMoney
	return err
}

// hotRivals prepays the accounts and gives every writer its orders.
func hotRivals(ctx context.Context, s *store.Store) (map[string][]*hotWriter, error) {
	out, next := map[string][]*hotWriter{}, int64(benchFirstID)
	for i := range hotWriters {
		for _, w := range []hotWriter{{account: fmt.Sprintf("own-%d", i), shards: prepaidShards}, {account: "one", shards: prepaidShards}, {account: "unsplit", shards: 1}} {
			w.store, w.name = s, fmt.Sprintf("dispatch-%d", i)
			if _, err := s.Deposit(ctx, w.account, "shansong", w.account, hotMoney, w.shards, hotInstant); err != nil {
				return nil, err
			}
			var batch []store.NewOrder
			for range hotOrders {
				next++
				w.orders = append(w.orders, next)
				batch = append(batch, hotOrder(next))
			}
			if _, err := s.Intake(ctx, fmt.Sprintf("bench-%d", next), batch, hotInstant); err != nil {
				return nil, err
			}
			kind := w.account
			if w.account == fmt.Sprintf("own-%d", i) {
				kind = "own"
			}
			out[kind] = append(out[kind], &w)
		}
	}
	return out, nil
}

func hotOrder(id int64) store.NewOrder {
	return store.NewOrder{Hash: "bench", Order: order.Order{ID: id, Platform: "meituan", No: fmt.Sprint(id), ShopCode: "qf-shop-0001", City: "330100", State: order.Received, Version: 1, Round: 1,
		Strategy: strategy.Strategy{Name: "bench", Mode: strategy.Cheapest, Carriers: []string{"shansong"}}, Fee: 1500, ReceivedAt: hotInstant}}
}

// payHot lets writers work side by side for a slice of time: their transactions a second.
func payHot(ctx context.Context, all []*hotWriter) (float64, error) {
	began, before := sharedclock.System.Now(), 0
	group, within := errgroup.WithContext(ctx)
	for _, w := range all {
		before += w.done
		group.Go(func() error { return w.pay(within, began.Add(hotSlice)) })
	}
	err := group.Wait()
	after := 0
	for _, w := range all {
		after += w.done
	}
	return float64(after-before) / sharedclock.System.Now().Sub(began).Seconds(), err
}

func (w *hotWriter) pay(ctx context.Context, until time.Time) error {
	home := store.Home(w.name, "shansong", w.account, w.shards)
	for sharedclock.System.Now().Before(until) {
		err := w.place(ctx, home)
		var short *store.ErrShort
		if errors.As(err, &short) {
			if left, err := w.store.Even(ctx, "shansong", w.account, home, hotPrice); err != nil || left < hotPrice {
				return errors.Join(err, fmt.Errorf("%s has %s left", w.account, left))
			}
			continue
		}
		if err != nil {
			return err
		}
		w.done++
	}
	return nil
}

// place is one transaction of dispatch: it moves its orders on and places the first of them.
func (w *hotWriter) place(ctx context.Context, home int) error {
	return w.store.Dispatch(ctx, w.orders, nil, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
		var turns []*turn.Turn
		for _, id := range w.orders {
			x := &turn.Turn{Aggregate: b.Orders[id].Clone(), Changed: map[int]bool{}}
			x.Version++
			x.Events = []order.EventRow{{Key: fmt.Sprint(x.Version), Version: x.Version, Kind: "order", From: "quoted", To: "dispatching", Decision: order.Applied, At: hotInstant}}
			turns = append(turns, x)
		}
		x := turns[0]
		x.FactSeq++
		x.Facts = []order.Fact{{N: 1, Kind: order.FactHold, Seq: x.FactSeq, Amount: hotPrice, Party: "shansong", Account: w.account, Shard: home, At: hotInstant}}
		x.Attempts = []*order.Attempt{{N: 1, Carrier: "shansong", Account: w.account, State: order.Intent, Price: hotPrice, Shard: home, Held: hotPrice}}
		x.Changed[1] = true
		return turns, []store.Hold{{Carrier: "shansong", Account: w.account, Shard: home, Amount: hotPrice, N: 1}}, nil
	})
}
