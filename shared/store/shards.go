package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
)

// The prepaid balance of a carrier account is allotted to shards as escrow, so that many
// instances spend it side by side. One shard more, the reserve, holds the account's floor:
// nobody takes from it. At every commit either no shard is below zero or none is above it
// (the reserve apart), so a hold that its shard grants is one that the account can pay
// without going below its floor. Overdrafts, floors and entries that take more than there is
// are what brings an account below zero.
//
// Shards are the last rows that a transaction locks, by carrier, account and shard.

// reserve is the number of the shard that nobody takes from.
const reserve = -1

type purse struct{ carrier, account string }

// compare is the order in which every transaction locks the shards of accounts.
func (p purse) compare(o purse) int {
	return cmp.Or(cmp.Compare(p.carrier, o.carrier), cmp.Compare(p.account, o.account))
}

// Home is the shard that an instance takes from first: always the same one, so that two
// instances seldom meet on a row.
func Home(instance, carrier, account string, shards int) int {
	if shards < 2 {
		return 0
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(instance + "\x00" + carrier + "\x00" + account)) // never fails
	x := sum.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd // names that differ in their last digits have sums that are alike there
	return int((x ^ x>>33) % uint64(shards))
}

// Hold is the sum of holds on one carrier account that a batch wants.
type Hold struct {
	Carrier, Account string
	Shard            int
	Amount           money.Fen
	N                int // how many holds these are
}

// ErrShort says that a shard has less free than the holds want; nothing was written.
type ErrShort struct{ Hold }

// Error names the account.
func (e *ErrShort) Error() string {
	return fmt.Sprintf("shard %d of %s/%s has less than %s free", e.Shard, e.Carrier, e.Account, e.Amount)
}

// byShard is the order in which every transaction locks shards.
func byShard(a, b Hold) int {
	return cmp.Or(cmp.Compare(a.Carrier, b.Carrier), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Shard, b.Shard))
}

