package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/statement"
	"github.com/chuandao/qianfan/shared/store"
)

// settled is what a verb made of a statement.
type settled struct {
	Statement statement.Statement `json:"statement"`
	Changed   bool                `json:"changed"` // false = it was so before
}

func (e *env) settled(st statement.Statement, changed bool, did, before string) error {
	return e.show(settled{st, changed}, func() {
		if !changed {
			did = before
		}
		e.say("%s: %s; %s is open, %s", st.Number(), did, st.Open(), st.State)
	})
}

type statementPay struct {
	ID     int64  `arg:"" help:"Of the statement."`
	Amount string `required:"" help:"In 元, as 1200 or 1200.50; at most what is open."`
	Key    string `required:"" help:"The bank's reference; a repeated one books nothing again."`
	On     string `placeholder:"DAY" help:"The business day on which the money came, today by default."`
	signature
}

// Help is the example.
func (statementPay) Help() string {
	return `Example:
  qianfan ledger statement pay 3 --amount 1200.50 --key bank-20261203-77 --by li

Deliveries are paid first, then 违约金. Of a statement that is a credit it books what we paid to the platform. A transfer for several
statements is booked to each with a key of its own, such as bank-77/1 and bank-77/2.` + whereDatabase
}

// Run is the verb.
func (c statementPay) Run(e *env) error {
	amount, err := money.ParseYuan(c.Amount)
	if err != nil || amount <= 0 {
		return usage("--amount %q: want a positive amount in 元, as 1200 or 1200.50", c.Amount)
	}
	who, err := c.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		at, err := onDay(c.On, o.virtual)
		if err != nil {
			return err
		}
		st, booked, err := o.PayStatement(e.ctx, who, store.StatementPayment{Statement: c.ID, Key: c.Key, Amount: amount, At: at}, o.virtual)
		if err != nil {
			return err
		}
		return e.settled(st, booked, amount.String()+" is booked", amount.String()+" was booked before, with this key")
	})
}

// onDay is noon of a business day that is not to come; empty = now.
func onDay(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	day, err := businessDay("--on", text)
	if err == nil && day.After(now) {
		return day, usage("--on %s: that day is to come", text)
	}
	return earlier(day.Add(12*time.Hour), now), err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

type statementUnpay struct {
	ID   int64  `arg:"" help:"Of the statement."`
	Key  string `required:"" help:"Of the payment."`
	Note string `required:"" help:"Why, for the audit."`
	signature
}

// Help is the example.
func (statementUnpay) Help() string {
	return "Example:\n  qianfan ledger statement unpay 3 --key bank-20261203-77 --note wrong-platform --by li" + whereDatabase
}

// Run is the verb.
func (c statementUnpay) Run(e *env) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		st, undone, err := o.UnpayStatement(e.ctx, who, c.ID, c.Key, c.Note, o.virtual)
		if err != nil {
			return err
		}
		return e.settled(st, undone, "the payment is taken back", "it was taken back before")
	})
}

// refused names a line that a platform refuses.
type refused struct {
	ID    int64  `arg:"" help:"Of the statement."`
	Order string `required:"" help:"The platform's number of the order, or our id."`
	Kind  string `enum:",delivery,penalty" default:"" help:"delivery or penalty, when the order has both."`
	Note  string `required:"" help:"Why, for whoever settles it and the audit."`
	signature
}

// with finds the statement and the order, and gives them to do.
func (c refused) with(e *env, amount money.Fen, do func(ctx context.Context, o *office, who store.Act, r store.Rejection) error) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		st, err := o.Statement(e.ctx, c.ID)
		if err != nil {
			return err
		}
		r := store.Rejection{Statement: c.ID, Kind: statement.Kind(c.Kind), Amount: amount, Note: c.Note, At: o.virtual}
		if r.Order, err = o.StatementOrderID(e.ctx, st.Platform, c.Order); err != nil {
			return err
		}
		return do(e.ctx, o, who, r)
	})
}

type statementReject struct {
	refused
	Amount string `help:"In 元, when only a part is refused; all that is left of it by default."`
	Again  bool   `help:"Another part, of a line whose first refusal was conceded or written off."`
}

