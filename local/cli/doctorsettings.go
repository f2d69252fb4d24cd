package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// desktop is what people have set in a database, as far as orders need it.
type desktop struct {
	strategies []strategy.Strategy
	prepaids   []store.Prepaid
	rules      []carrier.AccountRule
	shops      []store.Shop // one, if there is any
	off        []store.Switch
}

// checkSettings looks at what people have set in the database of QIANFAN_MYSQL_DSN: without
// strategies, shops and prepaid accounts a system that runs takes or carries no order. What is not
// right yet is a note: `qianfan provision` and the desk's verbs mend it while functions run.
func checkSettings(e *env) []finding {
	dsn, ok := e.look(function.EnvMySQLDSN)
	if !ok || dsn == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(e.ctx, reach)
	defer cancel()
	d, err := readDesktop(ctx, dsn)
	if err != nil {
		return []finding{{Check: "settings", State: problem, Detail: err.Error(), Remedy: remedyFor(err, "MySQL")}}
	}
	if all := d.findings(); len(all) > 0 {
		return all
	}
	return []finding{{Check: "settings", State: fine, Detail: fmt.Sprintf("%d strategies, %d prepaid accounts, nothing missing", len(d.strategies), len(d.prepaids))}}
}

func readDesktop(ctx context.Context, dsn string) (desktop, error) {
	var d desktop
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32), MaxConns: 1}) // nothing sealed is read
	if err != nil {
		return d, err
	}
	defer func() { _ = db.Close() }()
	for _, read := range []func() error{
		func() (err error) { d.strategies, err = db.Strategies(ctx); return err },
		func() (err error) { d.prepaids, err = db.Prepaids(ctx); return err },
		func() (err error) { d.rules, err = db.Accounts(ctx); return err },
		func() (err error) { d.shops, err = db.ListShops(ctx, store.ShopFilter{Limit: 1}); return err },
		func() (err error) { d.off, err = db.SwitchedOff(ctx); return err },
	} {
		if err := read(); err != nil {
			return d, err
		}
	}
	return d, nil
}

// findings are what keeps orders from being taken or carried.
func (d desktop) findings() []finding {
	var all []finding
	add := func(check, remedy, format string, args ...any) {
		all = append(all, finding{Check: check, State: note, Detail: fmt.Sprintf(format, args...), Remedy: remedy})
	}
	if len(d.strategies) == 0 {
		add("strategies", "`qianfan strategy set` or `qianfan provision`", "there is none: every order is refused")
	}
	if len(d.shops) == 0 {
		add("shops", "`qianfan shop import` or `qianfan provision`", "there is none: every order is refused")
	}
	if lacking := d.lacking(); len(lacking) > 0 {
		add("strategies", "`qianfan account deposit`, or another strategy", "without any money left, and so without an order: %s", strings.Join(lacking, ", "))
	}
	if lost := d.unpaid(); len(lost) > 0 {
		add("accounts", "`qianfan account deposit`, or `qianfan account off`", "serve orders without any money left: %s", strings.Join(lost, ", "))
	}
	for _, p := range d.prepaids {
		if p.Alarm != "" && !p.UsedUp() {
			add("accounts", "`qianfan account deposit "+p.Carrier+" "+p.Account+" …`", "%s/%s needs money: %s", p.Carrier, p.Account, p.Alarm)
		}
	}
	for _, p := range d.carriers() {
		if w := warnings(p, d.rules, d.prepaids); w != "" && slices.ContainsFunc(d.rules, func(r carrier.AccountRule) bool { return r.Carrier == p }) {
			add("accounts", "`qianfan account list` shows them", "%s", w)
		}
	}
	for _, x := range d.off {
		add("switches", "`qianfan switch on "+strings.ReplaceAll(x.Kind, "_", "-")+" "+x.Subject+"` when that is over", "%s %s is off since %s: %s (by %s)", x.Kind, x.Subject, x.At.UTC().Format(time.RFC3339), x.Reason, x.By)
	}
	return all
}

// carriers are those with a prepaid account.
func (d desktop) carriers() []string {
	var names []string
	for _, p := range d.prepaids {
		if !slices.Contains(names, p.Carrier) {
			names = append(names, p.Carrier)
		}
	}
	return names
}

// lacking are the carriers that strategies name and that have no money left in any account.
func (d desktop) lacking() []string {
	var names []string
	for _, x := range d.strategies {
		for _, name := range x.Carriers {
			paid := slices.ContainsFunc(d.prepaids, func(p store.Prepaid) bool { return p.Carrier == name && !p.UsedUp() })
			if text := name + " of " + x.Name; !paid && !slices.Contains(names, text) {
				names = append(names, text)
			}
		}
	}
	return names
}

// unpaid are the accounts that are to serve orders and have no money left.
func (d desktop) unpaid() []string {
	var names []string
	for _, r := range d.rules {
		paid := slices.ContainsFunc(d.prepaids, func(p store.Prepaid) bool {
			return p.Carrier == r.Carrier && p.Account == r.Account && !p.UsedUp()
		})
		if r.Active && !paid {
			names = append(names, r.Carrier+"/"+r.Account)
		}
	}
	return names
}