// takeHolds grants the summed holds, each by one conditional update, in account order.
func takeHolds(ctx context.Context, tx *sql.Tx, holds []Hold) error {
	slices.SortFunc(holds, byShard)
	for _, h := range holds {
		if h.Amount <= 0 || h.Shard < 0 {
			return fmt.Errorf("hold of %s on shard %d of %s/%s: want a positive amount and a shard from 0", h.Amount, h.Shard, h.Carrier, h.Account)
		}
		res, err := tx.ExecContext(ctx, "UPDATE prepaid_shard SET free_fen = free_fen - ?, taken_fen = taken_fen + ?, holds = holds + ? WHERE carrier = ? AND account = ? AND shard = ? AND free_fen >= ?",
			int64(h.Amount), int64(h.Amount), max(1, h.N), h.Carrier, h.Account, h.Shard, int64(h.Amount))
		if err != nil {
			return fmt.Errorf("hold %s: %w", h.Carrier, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			if err != nil {
				return fmt.Errorf("hold %s: %w", h.Carrier, err)
			}
			return &ErrShort{h}
		}
	}
	return nil
}

// escrow is an account's shards under lock.
type escrow struct {
	purse
	floor money.Fen   // in the reserve
	free  []money.Fen // by shard; what is missing in between counts as empty
	was   []money.Fen // free as it was read
}

func lockEscrow(ctx context.Context, tx *sql.Tx, p purse) (escrow, error) {
	e := escrow{purse: p}
	rows, err := tx.QueryContext(ctx, "SELECT shard, free_fen FROM prepaid_shard WHERE carrier = ? AND account = ? ORDER BY shard FOR UPDATE", p.carrier, p.account)
	err = each(rows, err, "shards", func(r *sql.Rows) error {
		var shard int
		var free money.Fen
		if err := r.Scan(&shard, &free); err != nil {
			return err
		}
		if shard == reserve {
			e.floor = free
			return nil
		}
		e.widen(shard + 1)
		e.free[shard] = free
		return nil
	})
	e.was = slices.Clone(e.free)
	return e, err
}

// widen makes room for shards 0 to n-1.
func (e *escrow) widen(n int) {
	for len(e.free) < n {
		e.free = append(e.free, 0)
	}
}

func (e *escrow) total() (sum money.Fen) {
	for _, f := range e.free {
		sum += f
	}
	return sum
}

// level shares total evenly; the first shard has what does not divide.
func (e *escrow) level(total money.Fen) {
	e.widen(1)
	n := money.Fen(len(e.free))
	for i := range e.free {
		e.free[i] = total / n
	}
	e.free[0] += total % n
}

// torn reports whether a shard is below zero beside one that has money: what the second one
// grants might not be there.
func (e *escrow) torn() bool {
	return len(e.free) > 0 && slices.Min(e.free) < 0 && slices.Max(e.free) > 0
}

// write keeps the shards that have changed.
func (e *escrow) write(ctx context.Context, tx *sql.Tx) error {
	var rows [][]any
	for i, f := range e.free {
		if i >= len(e.was) || f != e.was[i] {
			rows = append(rows, []any{e.carrier, e.account, i, int64(f)})
		}
	}
	return putShards(ctx, tx, rows)
}

// putShards overwrites what shards have free: (carrier, account, shard, free).
func putShards(ctx context.Context, tx *sql.Tx, rows [][]any) error {
	return insert{table: "prepaid_shard", cols: []string{"carrier", "account", "shard", "free_fen"}, update: []string{"free_fen"}}.exec(ctx, tx, rows)
}

// moveShards lets shards follow entries on prepaid accounts: what is free then is shared evenly.
func moveShards(ctx context.Context, tx *sql.Tx, deltas map[purse]money.Fen) error {
	for _, p := range slices.SortedFunc(maps.Keys(deltas), purse.compare) {
		if err := moveOne(ctx, tx, p, deltas[p], 1); err != nil {
			return err
		}
	}
	return nil
}

// moveOne is moveShards for one account, which has so many shards afterwards, if not more.
func moveOne(ctx context.Context, tx *sql.Tx, p purse, delta money.Fen, shards int) error {
	if delta == 0 {
		return nil
	}
	e, err := lockEscrow(ctx, tx, p)
	if err != nil {
		return err
	}
	e.widen(shards)
	e.level(e.total() + delta)
	return e.write(ctx, tx)
}

// returnToShards applies the summed deltas of facts in one statement. A shard that does not
// exist begins with what it gets: no fen may vanish. Accounts that are torn then are made whole
// from their other shards, and all has to be locked for that, in order: where that was not to be
// foreseen it sets all and begins again.
func returnToShards(ctx context.Context, tx *sql.Tx, facts []ownedFact, all *bool) error {
	deltas := map[Hold]money.Fen{}
	for _, f := range facts {
		if d := ledger.ShardDelta(f.fact); d != 0 {
			deltas[Hold{Carrier: f.fact.Party, Account: f.fact.Account, Shard: f.fact.Shard}] += d
			*all = *all || d < 0 // it may be more than the shard has
		}
	}
	var rows [][]any
	var purses []purse
	for _, k := range slices.SortedFunc(maps.Keys(deltas), byShard) {
		if deltas[k] != 0 {
			rows = append(rows, []any{k.Carrier, k.Account, k.Shard, int64(deltas[k])})
			purses = append(purses, purse{k.Carrier, k.Account})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	purses = slices.Compact(purses)
	if *all {
		for _, p := range purses {
			if _, err := lockEscrow(ctx, tx, p); err != nil {
				return err
			}
		}
	}
	query := insert{table: "prepaid_shard", cols: []string{"carrier", "account", "shard", "free_fen"}}.sql(len(rows)) + " ON DUPLICATE KEY UPDATE free_fen = free_fen + VALUES(free_fen)"
	if _, err := tx.ExecContext(ctx, query, slices.Concat(rows...)...); err != nil {
		return fmt.Errorf("return to shards: %w", err)
	}
	torn, err := tornPurses(ctx, tx, purses)
	if err != nil || len(torn) == 0 {
		return err
	}
	if !*all {
		*all = true
		return errAnew
	}
	return makeWhole(ctx, tx, torn)
}

// tornPurses are those that have a shard below zero beside one with money. Who sees none has
// committed or will see it: the transaction that makes one has all of them locked.
func tornPurses(ctx context.Context, tx *sql.Tx, purses []purse) ([]purse, error) {
	args := make([]any, 0, 2*len(purses))
	for _, p := range purses {
		args = append(args, p.carrier, p.account)
	}
	var torn []purse
	rows, err := tx.QueryContext(ctx, "SELECT carrier, account FROM prepaid_shard WHERE shard >= 0 AND (carrier, account) IN "+pairs(len(purses))+
		" GROUP BY carrier, account HAVING MIN(free_fen) < 0 AND MAX(free_fen) > 0 ORDER BY carrier, account", args...)
	err = each(rows, err, "torn accounts", func(r *sql.Rows) error {
		var p purse
		err := r.Scan(&p.carrier, &p.account)
		torn = append(torn, p)
		return err
	})
	return torn, err
}

// makeWhole shares what is free of accounts whose shards are all locked.
func makeWhole(ctx context.Context, tx *sql.Tx, purses []purse) error {
	for _, p := range purses {
		e, err := lockEscrow(ctx, tx, p)
		if err != nil {
			return err
		}
		e.level(e.total())
		if err := e.write(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// Even brings want into an account's shard home: what is free is shared evenly, and where a
// share would be less than want, all of it goes into home, so that the last of the money can
// be spent, too. It reports what home has then. Where somebody has done it meanwhile nothing
// moves.
func (s *Store) Even(ctx context.Context, carrier, account string, home int, want money.Fen) (money.Fen, error) {
	var has money.Fen
	err := s.tx(ctx, "even out shards", func(tx *sql.Tx) error {
		has = 0
		e, err := lockEscrow(ctx, tx, purse{carrier, account})
		if err != nil || home < 0 || home >= len(e.free) {
			return err
		}
		switch total := e.total(); {
		case e.free[home] >= want && !e.torn():
		case total <= 0 || total/money.Fen(len(e.free)) >= want:
			e.level(total)
		default:
			clear(e.free)
			e.free[home] = total
		}
		has = e.free[home]
		return e.write(ctx, tx)
	})
	return has, err
}

// setFloor puts so much into the reserve, out of the shards or back to them. Shards that have
// less than that are below zero then: they grant nothing before more has come.
func setFloor(ctx context.Context, tx *sql.Tx, p purse, floor money.Fen) error {
	e, err := lockEscrow(ctx, tx, p)
	if err != nil || e.floor == floor {
		return err
	}
	e.level(e.total() + e.floor - floor)
	if err := putShards(ctx, tx, [][]any{{p.carrier, p.account, reserve, int64(floor)}}); err != nil {
		return err
	}
	return e.write(ctx, tx)
}
