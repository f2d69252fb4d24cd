package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/billimport"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/store"
)

// ledgerReconcile compares a carrier's bill with the books and imports it.
type ledgerReconcile struct {
	File     string `arg:"" help:"The bill, in the carrier's own form."`
	Carrier  string `required:"" help:"Whose bill it is."`
	Account  string `default:"main" help:"Our name of the prepaid account."`
	Day      string `required:"" placeholder:"2026-11-23" help:"The business day that it bills, Asia/Shanghai."`
	Mapping  string `placeholder:"FILE" help:"The form of the file; the carrier's own by default (docs/bills.md)."`
	Owner    string `placeholder:"NAME" help:"Who has to settle what differs; whoever imports it by default."`
	Replaces string `placeholder:"BILL" help:"The bill of the day that this one takes the place of: its number, or the first 8 characters of its file's SHA-256 or more. Needs --note."`
	Note     string `help:"Why it is replaced: a ticket, what the carrier said."`
	signature
	DryRun   bool          `help:"Compare only; write nothing."`
	Window   time.Duration `default:"30m" help:"How far a line without any number may be from the booking that it is for."`
	Late     time.Duration `default:"2h" help:"What was booked this long before midnight may come with the next bill, and this long after it with the one before."`
	Favour   string        `default:"0" placeholder:"YUAN" help:"A difference up to this in our favour is not worth a question, in 元."`
	Figure   string        `default:"20" placeholder:"YUAN" help:"How much more than our estimate the carrier's own 违约金 may be without a question, in 元."`
	Limit    int           `default:"300000" help:"Refuse the file when more lines and bookings than this disagree."`
	Temp     string        `placeholder:"DIR" help:"Where temporary files go: about as much as the bill."`
	Progress bool          `help:"Tell how far it is also where the output is no terminal."`
}

// Help is the example.
func (ledgerReconcile) Help() string {
	return `Examples:
  qianfan ledger reconcile uupt.csv --carrier uupt --day 2026-11-23 --dry-run
  qianfan ledger reconcile uupt.csv --carrier uupt --account main --day 2026-11-23 --by wang
  qianfan ledger reconcile corrected.csv --carrier uupt --day 2026-11-23 --replaces 12 --note ticket-118 --dry-run

Every line ends matched, explained, disputed or in suspense; what differs becomes an item (qianfan ledger items). The file is imported
once, in one transaction: a file that is refused, and Ctrl-C, leave the books as they were.

A corrected file replaces the bill of its day, as long as nobody has settled anything of that: its items end as replaced, what it booked
is reversed by new entries, and the new bill is compared with the books as if the old one had never come.` + whereDatabase
}

// Run is the verb.
func (c ledgerReconcile) Run(e *env) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	job, err := c.job()
	if err != nil {
		return err
	}
	file, size, err := openBill(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	bar := &billBar{e: e, size: size, began: clock.System.Now(), on: c.Progress || isTerminal(e.errs)}
	job.Options.Progress = bar.tell
	return e.with(func(o *office) error {
		if err := o.knowsAccount(e, c.Carrier, c.Account); err != nil {
			return err
		}
		done, err := billimport.Run(e.ctx, o.Store, who, file, job, o.virtual)
		bar.end()
		if err != nil {
			return c.explain(err)
		}
		return e.show(done, func() { e.billReport(done, c.DryRun) })
	})
}

// knowsAccount refuses a prepaid account that was never filled: a bill for a misspelt one would be
// disputed line by line.
func (o *office) knowsAccount(e *env, carrier, account string) error {
	prepaids, err := o.Prepaids(e.ctx)
	if err != nil {
		return err
	}
	var known []string
	for _, p := range prepaids {
		if p.Carrier == carrier && p.Account == account {
			return nil
		}
		if p.Carrier == carrier {
			known = append(known, p.Account)
		}
	}
	return usage("%s has no prepaid account %q: there are %s (qianfan account list)", carrier, account, strings.Join(known, ", "))
}

func (c ledgerReconcile) job() (billimport.Job, error) {
	job := billimport.Job{Carrier: c.Carrier, Account: c.Account, Day: c.Day, Name: filepath.Base(c.File), Owner: c.Owner, DryRun: c.DryRun, Replaces: c.Replaces, Note: c.Note}
	if err := checkCarriers([]string{c.Carrier}); err != nil {
		return job, err
	}
	if _, err := time.Parse(time.DateOnly, c.Day); err != nil {
		return job, usage("--day %q: want a business day such as 2026-11-23", c.Day)
	}
	if (c.Replaces == "") != (strings.TrimSpace(c.Note) == "") {
		return job, usage("--replaces and --note: name the bill that is replaced, and say why")
	}
	favour, err := money.ParseYuan(c.Favour)
	if err != nil || favour < 0 {
		return job, usage("--favour %q: want an amount in 元, as 0.05", c.Favour)
	}
	if c.Window < 0 || c.Late < 0 || c.Limit < 1 {
		return job, usage("--window, --late and --limit: want nothing below zero, and a limit")
	}
	figure, err := money.ParseYuan(c.Figure)
	if err != nil || figure <= 0 {
		return job, usage("--figure %q: want an amount in 元, as 20", c.Figure)
	}
	job.Options = reconcile.Options{Dir: c.Temp, Limit: c.Limit, Window: c.Window, Late: c.Late, Favour: favour, Figure: figure}
	job.Mapping, err = c.mapping()
	return job, err
}

