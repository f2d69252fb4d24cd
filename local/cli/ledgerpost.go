package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// written says what an operator's posting is about, and by which key it is known.
type written struct {
	Amount string `required:"" help:"In 元, as 12 or 12.50."`
	Key    string `required:"" help:"Of the paper behind it; a repeated one posts nothing again."`
	Order  string `help:"Our id of the order it is about."`
	signature
	DryRun bool `help:"Only show the entries; write nothing."`
}

func (w written) parse() (amount money.Fen, order int64, err error) {
	amount, err = money.ParseYuan(w.Amount)
	if err != nil || amount <= 0 || amount > maxDeposit {
		return 0, 0, usage("%q: want a positive amount in 元, as 12 or 12.50", w.Amount)
	}
	if w.Order != "" {
		if order, err = strconv.ParseInt(w.Order, 10, 64); err != nil || order <= 0 {
			return 0, 0, usage("--order %q: want our id, as `qianfan order list` shows it", w.Order)
		}
	}
	return amount, order, nil
}

// post posts one transfer, or shows it.
func (w written) post(e *env, make func(amount money.Fen, o *office) (ledger.Transfer, error)) error {
	amount, order, err := w.parse()
	if err != nil {
		return err
	}
	who, err := w.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		t, err := make(amount, o)
		if err != nil {
			return err
		}
		t = t.On(order, 0)
		if err := t.Check(); err != nil {
			return usage("%w", err)
		}
		posted := 0
		if !w.DryRun {
			if posted, err = o.PostTransfers(e.ctx, who, []ledger.Transfer{t}, o.virtual); err != nil {
				return err
			}
		}
		return e.show(map[string]any{"transfer": t, "posted": posted}, func() {
			e.legTable(t)
			switch {
			case w.DryRun:
				e.say("nothing was written")
			case posted == 0:
				e.say("%s was posted before, with this key", t.Tx())
			default:
				e.say("%s is posted", t.Tx())
			}
		})
	})
}

func (e *env) legTable(t ledger.Transfer) {
	e.table([]string{"SIDE", "YUAN", "ACCOUNT", "REASON"}, rows(t.Legs, func(l ledger.Leg) []string {
		return []string{side(l), yuan(l.Amount), l.Account, t.Reason}
	}))
}

func side(l ledger.Leg) string {
	if l.Debit {
		return "debit"
	}
	return "credit"
}

// ledgerPost books what no order books by itself.
type ledgerPost struct {
	Compensation postCompensation `cmd:"" help:"We owe a platform for a late or damaged delivery; the next statement deducts it."`
	CarrierPays  postCarrierPays  `cmd:"" help:"A carrier paid into our prepaid balance for its fault (赔付)."`
}

// Help is the example.
func (ledgerPost) Help() string {
	return "Examples:\n  qianfan ledger post compensation --platform jd --cause late --amount 5 --order 20123456789012345 --key case-77 --by li" +
		"\n  qianfan ledger post carrier-pays --carrier uupt --amount 8 --key claim-12" + whereDatabase
}

type postCompensation struct {
	Platform string `required:"" help:"The platform."`
	Cause    string `required:"" enum:"late,damaged,lost,other" help:"late, damaged, lost or other."`
	written
}

// Help is the example.
func (postCompensation) Help() string {
	return "Example:\n  qianfan ledger post compensation --platform jd --cause late --amount 5 --order 20123456789012345 --key case-77" + whereDatabase
}

// Run is the verb.
func (c postCompensation) Run(e *env) error {
	if !slices.Contains(platforms.Names(), c.Platform) {
		return usage("%q is no platform; platforms are %s", c.Platform, strings.Join(platforms.Names(), ", "))
	}
	return c.post(e, func(amount money.Fen, o *office) (ledger.Transfer, error) {
		return ledger.Compensation(c.Key, c.Platform, c.Cause, amount, o.virtual), c.ofPlatform(e, o)
	})
}

// ofPlatform refuses another platform's order: the wrong statement would deduct it.
func (c postCompensation) ofPlatform(e *env, o *office) error {
	_, order, err := c.parse()
	if err != nil || order == 0 {
		return err
	}
	platform, err := o.OrderPlatform(e.ctx, order)
	if err == nil && platform != "" && platform != c.Platform {
		err = usage("order %d is of %s, not of %s", order, platform, c.Platform)
	}
	return err
}

type postCarrierPays struct {
	Carrier string `required:"" help:"The carrier."`
	Account string `default:"main" help:"Our name of the prepaid account."`
	written
}

// Help is the example.
func (postCarrierPays) Help() string {
	return "Example:\n  qianfan ledger post carrier-pays --carrier uupt --amount 8 --key claim-12" + whereDatabase
}

