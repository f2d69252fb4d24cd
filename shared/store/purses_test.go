package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// spender does to shared accounts what the stages do, again and again, and remembers what of
// it was committed.
type spender struct {
	fixture
	name   string
	rand   *rand.Rand
	orders []int64 // its own
	held   map[int64][]order.Fact

	taken, given, overdrawn, short int64
}

var accounts = []string{"main", "south"}

const parts = 4 // shards of each account

// hold is a batch of dispatch: one order, up to two accounts, brought home and tried once
// more where they are short.
func (s *spender) hold(ctx context.Context) error {
	id := s.orders[s.rand.IntN(len(s.orders))]
	wants := []store.Hold{s.want(accounts[s.rand.IntN(2)])}
	if s.rand.IntN(3) == 0 {
		wants = []store.Hold{s.want("main"), s.want("south")}
	}
	for try := range 3 {
		holds := append([]store.Hold{}, wants...)
		err := s.Dispatch(ctx, []int64{id}, nil, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
			x := newTurn(b.Orders[id])
			for _, h := range holds {
				fact(x, order.Fact{N: 1, Kind: order.FactHold, Amount: h.Amount, Party: h.Carrier, Account: h.Account, Shard: h.Shard})
			}
			return []*turn.Turn{x}, holds, nil
		})
		var short *store.ErrShort
		switch {
		case err == nil:
			for _, h := range holds {
				s.taken += int64(h.Amount)
				s.held[id] = append(s.held[id], order.Fact{N: 1, Amount: h.Amount, Party: h.Carrier, Account: h.Account, Shard: h.Shard})
			}
			return nil
		case !errors.As(err, &short):
			return err
		case try == 2:
			s.short++
			return nil
		}
		if _, err := s.Even(ctx, short.Carrier, short.Account, short.Shard, short.Amount); err != nil {
			return err
		}
	}
	return nil
}

func (s *spender) want(account string) store.Hold {
	return store.Hold{Carrier: "shansong", Account: account, Shard: store.Home(s.name, "shansong", account, parts), Amount: money.Fen(50 + s.rand.IntN(900))}
}

// settle gives back what is held, and lets the carrier take more than that at times.
func (s *spender) settle(ctx context.Context, overdraw bool) error {
	id := s.orders[s.rand.IntN(len(s.orders))]
	var facts []order.Fact
	for _, h := range s.held[id] {
		h.Kind = order.FactRelease
		if facts = append(facts, h); overdraw && s.rand.IntN(3) == 0 {
			h.Kind, h.Amount = order.FactOverdraw, money.Fen(1+s.rand.IntN(400))
			facts = append(facts, h)
		}
	}
	if len(facts) == 0 {
		return nil
	}
	err := s.dispatch(ctx, id, nil, func(x *turn.Turn) {
		for _, f := range facts {
			fact(x, f)
		}
	})
	if err != nil {
		return err
	}
	delete(s.held, id)
	for _, f := range facts {
		if f.Kind == order.FactOverdraw {
			s.overdrawn += int64(f.Amount)
		} else {
			s.given += int64(f.Amount)
		}
	}
	_, err = s.Settle(ctx, []int64{id}, now)
	return err
}

// deposit transfers a little more.
func (s *spender) deposit(ctx context.Context, n int) error {
	amount := money.Fen(1 + s.rand.IntN(600))
	_, err := s.Deposit(ctx, fmt.Sprintf("%s-%d", s.name, n), "shansong", accounts[s.rand.IntN(2)], amount, parts, now)
	s.given += int64(amount)
	return err
}

// setFloor moves the reserve of one account up or down.
func (s *spender) setFloor(ctx context.Context) error {
	rule := carrier.AccountRule{Carrier: "shansong", Account: "south", Weight: 1, Active: true, Floor: money.Fen(s.rand.IntN(2000))}
	_, err := s.SaveAccount(ctx, rule, "account floor", s.name, now)
	return err
}

