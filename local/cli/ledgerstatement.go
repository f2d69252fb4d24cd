package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/shared/statement"
	"github.com/chuandao/qianfan/shared/store"
)

// ledgerStatement makes statements (对账单) for platforms and books what becomes of them.
type ledgerStatement struct {
	Issue    statementIssue    `cmd:"" help:"Make the next statement of a platform."`
	List     statementList     `cmd:"" default:"1" help:"Statements, the newest first."`
	Show     statementShow     `cmd:"" help:"One statement: sums, what became of it, its CSV file and printable page."`
	Pay      statementPay      `cmd:"" help:"Book what a platform paid, or what we paid back."`
	Unpay    statementUnpay    `cmd:"" help:"Take back a payment that was booked by mistake."`
	Reject   statementReject   `cmd:"" help:"A platform refuses a line: into suspense, with an item to be settled."`
	Lift     statementLift     `cmd:"" help:"The platform pays a line that it had refused."`
	Concede  statementConcede  `cmd:"" help:"The platform was right to refuse a line: the income never was."`
	WriteOff statementWriteOff `cmd:"" name:"write-off" help:"Nobody will pay a refused line: proposed to a second person."`
	Recover  statementRecover  `cmd:"" help:"The platform pays after all what was conceded or written off of a line."`
	Reissue  statementReissue  `cmd:"" help:"A new revision, without the lines that were refused."`
	Check    statementCheck    `cmd:"" help:"Compare every statement with the ledger."`
}

// Help is the example.
func (ledgerStatement) Help() string {
	return `Examples:
  qianfan ledger statement issue --platform jd --from 2026-11-01 --until 2026-12-01 --dry-run
  qianfan ledger statement show 3 --csv jd-0003.csv --html jd-0003.html
  qianfan ledger statement pay 3 --amount 1200.50 --key bank-20261203-77

A statement has every amount that a platform owes for business days before --until, and is on no statement before it: what is
posted late stands on the next one. A refused line is in suspense (qianfan ledger items) until it is lifted, conceded or written off.` + whereDatabase
}

type statementIssue struct {
	Platform string `required:"" help:"The platform."`
	From     string `placeholder:"DAY" help:"The first business day, as 2026-11-01; where the last statement ended, by default."`
	Until    string `required:"" placeholder:"DAY" help:"The business day after the last one, as 2026-12-01."`
	signature
	DryRun bool `help:"Only say what it would have; write nothing."`
}

// Help is the example.
func (statementIssue) Help() string {
	return "Example:\n  qianfan ledger statement issue --platform jd --from 2026-11-01 --until 2026-12-01 --by li" + whereDatabase
}

// Run is the verb.
func (c statementIssue) Run(e *env) error {
	if err := checkPlatforms([]string{c.Platform}); err != nil {
		return err
	}
	order := store.StatementOrder{Platform: c.Platform, DryRun: c.DryRun}
	var err error
	if order.Until, err = businessDay("--until", c.Until); err != nil {
		return err
	}
	if c.From != "" {
		if order.From, err = businessDay("--from", c.From); err != nil {
			return err
		}
	}
	who, err := c.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		bar := e.progress("entries")
		order.Progress = func(n int) { bar.at(int64(n), 0) }
		st, err := o.IssueStatement(e.ctx, who, order, o.virtual)
		bar.end()
		if err != nil {
			return err
		}
		return e.show(map[string]any{"statement": st, "written": !c.DryRun}, func() {
			e.statementHead(st)
			if c.DryRun {
				e.say("nothing was written")
				return
			}
			e.say("issued as %d: its file and page with `qianfan ledger statement show %d --csv %s.csv --html %s.html`", st.ID, st.ID, st.Number(), st.Number())
		})
	})
}

func businessDay(flag, text string) (time.Time, error) {
	day, err := statement.ParseDay(text)
	if err != nil {
		return day, usage("%s %q: want a business day, as 2026-11-01", flag, text)
	}
	return day, nil
}

// days are the first and the last day of a statement.
func days(st statement.Statement) string {
	return statement.Day(st.From) + " – " + statement.Day(st.Until.Add(-time.Millisecond))
}

// statementHead prints what a statement comes to.
func (e *env) statementHead(st statement.Statement) {
	e.say("%s  %s  %s, %d lines", st.Number(), days(st), st.State, st.Lines)
	lines := [][]string{}
	for _, k := range statement.Kinds {
		chinese, english := k.Title()
		lines = append(lines, []string{chinese + " " + english, yuan(st.Earned.Of(k))})
	}
	if cut := st.Earned.Net() - st.Total; cut != 0 {
		lines = append(lines, []string{"rejected before this revision", yuan(-cut)})
	}
	lines = append(lines, []string{"合计 total", yuan(st.Total)}, []string{"驳回 rejected", yuan(st.Rejected)}, []string{"已付 paid", yuan(st.Paid)}, []string{"未结 open", yuan(st.Open())})
	e.table([]string{"KIND", "YUAN"}, lines)
}

type statementList struct {
	Platform string `help:"Of one platform only."`
	Limit    int    `default:"100" help:"How many, at most 10,000."`
}

// Help is the example.
func (statementList) Help() string {
	return "Example:\n  qianfan ledger statement list --platform jd" + whereDatabase
}

