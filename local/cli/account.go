package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// accountCmd looks at prepaid accounts with carriers and says which orders they serve.
type accountCmd struct {
	List    accountList    `cmd:"" default:"1" help:"Prepaid accounts: what is free, and which orders they serve."`
	Add     accountAdd     `cmd:"" help:"Let an account serve every order of its carrier that no other one serves more closely."`
	Route   accountRoute   `cmd:"" help:"Let an account serve certain platforms, cities or shops."`
	Off     accountOff     `cmd:"" help:"Let an account serve nothing new."`
	Limit   accountLimit   `cmd:"" help:"Keep an account within the calls a second that its carrier allows."`
	Floor   accountFloor   `cmd:"" help:"Keep money in an account that no order may take."`
	Alarm   accountAlarm   `cmd:"" help:"Say when people are to be told that an account needs money."`
	Deposit accountDeposit `cmd:"" help:"Book money that was transferred to a carrier."`
}

// Help is the example.
func (accountCmd) Help() string {
	return "Examples:\n  qianfan account list\n  qianfan account route uupt hangzhou --city 330100\n  qianfan account deposit uupt main 50000 --key transfer-2026-0012" + whereDatabase
}

// accountRow is one account as it is listed.
type accountRow struct {
	Carrier string               `json:"carrier"`
	Account string               `json:"account"`
	FreeFen money.Fen            `json:"free_fen"` // above the floor
	Floor   money.Fen            `json:"floor_fen"`
	HeldFen money.Fen            `json:"held_fen"`                 // promised to the carrier, as far as settle has posted it
	Transit money.Fen            `json:"in_transit_fen,omitempty"` // sent, not seen yet
	Runway  *int                 `json:"runway_minutes,omitempty"` // how long it lasts at the present pace; nil = unknown
	UsedUp  bool                 `json:"used_up"`                  // nothing is asked of it before money comes
	Alarm   string               `json:"alarm,omitempty"`          // why it is low, as of the last minute
	Shards  int                  `json:"shards"`
	Rule    *carrier.AccountRule `json:"rule,omitempty"` // nil = none; a carrier without any uses its first configured account
}

// rowOf is an account with money.
func rowOf(p store.Prepaid, balances map[string]money.Fen) accountRow {
	row := accountRow{Carrier: p.Carrier, Account: p.Account, FreeFen: p.Free, Floor: p.Floor, UsedUp: p.UsedUp(), Alarm: p.Alarm, Shards: p.Shards,
		HeldFen: balances[ledger.Held(p.Carrier, p.Account)], Transit: balances[ledger.Clearing(p.Carrier, p.Account)]}
	if lasts, known := p.Runway(); known {
		minutes := int(lasts.Minutes())
		row.Runway = &minutes
	}
	return row
}

func (o *office) accounts(e *env) ([]accountRow, error) {
	prepaids, err := o.Prepaids(e.ctx)
	if err != nil {
		return nil, err
	}
	rules, err := o.Accounts(e.ctx)
	if err != nil {
		return nil, err
	}
	list, err := o.Balances(e.ctx)
	if err != nil {
		return nil, err
	}
	balances := map[string]money.Fen{}
	for _, b := range list {
		balances[b.Account] = b.BalanceFen
	}
	out := []accountRow{}
	for _, p := range prepaids {
		out = append(out, rowOf(p, balances))
	}
	for i, r := range rules {
		at := slices.IndexFunc(out, func(x accountRow) bool { return x.Carrier == r.Carrier && x.Account == r.Account })
		if at < 0 {
			at = len(out)
			out = append(out, accountRow{Carrier: r.Carrier, Account: r.Account})
		}
		out[at].Rule = &rules[i]
	}
	slices.SortFunc(out, func(a, b accountRow) int {
		return strings.Compare(a.Carrier+"/"+a.Account, b.Carrier+"/"+b.Account)
	})
	return out, nil
}

type accountList struct{}

// Help is the example.
func (accountList) Help() string { return "Example:\n  qianfan account list" + whereDatabase }

// Run is the verb.
func (accountList) Run(e *env) error {
	return e.with(func(o *office) error {
		all, err := o.accounts(e)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"accounts": all}, func() {
			e.table([]string{"CARRIER", "ACCOUNT", "FREE", "FLOOR", "HELD", "LASTS", "SHARDS", "SERVES", "WEIGHT", "PER SECOND", "ALARM"}, rows(all, accountRow.columns))
		})
	})
}

