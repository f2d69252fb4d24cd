package store_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// durable is a fixture on a server of its own that syncs its log at every commit, as
// production does; QIANFAN_TEST_DSN names another.
func durable(b *testing.B, conns int) fixture {
	b.Helper()
	if os.Getenv(sqltest.EnvDSN) != "" {
		f := open(b)
		f.Store = f.connect(b, store.Options{MaxConns: conns})
		return f
	}
	server := sqltest.Private(b, true)
	f := fixture{dsn: server.DSN("qianfan")}
	admin := fixture{dsn: server.DSN("")}
	admin.run(b, "CREATE DATABASE qianfan")
	f.Store = f.connect(b, store.Options{MaxConns: conns})
	require.NoError(b, f.Migrate(b.Context()))
	return f
}

// payer is one instance that dispatches: each transaction of it places one order of a batch.
type payer struct {
	store   *store.Store
	name    string
	account string
	shards  int
	orders  []int64
	seq     int
}

const benchBatch = 5 // orders of a transaction

// pay makes transactions until the time is over and says how many.
func (p *payer) pay(b *testing.B, until time.Time) (n int, err error) {
	home := store.Home(p.name, "shansong", p.account, p.shards)
	for ; clock.System.Now().Before(until); n++ {
		err := p.once(b, home)
		var short *store.ErrShort
		if errors.As(err, &short) {
			_, err = p.store.Even(b.Context(), "shansong", p.account, home, 1000)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// once is one transaction of dispatch: it writes five orders and places one of them.
func (p *payer) once(b *testing.B, home int) error {
	p.seq++
	return p.store.Dispatch(b.Context(), p.orders, nil, func(batch store.Batch) ([]*turn.Turn, []store.Hold, error) {
		var turns []*turn.Turn
		for _, id := range p.orders {
			x := newTurn(batch.Orders[id])
			step(x, "order", 0, "received", "quoted")
			turns = append(turns, x)
		}
		x := turns[0]
		fact(x, order.Fact{N: p.seq, Kind: order.FactHold, Amount: 800, Party: "shansong", Account: p.account, Shard: home})
		x.Attempts = []*order.Attempt{{N: 1, Carrier: "shansong", Account: p.account, State: order.Intent, Price: 800, Shard: home, Held: 800}}
		x.Changed[1] = true
		return turns, []store.Hold{{Carrier: "shansong", Account: p.account, Shard: home, Amount: 800, N: 1}}, nil
	})
}

// pays lets writers work side by side for a while: their transactions a second.
func pays(b *testing.B, all []*payer, slice time.Duration) float64 {
	b.Helper()
	began := clock.System.Now()
	counts, errs := make([]int, len(all)), make([]error, len(all))
	var work sync.WaitGroup
	for i, p := range all {
		work.Go(func() { counts[i], errs[i] = p.pay(b, began.Add(slice)) })
	}
	work.Wait()
	require.NoError(b, errors.Join(errs...))
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / clock.System.Now().Sub(began).Seconds()
}

// Eight instances dispatch on one prepaid account, on one account each, and on one account
// that is not split, in turn. one/own is what sharing an account costs (want 0.80 or more),
// unsplit/own what it would without shards. Even moves what a home has used up meanwhile.
func BenchmarkHotAccount(b *testing.B) {
	const writers, slice, rounds = 8, 250 * time.Millisecond, 8
	f := durable(b, 3*writers)
	rivals := map[string][]*payer{}
	for i := range writers {
		for kind, account := range map[string]string{"own": fmt.Sprintf("own-%d", i), "one": "one", "unsplit": "unsplit"} {
			p := &payer{store: f.Store, name: fmt.Sprintf("dispatch-%d", i), account: account, shards: 8, orders: f.orders(b, benchBatch)}
			if kind == "unsplit" {
				p.shards = 1
			}
			_, err := f.Deposit(b.Context(), account, "shansong", account, money.Fen(10_000_000_00), p.shards, now)
			require.NoError(b, err)
			rivals[kind] = append(rivals[kind], p)
		}
	}
	kinds := []string{"own", "one", "unsplit"}
	sums := map[string]float64{}
	for b.Loop() {
		clear(sums)
		for round := range rounds {
			for k := range kinds { // none is always the first
				kind := kinds[(round+k)%len(kinds)]
				sums[kind] += pays(b, rivals[kind], slice) / rounds
			}
		}
	}
	for _, kind := range kinds {
		b.ReportMetric(sums[kind], kind+"/s")
	}
	b.ReportMetric(sums["one"]/sums["own"], "one/own")
	b.ReportMetric(sums["unsplit"]/sums["own"], "unsplit/own")
	b.ReportMetric(0, "ns/op")
}
