package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/store"
)

type ledgerClose struct {
	Period string `arg:"" help:"The month, as 2026-11."`
	Note   string `help:"Why now, for whoever reads the audit."`
	signature
	DryRun       bool `help:"Only say what stands against it."`
	WithoutBills bool `help:"Close though bills are missing: what they differ in belongs to the next month."`
}

// Help is the example.
func (ledgerClose) Help() string {
	return `Examples:
  qianfan ledger close 2026-11 --dry-run
  qianfan ledger close 2026-11 --by wang

A closed month never changes: what comes later about it belongs to the next one. It is refused while a month before it is open, while
facts or proposals of it are undecided, while suspense is not itemised or an item has no owner, and while a day on which an account cost
something has no bill. Exit code 3 when it cannot be closed.` + whereDatabase
}

// Run is the verb.
func (c ledgerClose) Run(e *env) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		check, err := o.CheckClosing(e.ctx, c.Period, o.virtual)
		if err != nil {
			return err
		}
		if !c.WithoutBills {
			check.Obstacle = append(check.Obstacle, missingBills(check.Unbilled)...)
		}
		if c.DryRun || len(check.Obstacle) > 0 {
			return c.tell(e, check)
		}
		closed, err := o.ClosePeriod(e.ctx, who, c.Period, c.Note, o.virtual)
		if err != nil {
			return err
		}
		return e.show(closed, func() {
			e.say("%s is closed, with %d accounts", closed.Period, len(closed.Trial))
			e.balanceTable(closed.Trial)
		})
	})
}

func (c ledgerClose) tell(e *env, check store.Closing) error {
	err := e.show(check, func() {
		for _, x := range check.Obstacle {
			e.say("obstacle  %s", x)
		}
		if len(check.Obstacle) == 0 {
			e.say("%s can be closed; nothing was written", c.Period)
		}
	})
	if len(check.Obstacle) > 0 {
		return &exitError{exitViolated, errors.Join(err, store.ErrNotClosable)}
	}
	return err
}

// missingBills has a line for each account.
func missingBills(list []store.Unbilled) []string {
	const few = 5
	var out []string
	for _, u := range list {
		days := strings.Join(u.Days[:min(few, len(u.Days))], " ")
		if more := len(u.Days) - few; more > 0 {
			days += fmt.Sprintf(" and %d more", more)
		}
		out = append(out, fmt.Sprintf("%s/%s has costs and no bill: %s: import it with qianfan ledger reconcile, or close --without-bills", u.Carrier, u.Account, days))
	}
	return out
}

type ledgerPeriods struct{}

// Help is the example.
func (ledgerPeriods) Help() string {
	return "Example:\n  qianfan ledger periods" + whereDatabase
}

// Run is the verb.
func (ledgerPeriods) Run(e *env) error {
	return e.with(func(o *office) error {
		list, err := o.ClosedPeriods(e.ctx)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"periods": list}, func() {
			e.table([]string{"PERIOD", "CLOSED", "BY", "UP TO ENTRY", "NOTE"}, rows(list, func(p store.ClosedPeriod) []string {
				return []string{p.Period, moment(p.ClosedAt), p.ClosedBy, strconv.FormatInt(p.ToID, 10), p.Note}
			}))
		})
	})
}