// Run is the verb.
func (c postCarrierPays) Run(e *env) error {
	if err := checkCarriers([]string{c.Carrier}); err != nil {
		return err
	}
	return c.post(e, func(amount money.Fen, o *office) (ledger.Transfer, error) {
		all, err := o.Shards(e.ctx)
		if err == nil && all[[2]string{c.Carrier, c.Account}] == 0 { // holds would take from one that the carrier does not know
			err = fmt.Errorf("%s/%s has no prepaid money: see qianfan account list", c.Carrier, c.Account)
		}
		return ledger.CarrierPays("manual", c.Key, c.Carrier, c.Account, amount, o.virtual), err
	})
}

type ledgerReverse struct {
	Transaction string `arg:"" help:"The transaction, as ledger entries shows it."`
	Note        string `required:"" help:"Why, for the second person and the audit."`
	signature
}

// Help is the example.
func (ledgerReverse) Help() string {
	return `Example:
  qianfan ledger reverse manual:case-77 --note mistaken --by li

Proposes the mirror image of a transaction that a person posted; a second person approves it. What orders booked is corrected by bills,
and statements by rejections: their transactions are not reversed by hand.` + whereDatabase
}

// Run is the verb.
func (c ledgerReverse) Run(e *env) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		t, found, err := o.Transaction(e.ctx, c.Transaction)
		switch {
		case err != nil:
			return err
		case !found:
			return fmt.Errorf("there is no transaction %q: see qianfan ledger entries", c.Transaction)
		case !ledger.Reversible[t.Source]:
			return fmt.Errorf("transactions of %s are not reversed by hand: see qianfan ledger reverse --help", t.Source)
		}
		r := t.Reversed(o.virtual)
		id, err := o.Propose(e.ctx, who, r, c.Note)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"id": strconv.FormatInt(id, 10), "transfer": r}, func() {
			e.legTable(r)
			e.say("proposed as %d: a second person posts it with qianfan ledger approve %d", id, id)
		})
	})
}

type ledgerProposals struct {
	State string `default:"pending" enum:"pending,posted,voided,all" help:"pending, posted, voided or all."`
	Limit int    `default:"100" help:"How many."`
}

// Help is the example.
func (ledgerProposals) Help() string {
	return "Example:\n  qianfan ledger proposals --state all" + whereDatabase
}

// Run is the verb.
func (c ledgerProposals) Run(e *env) error {
	state := c.State
	if state == "all" {
		state = ""
	}
	return e.with(func(o *office) error {
		list, err := o.Proposals(e.ctx, state, c.Limit)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"proposals": list}, func() {
			var legs [][]string
			for _, p := range list {
				legs = append(legs, proposalRows(p)...)
			}
			e.table([]string{"ID", "STATE", "TRANSACTION", "REASON", "SIDE", "YUAN", "ACCOUNT", "BY", "DECIDED BY", "NOTE"}, legs)
		})
	})
}

// proposalRows are a line for each entry that it would make: who approves it sees what he books.
func proposalRows(p store.Proposal) [][]string {
	lines := rows(p.Transfer.Legs, func(l ledger.Leg) []string {
		return []string{"", "", "", "", side(l), yuan(l.Amount), l.Account, "", "", ""}
	})
	first := lines[0]
	first[0], first[1], first[2], first[3] = strconv.FormatInt(p.ID, 10), p.State, p.Transfer.Tx(), p.Transfer.Reason
	first[7], first[8], first[9] = p.MadeBy, p.DecidedBy, p.Note
	return lines
}

// decision is a second person's.
type decision struct {
	ID int64 `arg:"" help:"Of the proposal."`
	signature
}

func (d decision) decide(e *env, post bool) error {
	who, err := d.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		p, err := o.Decide(e.ctx, who, d.ID, post, o.virtual)
		if errors.Is(err, store.ErrOwnProposal) {
			err = fmt.Errorf("%w: sign with --by, or end it with qianfan ledger void %d", err, d.ID)
		}
		if err != nil {
			return err
		}
		return e.show(p, func() { e.say("%s is %s", p.Transfer.Tx(), p.State) })
	})
}

type ledgerApprove struct{ decision }

// Help is the example.
func (ledgerApprove) Help() string {
	return "Example:\n  qianfan ledger approve 12 --by wang" + whereDatabase
}

// Run is the verb.
func (c ledgerApprove) Run(e *env) error { return c.decide(e, true) }

type ledgerVoid struct{ decision }

// Help is the example.
func (ledgerVoid) Help() string {
	return "Example:\n  qianfan ledger void 12 --by li" + whereDatabase
}

// Run is the verb.
func (c ledgerVoid) Run(e *env) error { return c.decide(e, false) }