// Many instances hold, give back, overdraw, even out, deposit and move floors at once, on
// accounts that are nearly empty. At every commit no shard is below zero beside one that has
// money, without overdrafts and floors none is at all, and in the end nothing has vanished.
func TestAccountsUnderAttack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		overdraw bool
	}{{"honest carriers", false}, {"carriers that take more", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			attack(t, c.overdraw)
		})
	}
}

const (
	spenders = 8
	acts     = 40
)

func attack(t *testing.T, overdraw bool) {
	t.Helper()
	const opening = 4_000
	seed := uint64(clock.System.Now().UnixNano())
	t.Logf("seed %d", seed)
	f := open(t)
	f.Store = f.connect(t, store.Options{MaxConns: spenders + 2})
	for _, a := range accounts {
		_, err := f.Deposit(t.Context(), "opening-"+a, "shansong", a, opening, parts, now)
		require.NoError(t, err)
	}
	all := make([]*spender, spenders)
	for i := range all {
		all[i] = &spender{fixture: f, name: fmt.Sprintf("dispatch-%d", i), rand: rand.New(rand.NewPCG(seed, uint64(i))), orders: f.orders(t, 3), held: map[int64][]order.Fact{}}
	}
	var over atomic.Bool
	var seen int
	var watching sync.WaitGroup
	errs := make([]error, spenders+1)
	watching.Go(func() {
		for ; !over.Load() && errs[spenders] == nil; seen++ {
			errs[spenders] = f.whole(t.Context(), overdraw)
		}
	})
	var work sync.WaitGroup
	for i, s := range all {
		work.Go(func() { errs[i] = s.run(t.Context(), overdraw) })
	}
	work.Wait()
	over.Store(true)
	watching.Wait()
	require.NoError(t, errors.Join(errs...), "seed %d", seed)
	left, short := int64(2*opening), int64(0)
	for _, s := range all {
		left, short = left+s.given-s.taken-s.overdrawn, short+s.short
	}
	require.Equal(t, left, one[int64](t, f, "SELECT SUM(free_fen) FROM prepaid_shard"), "seed %d", seed)
	require.Positive(t, short, "the accounts were never short: nothing was tried")
	require.Positive(t, seen)
	t.Logf("%d looks, %d times short, %d left", seen, short, left)
	report, err := f.CheckInvariants(t.Context(), now, store.InvariantOptions{})
	require.NoError(t, err)
	for _, v := range report.Violated {
		require.False(t, v.Rule == 3 || v.Rule == 12 || strings.HasPrefix(v.Name, "shards"), "seed %d: %+v", seed, v)
	}
}

func (s *spender) run(ctx context.Context, overdraw bool) error {
	for n := range acts {
		var err error
		switch s.rand.IntN(10) {
		case 0:
			err = s.deposit(ctx, n)
		case 1:
			if overdraw {
				err = s.setFloor(ctx)
			} else {
				_, err = s.Even(ctx, "shansong", accounts[s.rand.IntN(2)], s.rand.IntN(parts), money.Fen(s.rand.IntN(2000)))
			}
		case 2, 3, 4:
			err = s.settle(ctx, overdraw)
		default:
			err = s.hold(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s, act %d: %w", s.name, n, err)
		}
	}
	return nil
}

// whole looks at the shards at one moment.
func (f fixture) whole(ctx context.Context, below bool) error {
	rows, err := f.db.QueryContext(ctx, "SELECT account, MIN(free_fen), MAX(free_fen) FROM prepaid_shard WHERE shard >= 0 GROUP BY account")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var account string
		var least, most int64
		if err := rows.Scan(&account, &least, &most); err != nil {
			return err
		}
		if least < 0 && (!below || most > 0) {
			return fmt.Errorf("%s has shards from %d to %d", account, least, most)
		}
	}
	return rows.Err()
}
