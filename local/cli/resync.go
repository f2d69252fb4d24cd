package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/resync"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
)

// resyncCmd rebuilds what a restore of the database lost.
type resyncCmd struct {
	Since   time.Time `required:"" format:"2006-01-02T15:04:05Z07:00" placeholder:"2026-11-23T12:00:00+08:00" help:"The moment to which the database was restored."`
	Bill    []string  `sep:"none" placeholder:"FILE" help:"A carrier's bill since then. Give --carrier, --account and --day as often, in the same order."`
	Carrier []string  `sep:"none" placeholder:"NAME" help:"Whose bill it is."`
	Account []string  `sep:"none" placeholder:"NAME" help:"Our name of the prepaid account that it bills; main where none is given."`
	Day     []string  `sep:"none" placeholder:"2026-11-23" help:"The business day that it bills, Asia/Shanghai."`
	Rounds  int       `default:"3" help:"Look for an order's placements until so many quote rounds had none."`
	Without []string  `placeholder:"NAME" help:"Carriers that cannot be asked, with commas: everything is decided without them, and what they carry may be placed again."`
	DryRun  bool      `help:"Ask and compare only; write nothing."`
}

// Help is the example.
func (resyncCmd) Help() string {
	return `Examples:
  qianfan resync --since 2026-11-23T12:00:00+08:00 --dry-run
  qianfan resync --since 2026-11-23T12:00:00+08:00
  qianfan resync --since 2026-11-23T12:00:00+08:00 --bill uupt.csv --carrier uupt --day 2026-11-23 --bill dada.csv --carrier dada --day 2026-11-23

Stop the functions first, restore, migrate; start them when it says that everything was answered (docs/resync.md). Each carrier is asked
by our numbers about every order that was open then. What it knows and the database does not is planted, what the database has is asked
again, and at the end it says what nobody can know. Running it again is harmless. As long as somebody has not answered about an order, or the
settings of an account that holds money are missing, nothing is given up of it, and the exit code is not 0: --without leaves such a carrier out.

QIANFAN_MYSQL_DSN, QIANFAN_DATA_KEY and the carriers' settings (QIANFAN_UUPT, …) are those of the functions; without the first, all are
the running emulator's.`
}

// Run is the verb.
func (c resyncCmd) Run(e *env) error {
	if c.Rounds < 1 {
		return usage("--rounds: want at least 1")
	}
	if err := checkCarriers(c.Without); err != nil {
		return err
	}
	bills, closeBills, err := c.bills()
	if err != nil {
		return err
	}
	defer closeBills()
	d, err := e.openRepair()
	if err != nil {
		return err
	}
	defer func() { _ = d.Store.Close() }()
	if c.Since.After(d.Clock.Virtual()) {
		return usage("--since %s is still to come", c.Since.Format(time.RFC3339))
	}
	bar := e.progress("orders")
	d.Progress = func(what string, done, total int) { bar.what = what; bar.at(int64(done), int64(total)) }
	res, err := resync.Run(e.ctx, d, resync.Job{Since: c.Since, Bills: bills, Rounds: c.Rounds, DryRun: c.DryRun, Without: c.Without})
	bar.end()
	if err != nil {
		return fmt.Errorf("resync: %w; what was planted stays, run it again", err)
	}
	if err := e.show(res, func() { e.resyncReport(res) }); err != nil {
		return err
	}
	if n := len(res.Failed); n > 0 {
		return fmt.Errorf("nobody answered about %d numbers: run it again before the functions start, with the settings of every account, or --without a carrier that is away for long", n)
	}
	return nil
}

// bills opens the files and says whose they are.
func (c resyncCmd) bills() (bills []resync.Bill, closeAll func(), err error) {
	var files []io.Closer
	closeAll = func() {
		for _, f := range files {
			_ = f.Close() // only read
		}
	}
	if len(c.Carrier) != len(c.Bill) || len(c.Day) != len(c.Bill) || len(c.Account) > 0 && len(c.Account) != len(c.Bill) {
		return nil, closeAll, usage("%d times --bill, %d times --carrier, %d times --account, %d times --day: give them equally often, --account or not at all",
			len(c.Bill), len(c.Carrier), len(c.Account), len(c.Day))
	}
	if err := checkCarriers(c.Carrier); err != nil {
		return nil, closeAll, err
	}
	for i, path := range c.Bill {
		b := resync.Bill{Carrier: c.Carrier[i], Account: "main", Day: c.Day[i], Name: path}
		if len(c.Account) > 0 {
			b.Account = c.Account[i]
		}
		if _, err = time.Parse(time.DateOnly, b.Day); err != nil {
			err = usage("--day %q: want a business day such as 2026-11-23", b.Day)
		}
		if err == nil {
			b.Mapping, err = bill.Default(b.Carrier)
		}
		if err == nil {
			f, _, failed := openBill(path)
			if err = failed; err == nil {
				b.File, files = f, append(files, f)
			}
		}
		if err != nil {
			closeAll()
			return nil, func() {}, err
		}
		bills = append(bills, b)
	}
	return bills, closeAll, nil
}