// Help is the example.
func (statementReject) Help() string {
	return `Example:
  qianfan ledger statement reject 3 --order 20123456789012345 --note never-came --by li

The amount leaves the statement and stands in suspense until somebody settles the item: lift, concede, or a write-off by two people.
Of a line of which a part is in suspense, lift it to refuse another amount; of one of which a part is settled, refuse more with --again.` + whereDatabase
}

// Run is the verb.
func (c statementReject) Run(e *env) error {
	var amount money.Fen
	if c.Amount != "" {
		var err error
		if amount, err = money.ParseYuan(c.Amount); err != nil || amount <= 0 {
			return usage("--amount %q: want a positive amount in 元, as 12 or 12.50", c.Amount)
		}
	}
	return c.with(e, amount, func(ctx context.Context, o *office, who store.Act, r store.Rejection) error {
		r.Again = c.Again
		st, done, err := o.RejectLine(ctx, who, r, o.virtual)
		if err != nil {
			return err
		}
		return e.settled(st, done, "the line is in suspense, see `qianfan ledger items --party "+st.Platform+"`", "it was rejected before")
	})
}

type statementLift struct{ refused }

// Help is the example.
func (statementLift) Help() string {
	return "Example:\n  qianfan ledger statement lift 3 --order 20123456789012345 --note mail-of-4-Dec --by li" + whereDatabase
}

// Run is the verb.
func (c statementLift) Run(e *env) error {
	return c.with(e, 0, func(ctx context.Context, o *office, who store.Act, r store.Rejection) error {
		st, err := o.LiftRejection(ctx, who, r, o.virtual)
		if err != nil {
			return err
		}
		return e.settled(st, true, "the line is owed again", "")
	})
}

type statementConcede struct{ refused }

// Help is the example.
func (statementConcede) Help() string {
	return "Example:\n  qianfan ledger statement concede 3 --order 20123456789012345 --note rider-lost-it --by li" + whereDatabase
}

// Run is the verb.
func (c statementConcede) Run(e *env) error {
	return c.with(e, 0, func(ctx context.Context, o *office, who store.Act, r store.Rejection) error {
		st, err := o.ConcedeRejection(ctx, who, r, o.virtual)
		if err != nil {
			return err
		}
		return e.settled(st, true, "the income of the line is taken back", "")
	})
}

type statementWriteOff struct{ refused }

// Help is the example.
func (statementWriteOff) Help() string {
	return "Example:\n  qianfan ledger statement write-off 3 --order 20123456789012345 --note too-small-to-sue --by li\n  qianfan ledger approve 12 --by wang" + whereDatabase
}

// Run is the verb.
func (c statementWriteOff) Run(e *env) error {
	return c.with(e, 0, func(ctx context.Context, o *office, who store.Act, r store.Rejection) error {
		id, err := o.WriteOffRejection(ctx, who, r)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"proposal": strconv.FormatInt(id, 10)}, func() {
			e.say("proposed as %d: a second person posts it with `qianfan ledger approve %d`", id, id)
		})
	})
}

type statementRecover struct{ refused }

// Help is the example.
func (statementRecover) Help() string {
	return "Example:\n  qianfan ledger statement recover 3 --order 20123456789012345 --note appeal-won --by li\n\nAll that was conceded or written off of the line is owed again; then book its payment." + whereDatabase
}

// Run is the verb.
func (c statementRecover) Run(e *env) error {
	return c.with(e, 0, func(ctx context.Context, o *office, who store.Act, r store.Rejection) error {
		st, err := o.RecoverRejection(ctx, who, r, o.virtual)
		if err != nil {
			return err
		}
		return e.settled(st, true, "the line is owed again", "")
	})
}

type statementReissue struct {
	ID int64 `arg:"" help:"Of the statement."`
	signature
}

// Help is the example.
func (statementReissue) Help() string {
	return "Example:\n  qianfan ledger statement reissue 3 --by li\n\nWhat is open does not change; the file and the page do." + whereDatabase
}

// Run is the verb.
func (c statementReissue) Run(e *env) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		st, err := o.ReissueStatement(e.ctx, who, c.ID, o.virtual)
		if err != nil {
			return err
		}
		return e.settled(st, true, "a new revision of "+st.Total.String(), "")
	})
}