// Run is the verb.
func (c statementList) Run(e *env) error {
	if c.Platform != "" {
		if err := checkPlatforms([]string{c.Platform}); err != nil {
			return err
		}
	}
	return e.with(func(o *office) error {
		list, err := o.Statements(e.ctx, c.Platform, c.Limit)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"statements": list}, func() {
			e.table([]string{"ID", "NUMBER", "DAYS", "LINES", "TOTAL", "REJECTED", "PAID", "OPEN", "STATE"}, rows(list, func(st statement.Statement) []string {
				return []string{strconv.FormatInt(st.ID, 10), st.Number(), days(st), strconv.Itoa(st.Lines), yuan(st.Total), yuan(st.Rejected), yuan(st.Paid), yuan(st.Open()), string(st.State)}
			}))
		})
	})
}

type statementShow struct {
	ID   int64  `arg:"" help:"Of the statement."`
	CSV  string `name:"csv" placeholder:"FILE" help:"Write every line to this file; - is the standard output."`
	HTML string `name:"html" placeholder:"FILE" help:"Write the page to be printed to this file; - is the standard output."`
}

// Help is the example.
func (statementShow) Help() string {
	return "Examples:\n  qianfan ledger statement show 3\n  qianfan ledger statement show 3 --csv jd-0003.csv --html jd-0003.html\n\nA long statement has its days on the page and its lines in the CSV file only." + whereDatabase
}

// Run is the verb.
func (c statementShow) Run(e *env) error {
	if c.CSV == "-" && c.HTML == "-" {
		return usage("only one of --csv and --html can go to the standard output")
	}
	return e.with(func(o *office) error {
		st, err := o.Statement(e.ctx, c.ID)
		if err != nil {
			return err
		}
		for _, f := range []struct {
			path  string
			write func(io.Writer, statement.Statement, statement.Source) error
		}{{c.CSV, statement.WriteCSV}, {c.HTML, statement.WritePage}} {
			if f.path == "" {
				continue
			}
			if err := e.writeStatement(o, st, f.path, f.write); err != nil {
				return err
			}
		}
		if c.CSV == "-" || c.HTML == "-" {
			return nil
		}
		return c.tell(e, o, st)
	})
}

func (c statementShow) tell(e *env, o *office, st statement.Statement) error {
	steps, err := o.StatementSteps(e.ctx, st.ID)
	if err != nil {
		return err
	}
	items, err := o.Items(e.ctx, store.ItemFilter{Source: "statement", SourceID: st.ID, Limit: 10_000})
	if err != nil {
		return err
	}
	return e.show(map[string]any{"statement": st, "steps": steps, "items": items}, func() {
		e.statementHead(st)
		e.say("")
		e.section("STEPS", []string{"AT", "STEP", "YUAN", "ORDER", "KEY", "BY", "NOTE"}, rows(steps, func(x statement.Step) []string {
			return []string{moment(x.EventAt), x.Kind, yuan(x.Change.Net()), orderName(x.OrderID), x.Key, x.By, x.Note}
		}))
		e.section("REJECTED LINES", []string{"ITEM", "ORDER", "STATE", "SUSPENSE", "OWNER", "RESOLUTION"}, rows(items, func(i store.Item) []string {
			return []string{strconv.FormatInt(i.ID, 10), orderName(i.OrderID), i.State, yuan(i.Suspense), i.Owner, i.Resolution}
		}))
	})
}

func orderName(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// writeStatement writes a file that is there whole or not at all.
func (e *env) writeStatement(o *office, st statement.Statement, path string, write func(io.Writer, statement.Statement, statement.Source) error) (err error) {
	bar := e.progress("lines")
	defer bar.end()
	done := int64(0)
	source := func(each func(statement.Line) error) error {
		return o.StatementLines(e.ctx, st, func(l statement.Line) error {
			done++
			bar.at(done, int64(st.Lines))
			return each(l)
		})
	}
	if path == "-" {
		return write(e.out, st, source)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".statement-*")
	if err != nil {
		return fmt.Errorf("write the statement: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err = write(f, st, source); err != nil {
		return errors.Join(err, f.Close())
	}
	if err = errors.Join(f.Chmod(0o644), f.Close()); err != nil {
		return fmt.Errorf("write the statement: %w", err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write the statement: %w", err)
	}
	return nil
}

type statementCheck struct {
	Fast bool `help:"Compare sums only; do not add up the lines of each statement again."`
}

// Help is the example.
func (statementCheck) Help() string {
	return "Example:\n  qianfan ledger statement check\n\nOn each account of each platform, what statements have open and the lines that are on none yet must be the balance.\nExit code 3 when something differs." + whereDatabase
}

// Run is the verb.
func (c statementCheck) Run(e *env) error {
	return e.with(func(o *office) error {
		bar := e.progress("entries")
		check, err := o.CheckStatements(e.ctx, !c.Fast, func(n int) { bar.at(int64(n), 0) })
		bar.end()
		if err != nil {
			return err
		}
		err = e.show(check, func() {
			for _, g := range check.Gaps {
				e.say("gap  %s  %s", yuan(g.GapFen), g.Detail)
			}
			e.say("%d statements, %d accounts: %s open, %s on no statement yet, %d gaps", check.Statements, check.Accounts, yuan(check.Open), yuan(check.Unbilled), len(check.Gaps))
		})
		if len(check.Gaps) > 0 {
			return &exitError{exitViolated, errors.Join(err, errors.New("statements and ledger differ: see what was booked on the accounts that are named"))}
		}
		return err
	})
}
