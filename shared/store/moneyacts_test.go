package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/billimport"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/statement"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// some are n different orders in any order: whoever locks them has to sort them.
func (b *bazaar) some(r *rand.Rand, n int) []int64 {
	var out []int64
	for _, i := range r.Perm(len(b.ids))[:n] {
		out = append(out, b.ids[i])
	}
	return out
}

// place dispatches a batch: what it holds is captured in part and released at once, and the platform owes.
func (b *bazaar) place(ctx context.Context, r *rand.Rand, _ int) error {
	ids := b.some(r, 1+r.IntN(3))
	earned := business(7 + r.IntN(4)).Add(time.Hour)
	account, shard := accounts[r.IntN(2)], r.IntN(parts)
	return b.Dispatch(ctx, ids, nil, func(batch store.Batch) ([]*turn.Turn, []store.Hold, error) {
		var turns []*turn.Turn
		for _, id := range ids {
			x := newTurn(batch.Orders[id])
			n := x.FactSeq + 1
			for _, f := range []order.Fact{
				{N: n, Kind: order.FactHold, Amount: 900, Party: "shansong", Account: account, Shard: shard},
				{N: n, Kind: order.FactCapture, Amount: 600, Party: "shansong", Account: account, Shard: shard},
				{N: n, Kind: order.FactRelease, Amount: 300, Party: "shansong", Account: account, Shard: shard},
				{Kind: order.FactIncome, Amount: 1200, Party: "meituan"},
			} {
				fact(x, f)
				x.Facts[len(x.Facts)-1].At = earned
			}
			turns = append(turns, x)
		}
		return turns, []store.Hold{{Carrier: "shansong", Account: account, Shard: shard, Amount: money.Fen(900 * len(ids)), N: len(ids)}}, nil
	})
}

func (b *bazaar) settleSome(ctx context.Context, r *rand.Rand, _ int) error {
	_, err := b.Settle(ctx, b.some(r, 6), now)
	return err
}

// prepay books some stage of one of a few payments.
func (b *bazaar) prepay(ctx context.Context, r *rand.Rand, _ int) error {
	stage := []store.Stage{store.AtOnce, store.Sent, store.Seen}[r.IntN(3)]
	n := r.IntN(8)
	_, err := b.DepositBy(ctx, li, store.Payment{Key: fmt.Sprint("p", n), Carrier: "shansong", Account: accounts[n%2], Amount: 10_000, Shards: parts, At: now, Stage: stage})
	return err
}

// undo proposes to take back a stage of a payment, and a second person decides.
func (b *bazaar) undo(ctx context.Context, r *rand.Rand, _ int) error {
	name := fmt.Sprintf("%s:p%d", []string{"deposit", "topup_sent", "topup_seen"}[r.IntN(3)], r.IntN(8))
	had, found, err := b.Transaction(ctx, name)
	if err != nil || !found {
		return err
	}
	id, err := b.Propose(ctx, li, had.Reversed(now), "mistaken")
	if err != nil {
		return err
	}
	return b.decide(ctx, r, id)
}

func (b *bazaar) decide(ctx context.Context, r *rand.Rand, proposal int64) error {
	_, err := b.Decide(ctx, wang, proposal, r.IntN(4) > 0, now)
	return err
}

// postSome posts a few of the same transfers as others, in another order.
func (b *bazaar) postSome(ctx context.Context, r *rand.Rand, _ int) error {
	var list []ledger.Transfer
	for _, n := range r.Perm(20)[:4] {
		if n%2 == 0 {
			list = append(list, ledger.CarrierPays("manual", fmt.Sprint("c", n), "shansong", accounts[n%4/2], 80, now))
		} else {
			list = append(list, ledger.Compensation(fmt.Sprint("c", n), "meituan", "late", 50, business(8)))
		}
	}
	_, err := b.PostTransfers(ctx, li, list, now)
	return err
}

func (b *bazaar) sealSome(ctx context.Context, _ *rand.Rand, _ int) error {
	_, err := b.SealLedger(ctx, now, nil)
	return err
}

// closeNext closes one of the months before the books began.
func (b *bazaar) closeNext(ctx context.Context, _ *rand.Rand, round int) error {
	_, err := b.ClosePeriod(ctx, li, fmt.Sprintf("%d-%02d", 2021+round/12, 1+round%12), "", now)
	return err
}