// openRepair finds what verbs work with that ask carriers: as a function would, by the settings of this shell or those of the running emulator.
func (e *env) openRepair() (resync.Deps, error) {
	look, d := e.look, resync.Deps{Clock: clock.Real()}
	dsn, _ := e.look(function.EnvMySQLDSN)
	if dsn == "" {
		var at struct {
			DSN     string            `json:"dsn"`
			Virtual time.Time         `json:"virtual"`
			Env     map[string]string `json:"env"`
		}
		if err := e.api.get(e.ctx, "/api/database", nil, &at); err != nil {
			return d, fmt.Errorf("%s is not set, and %w", function.EnvMySQLDSN, err)
		}
		look = func(name string) (string, bool) { v, ok := at.Env[name]; return v, ok }
		dsn, d.Clock = at.DSN, told{at.Virtual}
	}
	own := function.NewEnv(look)
	key := own.Key(function.EnvDataKey, 32)
	if err := own.Err(); err != nil {
		return d, err
	}
	var err error
	if d.Store, err = store.Open(store.Options{DSN: dsn, Key: key, MaxConns: 8}); err != nil {
		return d, err
	}
	d.Carriers, err = askable(look, d.Store)
	if err != nil {
		return d, errors.Join(err, d.Store.Close())
	}
	return d, nil
}

// askable are the carriers that the settings name, each account by its own keys. Two operators
// at once get no token twice: each has a name of its own in the vault.
func askable(look func(string) (string, bool), s *store.Store) (carrier.Set, error) {
	set, err := carriers.FromEnv(func(name string) string { v, _ := look(name); return v },
		settings.Deps{HTTP: stage.HTTP(), System: clock.System.Now, Vault: s.Vault("operator-"+rand.Text(), clock.System.Now)})
	if err == nil && len(set) == 0 {
		err = errors.New("no carrier can be asked: set QIANFAN_UUPT and the others as the functions have them")
	}
	return set, err
}

// told is virtual time as the emulator told it when the verb began.
type told struct{ virtual time.Time }

func (told) System() time.Time    { return clock.System.Now() }
func (t told) Virtual() time.Time { return t.virtual }

func (e *env) resyncReport(r resync.Result) {
	if r.PlantedCount > 0 {
		e.table([]string{"ORDER", "CARRIER", "ACCOUNT", "WAYBILL", "STATE", "CHARGED", "违约金"}, rows(r.Planted[:min(shown, len(r.Planted))], func(p resync.Planted) []string {
			return []string{attemptName(p.Order, p.N), p.Carrier, p.Account, p.CarrierNo, string(p.State), stated(p.Charged), stated(p.Penalty)}
		}))
	}
	e.say("%d orders looked at, %d queries: %d attempts planted, %d asked again", r.Orders, r.Asked, r.PlantedCount, r.Told)
	e.more("waybills of ours that their carriers do not know", r.Gone)
	if r.Lines+r.UnreadLines > 0 {
		e.say("%d lines of bills, of which %d belong to nothing that we have", r.Lines+r.UnreadLines, r.StrayLines)
	}
	e.more("lines of nothing", rows(r.Strays, func(s resync.Stray) []string {
		return []string{fmt.Sprintf("%s line %d, %s %s of %s: %s", s.Bill, s.Line, s.Kind, s.Amount, s.CarrierNo, s.Why)}
	})...)
	e.more("orders that are not in the database", rows(r.LostOrders, func(o resync.LostOrder) []string {
		return []string{strconv.FormatInt(o.ID, 10) + ", accepted " + o.Minted.Format(time.RFC3339)}
	})...)
	e.more("numbers about which nobody answered", r.Failed)
	e.say("\nIt could not know:")
	for _, what := range r.CouldNotKnow {
		e.say("  - %s", what)
	}
	if r.DryRun {
		e.say("\nnothing was written")
		return
	}
	e.say("\nWithin two minutes of their start the functions go on with these orders. Then reconcile the bills, and `qianfan ledger verify`.")
}

// more lists what there is of something, or nothing.
func (e *env) more(what string, lists ...[]string) {
	var list []string
	for _, l := range lists {
		list = append(list, l...)
	}
	if len(list) == 0 {
		return
	}
	e.say("%s: %d", what, len(list))
	e.say("  %s", strings.Join(list[:min(shown, len(list))], "\n  "))
}

// stated is an amount that a carrier may have told.
func stated(f *money.Fen) string {
	if f == nil {
		return "-"
	}
	return yuan(*f)
}