func (x accountRow) columns() []string {
	serves, weight, limit := "by default", "", ""
	if x.Rule != nil {
		serves, weight = served(x.Rule.Match), strconv.Itoa(x.Rule.Weight)
		if x.Rule.PerSecond > 0 {
			limit = strconv.Itoa(x.Rule.PerSecond)
		}
		if !x.Rule.Active {
			serves = "nothing (off)"
		}
	}
	return []string{x.Carrier, x.Account, yuan(x.FreeFen), yuan(x.Floor), yuan(x.HeldFen), x.lasts(), strconv.Itoa(x.Shards), serves, weight, limit, x.Alarm}
}

// lasts is how long the money lasts: "used up", "40m", "" where nobody knows.
func (x accountRow) lasts() string {
	switch {
	case x.UsedUp:
		return "used up"
	case x.Runway == nil:
		return ""
	case *x.Runway >= 48*60:
		return fmt.Sprintf("%d days", *x.Runway/(24*60))
	}
	return strings.TrimSuffix((time.Duration(*x.Runway) * time.Minute).String(), "0s")
}

func served(m carrier.AccountMatch) string {
	var parts []string
	for _, p := range []struct {
		what string
		list []string
	}{{"shop", m.Shop}, {"city", m.City}, {"platform", m.Platform}} {
		if len(p.list) > 0 {
			parts = append(parts, p.what+" "+strings.Join(p.list, ","))
		}
	}
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, "; ")
}

// accountEdit is a change of one account's rule.
type accountEdit struct {
	Carrier string `arg:"" help:"The carrier."`
	Account string `arg:"" help:"Our name of the account, as in the carrier's settings."`
	signature
	DryRun bool `help:"Only check it; write nothing."`
}

// ruled is what a verb made of an account's rule.
type ruled struct {
	carrier.AccountRule
	Changed bool   `json:"changed"`
	Written bool   `json:"written"`
	Warning string `json:"warning,omitempty"`
}

// change sets the rule that edit makes of the present one, or of a new one.
func (c accountEdit) change(e *env, verb string, edit func(*carrier.AccountRule)) error {
	if err := checkCarriers([]string{c.Carrier}); err != nil {
		return err
	}
	who, err := c.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		rules, err := o.Accounts(e.ctx)
		if err != nil {
			return err
		}
		prepaids, err := o.Prepaids(e.ctx)
		if err != nil {
			return err
		}
		rule := carrier.AccountRule{Carrier: c.Carrier, Account: c.Account, Weight: 1, Active: true}
		if i := slices.IndexFunc(rules, func(r carrier.AccountRule) bool { return r.Carrier == c.Carrier && r.Account == c.Account }); i >= 0 {
			rule = rules[i]
			rules = slices.Delete(rules, i, i+1)
		}
		edit(&rule)
		if err := rule.Check(); err != nil {
			return usage("%w", err)
		}
		done := ruled{AccountRule: rule, Written: !c.DryRun, Warning: warnings(c.Carrier, append(rules, rule), prepaids)}
		if !c.DryRun {
			if done.Changed, err = o.SaveAccount(e.ctx, rule, verb, who.By, who.At); err != nil {
				return err
			}
		}
		return e.show(done, func() { done.print(e) })
	})
}

// warnings are what people may not expect of a carrier's rules.
func warnings(name string, rules []carrier.AccountRule, prepaids []store.Prepaid) string {
	var all []string
	for _, w := range []string{outOf(name, rules), idle(name, rules, prepaids)} {
		if w != "" {
			all = append(all, w)
		}
	}
	return strings.Join(all, "; ")
}

// idle warns of prepaid accounts that serve nothing because a carrier's other accounts have
// rules: the first rule of a carrier ends the time when its first account served everything.
func idle(name string, rules []carrier.AccountRule, prepaids []store.Prepaid) string {
	var unruled []string
	for _, p := range prepaids {
		has := slices.ContainsFunc(rules, func(r carrier.AccountRule) bool { return r.Carrier == name && r.Account == p.Account })
		if p.Carrier == name && !has {
			unruled = append(unruled, name+"/"+p.Account)
		}
	}
	if len(unruled) == 0 {
		return ""
	}
	return strings.Join(unruled, ", ") + " has money but no rule, and serves nothing beside accounts that have one: `qianfan account add`"
}

