package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// billCmd downloads the daily bill of a simulated carrier.
type billCmd struct {
	Carrier  string `arg:"" help:"A simulated carrier."`
	Day      string `placeholder:"2026-11-23" help:"Business day, Asia/Shanghai; without it the days that have a bill are listed."`
	Account  string `default:"main" help:"Prepaid account."`
	Mistakes string `placeholder:"KIND:SHARE,…" help:"Deliberate mistakes, as amount:0.01,duplicate:0.01 or all:0.01."`
	Seed     int64  `default:"1" help:"Of the mistakes."`
	Out      string `short:"o" placeholder:"FILE" help:"Where to; standard output when left out."`
}

// Help is the example.
func (billCmd) Help() string {
	return "The file is in the carrier's own form (docs/bills.md). The mistakes are in the file only; what they are is told on stderr, or with --json.\n\n" +
		"Examples:\n  qianfan bill uupt\n  qianfan bill uupt --day 2026-11-23 --mistakes all:0.01 --seed 7 -o uupt.csv"
}

// Run is the verb.
func (c billCmd) Run(e *env) error {
	switch {
	case c.Day == "" && c.Out+c.Mistakes != "":
		return usage("--day is missing: `qianfan bill %s` lists the days that have a bill", c.Carrier)
	case c.Day == "":
		return c.days(e)
	case e.json && c.Out == "":
		return usage("--json describes the bill: say where the file goes, as -o %s.csv", c.Carrier)
	}
	return c.download(e)
}

func (c billCmd) path() string { return "/api/carriers/" + url.PathEscape(c.Carrier) + "/bill" }

func (c billCmd) days(e *env) error {
	var raw json.RawMessage
	var list struct{ Days []string }
	if err := fetch(e, c.path()+"/days", url.Values{"account": {c.Account}}, &raw, &list); err != nil {
		return err
	}
	return e.show(raw, func() {
		for _, day := range list.Days {
			e.say("%s", day)
		}
		if len(list.Days) == 0 {
			e.say("%s has nothing to bill yet", c.Carrier)
		}
	})
}

// billTold is what the console says of a bill.
type billTold struct {
	Name     string          `json:"name"`
	SHA256   string          `json:"sha256"`
	Lines    int             `json:"lines"`
	Rows     int             `json:"rows"`
	NetFen   money.Fen       `json:"net_fen"`
	Mistakes []world.Mistake `json:"mistakes"`
	File     string          `json:"file,omitempty"`
}

func (c billCmd) download(e *env) error {
	q := url.Values{"day": {c.Day}, "account": {c.Account}, "seed": {strconv.FormatInt(c.Seed, 10)}}
	if c.Mistakes != "" {
		q.Set("mistakes", c.Mistakes)
	}
	file, err := e.api.file(e.ctx, c.path(), q)
	if err != nil {
		return err
	}
	var told billTold
	if err := e.api.get(e.ctx, c.path()+"/mistakes", q, &told); err != nil {
		return err
	}
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != told.SHA256 {
		return errors.New("an order ended while the bill was written: ask again, or stop the time with `qianfan clock freeze`")
	}
	if c.Out == "" {
		if _, err := e.out.Write(file); err != nil {
			return fmt.Errorf("write the bill: %w", err)
		}
		e.complain(told)
		return nil
	}
	if err := os.WriteFile(c.Out, file, 0o644); err != nil {
		return fmt.Errorf("write the bill: %w", err)
	}
	told.File = c.Out
	return e.show(told, func() {
		e.say("%s: %d lines, net %s, %d mistakes", c.Out, told.Lines, told.NetFen, len(told.Mistakes))
		e.complain(told)
	})
}

// complain lists the mistakes on stderr.
func (e *env) complain(told billTold) {
	for _, m := range told.Mistakes {
		where := "line " + strconv.Itoa(m.Line)
		if m.Line == 0 {
			where = "no line"
		}
		fmt.Fprintln(e.errs, strings.Join([]string{where, string(m.Kind), m.CarrierNo, string(m.Fee), m.Before.Yuan() + " → " + m.After.Yuan()}, "  "))
	}
}
