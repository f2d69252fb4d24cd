package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

type accountFloor struct {
	accountEdit
	Amount string `arg:"" help:"In 元; 0 = none."`
}

// Help is the example.
func (accountFloor) Help() string {
	return "Example:\n  qianfan account floor uupt main 2000 --by li\n\nSo much stays in the account for what the carrier takes beyond its prices. With less than that beside the floor the account grants nothing, and orders go to others." + whereDatabase
}

// Run is the verb.
func (c accountFloor) Run(e *env) error {
	amount, err := setting(c.Amount)
	if err != nil {
		return err
	}
	return c.change(e, "account floor", func(r *carrier.AccountRule) { r.Floor = amount })
}

type accountAlarm struct {
	accountEdit
	Below  *string        `help:"Free above the floor, in 元, below which people are told; 0 = no such amount." placeholder:"YUAN"`
	Runway *time.Duration `help:"How long the money has to last at the pace of the last ten minutes, in whole minutes; 0 = however long. 30m unless set." placeholder:"40m"`
}

// Help is the example.
func (accountAlarm) Help() string {
	return "Example:\n  qianfan account alarm uupt main --below 5000 --runway 40m --by li\n\nThe sweep looks each minute, logs an alarm at most once in ten, and counts it. `qianfan account list`, `qianfan doctor` and the console show it." + whereDatabase
}

// Run is the verb.
func (c accountAlarm) Run(e *env) error {
	if c.Below == nil && c.Runway == nil {
		return usage("say when, with --below or --runway")
	}
	var below money.Fen
	if c.Below != nil {
		var err error
		if below, err = setting(*c.Below); err != nil {
			return err
		}
	}
	if r := c.Runway; r != nil && (*r < 0 || *r%time.Minute != 0 || *r > carrier.MaxAlarmMinutes*time.Minute) {
		return usage("--runway %s: want whole minutes, as 40m or 2h, at most a week", *r)
	}
	return c.change(e, "account alarm", func(r *carrier.AccountRule) {
		if c.Below != nil {
			r.AlarmBelow = below
		}
		if c.Runway != nil {
			r.AlarmMinutes = int(*c.Runway / time.Minute)
			if r.AlarmMinutes == 0 {
				r.AlarmMinutes = carrier.NoRunway
			}
		}
	})
}

// setting reads an amount that may be zero.
func setting(text string) (money.Fen, error) {
	amount, err := money.ParseYuan(text)
	if err != nil || amount < 0 || amount > carrier.MaxAccountSetting {
		return 0, usage("%q: want an amount in 元, as 2000 or 2000.00, 0 to %s", text, carrier.MaxAccountSetting)
	}
	return amount, nil
}

type accountDeposit struct {
	Carrier string `arg:"" help:"The carrier."`
	Account string `arg:"" help:"Our name of the account."`
	Amount  string `arg:"" help:"In 元, as 50000 or 50000.00."`
	Key     string `required:"" help:"Of the bank transfer; a repeated one books nothing again."`
	Shards  int    `help:"Parts that holds are taken from side by side; as it has, or 8."`
	Sent    bool   `xor:"stage" help:"It left the bank and is in transit: it cannot be spent yet."`
	Seen    bool   `xor:"stage" help:"The carrier's balance shows what was sent with this key: now it can be spent."`
	signature
	DryRun bool `help:"Only check it; write nothing."`
}

// Help is the example.
func (accountDeposit) Help() string {
	return "Example:\n  qianfan account deposit uupt main 50000 --key transfer-2026-0012 --sent --by li\n  qianfan account deposit uupt main 50000 --key transfer-2026-0012 --seen --by li\n\nWithout --sent and --seen both are booked at once." + whereDatabase
}

// deposited is what the verb did.
type deposited struct {
	Carrier   string      `json:"carrier"`
	Account   string      `json:"account"`
	Key       string      `json:"key"`
	AmountFen money.Fen   `json:"amount_fen"`
	Shards    int         `json:"shards"`
	Stage     store.Stage `json:"stage,omitempty"` // sent, seen; none = both at once
	Booked    bool        `json:"booked"`
}

func (c accountDeposit) stage() store.Stage {
	switch {
	case c.Sent:
		return store.Sent
	case c.Seen:
		return store.Seen
	}
	return store.AtOnce
}

// check reads the amount and says what is wrong with the call.
func (c accountDeposit) check() (money.Fen, error) {
	amount, err := money.ParseYuan(c.Amount)
	if err != nil || amount <= 0 {
		return 0, usage("%q: want a positive amount in 元, as 50000 or 50000.00", c.Amount)
	}
	if amount > maxDeposit {
		return 0, usage("%q: more than %s at once is a slip of the pen, and what is booked stays booked", c.Amount, maxDeposit)
	}
	if c.Shards < 0 || c.Shards > maxShards {
		return 0, usage("--shards %d: want 1 to %d", c.Shards, maxShards)
	}
	if err := checkCarriers([]string{c.Carrier}); err != nil {
		return 0, err
	}
	if err := (carrier.AccountRule{Carrier: c.Carrier, Account: c.Account, Weight: 1}).Check(); err != nil {
		return 0, usage("%w", err)
	}
	return amount, nil
}

// Run is the verb.
func (c accountDeposit) Run(e *env) error {
	amount, err := c.check()
	if err != nil {
		return err
	}
	who, err := c.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		shards, err := c.shards(e, o)
		if err != nil {
			return err
		}
		done := deposited{Carrier: c.Carrier, Account: c.Account, Key: c.Key, AmountFen: amount, Shards: shards, Stage: c.stage()}
		if !c.DryRun {
			p := store.Payment{Key: c.Key, Carrier: c.Carrier, Account: c.Account, Amount: amount, Shards: shards, At: o.virtual, Stage: done.Stage}
			if done.Booked, err = o.DepositBy(e.ctx, who, p); err != nil {
				return unfit(err)
			}
		}
		return e.show(done, func() { done.print(e, c.DryRun) })
	})
}

// unfit says what to do where the stages of a payment do not fit each other.
func unfit(err error) error {
	switch {
	case errors.Is(err, store.ErrNotSent):
		return fmt.Errorf("%w: book it with --sent first, or without --sent and --seen at once", err)
	case errors.Is(err, store.ErrConflict):
		return fmt.Errorf("%w: `qianfan audit` shows what it was; another transfer has another key", err)
	}
	return err
}

func (d deposited) print(e *env, dry bool) {
	text := fmt.Sprintf("%s 元 for %s/%s over %d shards", yuan(d.AmountFen), d.Carrier, d.Account, d.Shards)
	switch {
	case dry:
		e.say("%s; nothing was written", text)
	case !d.Booked:
		e.say("%s was booked before, with this key", text)
	case d.Stage == store.Sent:
		e.say("%s 元 for %s/%s is in transit: it can be spent once it is --seen", yuan(d.AmountFen), d.Carrier, d.Account)
	default:
		e.say("%s is booked", text)
	}
}

const (
	defaultShards = 8
	maxShards     = 64

	maxDeposit money.Fen = 100_000_000_00 // 一亿元
)

// shards are those that the account has: money in new ones would leave the others empty sooner.
func (c accountDeposit) shards(e *env, o *office) (int, error) {
	if c.Shards > 0 {
		return c.Shards, nil
	}
	all, err := o.Shards(e.ctx)
	if err != nil {
		return 0, err
	}
	if n := all[[2]string{c.Carrier, c.Account}]; n > 0 {
		return n, nil
	}
	return defaultShards, nil
}