func (b *bazaar) importOne(ctx context.Context, r *rand.Rand, _ int) error {
	m, err := bill.Default("shansong")
	if err != nil {
		return err
	}
	day := business(r.IntN(21) - 14).Add(12 * time.Hour).Format(time.DateOnly)
	job := billimport.Job{Carrier: "shansong", Account: "main", Day: day, Name: "bill.csv", Mapping: m, Options: reconcile.Options{Parts: 1, Dir: b.dir}}
	_, err = billimport.Run(ctx, b.Store, auditor, strings.NewReader(b.bills[day]), job, nextDay)
	return err
}

// endOne settles an open item of a bill, or gives it to somebody.
func (b *bazaar) endOne(ctx context.Context, r *rand.Rand, round int) error {
	items, err := b.Items(ctx, store.ItemFilter{Open: true, Source: "bill", Limit: 4})
	if err != nil || len(items) == 0 {
		return err
	}
	id := items[r.IntN(len(items))].ID
	switch r.IntN(4) {
	case 0:
		_, err = b.AcceptBillItem(ctx, auditor, id, "", now)
	case 1:
		_, err = b.WithdrawBillItem(ctx, auditor, id, "", now)
	case 2:
		_, err = b.OwnItem(ctx, auditor, id, fmt.Sprint("clerk-", round), now)
	default:
		var proposal int64
		if proposal, err = b.WriteOffBillItem(ctx, li, id, "", now); err == nil {
			err = b.decide(ctx, r, proposal)
		}
	}
	return err
}

// issueNext makes a statement of one more day, now and then.
func (b *bazaar) issueNext(ctx context.Context, _ *rand.Rand, round int) error {
	last, err := b.Statements(ctx, "meituan", 1)
	if err != nil || round%10 != 0 {
		return err
	}
	_, err = b.IssueStatement(ctx, zhao, store.StatementOrder{Platform: "meituan", Until: last[0].Until.AddDate(0, 0, 1)}, now)
	return err
}

// workOnStatement does what people do with one of the statements.
func (b *bazaar) workOnStatement(ctx context.Context, r *rand.Rand, round int) error {
	all, err := b.Statements(ctx, "meituan", 3)
	if err != nil {
		return err
	}
	st := all[r.IntN(len(all))].ID
	key := fmt.Sprintf("B-%d-%d", st, r.IntN(3))
	refusal := store.Rejection{Statement: st, Order: b.ids[r.IntN(3)], Kind: statement.Delivery, Note: "wrong door", At: now}
	switch r.IntN(8) {
	case 0:
		_, _, err = b.PayStatement(ctx, zhao, store.StatementPayment{Statement: st, Key: key, Amount: 100, At: now}, now)
	case 1:
		_, _, err = b.UnpayStatement(ctx, zhao, st, key, "", now)
	case 2, 3:
		_, _, err = b.RejectLine(ctx, zhao, refusal, now)
	case 4:
		_, err = b.LiftRejection(ctx, zhao, refusal, now)
	case 5:
		_, err = b.ConcedeRejection(ctx, zhao, refusal, now)
	case 6:
		var proposal int64
		if proposal, err = b.WriteOffRejection(ctx, li, refusal); err == nil {
			err = b.decide(ctx, r, proposal)
		}
	default:
		_, err = b.ReissueStatement(ctx, zhao, st, now)
	}
	return err
}

// tend watches the accounts, moves a floor, or evens shards out.
func (b *bazaar) tend(ctx context.Context, r *rand.Rand, round int) error {
	switch r.IntN(4) {
	case 0:
		_, err := b.WatchPrepaids(ctx, now.Add(time.Duration(round)*time.Minute))
		return err
	case 1:
		rule := carrier.AccountRule{Carrier: "shansong", Account: "south", Weight: 1, Active: true, Floor: money.Fen(r.IntN(2000))}
		_, err := b.SaveAccount(ctx, rule, "account floor", "li", now)
		return err
	case 2:
		_, err := b.Sweep(ctx, now.Add(time.Hour), time.Minute, 5)
		return err
	}
	_, err := b.Even(ctx, "shansong", accounts[r.IntN(2)], r.IntN(parts), money.Fen(r.IntN(400_000)))
	return err
}

// look reads what has to be true at every moment.
func (b *bazaar) look(ctx context.Context, _ *rand.Rand, _ int) error {
	gaps, err := b.SuspenseGaps(ctx)
	if err == nil && len(gaps) > 0 {
		err = fmt.Errorf("suspense: %s", gaps[0])
	}
	return err
}