func (c ledgerReconcile) mapping() (bill.Mapping, error) {
	if c.Mapping == "" {
		return bill.Default(c.Carrier)
	}
	raw, err := readFile(c.Mapping)
	if err != nil {
		return bill.Mapping{}, err
	}
	m, err := bill.Parse(raw)
	if err != nil {
		return m, fmt.Errorf("%s: %w", c.Mapping, err)
	}
	return m, nil
}

// explain says what a refusal means for the books.
func (c ledgerReconcile) explain(err error) error {
	var file *bill.FileError
	switch {
	case errors.As(err, &file):
		return fmt.Errorf("%s: %w; the books are as they were", c.File, err)
	case errors.Is(err, store.ErrBillKnown), errors.Is(err, store.ErrBillSettled), errors.Is(err, reconcile.ErrTooMany):
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return err
}

// openBill opens a bill and tells its size.
func openBill(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read the bill: %w", err)
	}
	at, err := f.Stat()
	if err == nil && !at.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", path)
	}
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("read the bill: %w", err), f.Close())
	}
	return f, at.Size(), nil
}

// shown is how many findings people get at once; machines get all.
const shown = 50

func (e *env) billReport(r billimport.Result, dry bool) {
	list := r.Findings[:min(shown, len(r.Findings))]
	e.table([]string{"LINE", "OUTCOME", "WHY", "WAYBILL", "ORDER", "THEIRS", "OURS", "IN QUESTION", "NOTE"}, rows(list, func(f reconcile.Finding) []string {
		no := "-"
		if f.Line.No > 0 {
			no = strconv.Itoa(f.Line.No)
		}
		return []string{no, string(f.Outcome), string(f.Why), f.Line.CarrierNo, attemptName(f.Order, f.N), yuan(f.Theirs), yuan(f.Ours), yuan(f.Diff), f.Note}
	}))
	if more := len(r.Findings) - len(list); more > 0 {
		e.say("… and %d more: --json has all of them", more)
	}
	e.say("%d lines: %d matched, %d explained, %d disputed, %d in suspense; %d bookings, of which the bill lacks %d", r.Lines, r.Outcomes[reconcile.Matched], r.Outcomes[reconcile.Explained],
		r.Outcomes[reconcile.Disputed], r.Outcomes[reconcile.Suspense], r.Bookings, r.Missing[reconcile.Suspense]+r.Missing[reconcile.Explained])
	e.say("the bill takes %s, we booked %s", r.Net, r.Booked)
	if w := r.Replaces; w != nil {
		e.say("it replaces bill %d (%s): %d of that one's items end, %s leaves suspense; %d figures of the carrier's own are taken back, %s; %d items that it had answered are open again, unless this bill answers them",
			w.Bill.ID, w.Bill.Name, w.Closed, w.Suspense, w.Figures, w.Cost, w.Again)
	}
	if dry {
		e.say("nothing was written")
		return
	}
	if r.Outcomes[reconcile.Disputed]+r.Outcomes[reconcile.Suspense]+r.Missing[reconcile.Suspense] == 0 {
		e.say("bill %d is imported: nothing of it is to be settled", r.Bill.ID)
		return
	}
	e.say("bill %d is imported: `qianfan ledger items --bill %d` lists what is to be settled", r.Bill.ID, r.Bill.ID)
}

// attemptName is an attempt for people.
func attemptName(id int64, n int) string {
	switch {
	case id == 0:
		return ""
	case n == 0:
		return strconv.FormatInt(id, 10)
	}
	return fmt.Sprintf("%d/%d", id, n)
}

// isTerminal reports whether somebody watches.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	at, err := f.Stat()
	return err == nil && at.Mode()&os.ModeCharDevice != 0
}

// billBar shows how far an import is: one line on stderr, written over.
type billBar struct {
	e     *env
	on    bool
	size  int64
	began time.Time
	last  time.Time
	wrote bool
}

const barEvery = 200 * time.Millisecond

func (b *billBar) tell(p reconcile.Progress) {
	now := clock.System.Now()
	if !b.on || now.Sub(b.last) < barEvery {
		return
	}
	b.last, b.wrote = now, true
	_, _ = fmt.Fprintf(b.e.errs, "\r%s  ", b.line(p, now.Sub(b.began)))
}

func (b *billBar) line(p reconcile.Progress, took time.Duration) string {
	rate := int64(0)
	if ms := took.Milliseconds(); ms > 0 {
		rate = int64(p.Lines) * 1000 / ms
	}
	percent := int64(100)
	if b.size > 0 {
		percent = min(100, p.Bytes*100/b.size)
	}
	text := fmt.Sprintf("%-9s %3d%% of the file  %d lines  %d lines/s  %d bookings", p.Phase, percent, p.Lines, rate, p.Bookings)
	if p.Part > 0 {
		text += fmt.Sprintf("  part %d of %d", p.Part, p.Parts)
	}
	return text
}

func (b *billBar) end() {
	if b.wrote {
		_, _ = fmt.Fprintln(b.e.errs)
	}
}