// outOf warns when no account of a carrier would serve the orders that nothing matches.
func outOf(name string, rules []carrier.AccountRule) string {
	active, forAll := false, false
	for _, r := range rules {
		if r.Carrier == name && r.Active {
			active = true
			forAll = forAll || served(r.Match) == "all"
		}
	}
	switch {
	case !active:
		return name + " has no account that is on: it gets no order"
	case !forAll:
		return "orders that no account of " + name + " matches do not go there: `qianfan account add` lets one serve all others"
	}
	return ""
}

func (r ruled) print(e *env) {
	serves := served(r.Match)
	if !r.Active {
		serves = "nothing new"
	}
	text := fmt.Sprintf("%s/%s serves %s, weight %d", r.Carrier, r.Account, serves, r.Weight)
	text += r.limits()
	switch {
	case !r.Written:
		text += "; nothing was written"
	case !r.Changed:
		text += ", as before"
	default:
		text += ", live within five seconds"
	}
	e.say("%s", text)
	if r.Warning != "" {
		e.say("note: %s", r.Warning)
	}
}

// limits are an account's settings beside what it serves.
func (r ruled) limits() (text string) {
	if r.PerSecond > 0 {
		text += fmt.Sprintf(", %d a second", r.PerSecond)
	}
	if r.Floor > 0 {
		text += fmt.Sprintf(", never below %s", r.Floor)
	}
	if r.AlarmBelow > 0 {
		text += fmt.Sprintf(", alarm below %s", r.AlarmBelow)
	}
	switch {
	case r.AlarmMinutes == carrier.NoRunway:
		text += ", no alarm by how long it lasts"
	case r.AlarmMinutes > 0:
		text += fmt.Sprintf(", alarm when it lasts less than %d minutes", r.AlarmMinutes)
	}
	return text
}

type accountAdd struct {
	accountEdit
	Weight int `default:"1" help:"Its share among accounts that match as closely."`
}

// Help is the example.
func (accountAdd) Help() string {
	return "Example:\n  qianfan account add uupt second --weight 2 --by li\n\nIts credentials are in the carrier's settings (QIANFAN_UUPT, an array of accounts); its money comes with account deposit." + whereDatabase
}

// Run is the verb.
func (c accountAdd) Run(e *env) error {
	return c.change(e, "account add", func(r *carrier.AccountRule) {
		r.Match, r.Weight, r.Active = carrier.AccountMatch{}, c.Weight, true
	})
}

type accountRoute struct {
	accountEdit
	Platform []string `help:"Platforms, with commas."`
	City     []string `help:"Cities by their codes, with commas."`
	Shop     []string `help:"Shops by the platforms' codes, with commas."`
	Weight   int      `default:"1" help:"Its share among accounts that match as closely."`
}

// Help is the example.
func (accountRoute) Help() string {
	return "Example:\n  qianfan account route uupt hangzhou --city 330100 --platform meituan,jd --by li\n\nThe closest match wins: shop, city and platform, city, platform, all." + whereDatabase
}

// Run is the verb.
func (c accountRoute) Run(e *env) error {
	if len(c.Platform)+len(c.City)+len(c.Shop) == 0 {
		return usage("say which orders, with --platform, --city or --shop; `qianfan account add` takes all")
	}
	if err := checkPlatforms(c.Platform); err != nil {
		return err
	}
	return c.change(e, "account route", func(r *carrier.AccountRule) {
		r.Match = carrier.AccountMatch{Platform: c.Platform, City: c.City, Shop: c.Shop}
		r.Weight, r.Active = c.Weight, true
	})
}

type accountOff struct{ accountEdit }

// Help is the example.
func (accountOff) Help() string {
	return "Example:\n  qianfan account off uupt second --by li\n\nWhat it carries goes on." + whereDatabase
}

// Run is the verb.
func (c accountOff) Run(e *env) error {
	return c.change(e, "account off", func(r *carrier.AccountRule) { r.Active = false })
}

type accountLimit struct {
	accountEdit
	PerSecond int `arg:"" help:"Prices and placements a second, all instances together; 0 = no limit."`
}

// Help is the example.
func (accountLimit) Help() string {
	return "Example:\n  qianfan account limit shansong main 50 --by li\n\nWhat is over the limit goes to the other carriers. Cancels and queries are never held back." + whereDatabase
}

// Run is the verb.
func (c accountLimit) Run(e *env) error {
	return c.change(e, "account limit", func(r *carrier.AccountRule) { r.PerSecond = c.PerSecond })
}
