// Package billimport takes a carrier's bill through all of it: reading, comparing with the books,
// and booking what differs. The operators' verb, the simulated day and the benchmark share it.
package billimport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/store"
)

// Job is one file to import.
type Job struct {
	Carrier string // uupt
	Account string // our name of the prepaid account
	Day     string // "2026-11-23", Asia/Shanghai
	Name    string // of the file, for people
	Owner   string // who has to settle what it brings up; empty = whoever imports it
	Mapping bill.Mapping
	DryRun  bool // compare, and write nothing
	// Replaces names the bill of the day that this one takes the place of, by its number or its file's
	// SHA-256; empty = the day has none yet. Note says why.
	Replaces string
	Note     string
	Options  reconcile.Options // Day is taken from above
}

// Result is what came of it.
type Result struct {
	reconcile.Report
	SHA256 string      `json:"sha256"` // of the file
	Rows   int         `json:"rows"`   // as the footer counts them
	Bill   *store.Bill `json:"bill"`   // nil after a dry run
	// Replaces is what goes with the bill that is replaced; nil = none is.
	Replaces *store.Withdrawal `json:"replaces,omitempty"`
}

// Run imports a bill. Nothing is written unless all of it is: not after an error, among them a
// *bill.FileError, ErrDayOpen, store.ErrBillKnown, store.ErrBillSettled, store.ErrBooksMove and reconcile.ErrTooMany, nor when ctx
// ends; after store.ErrAmbiguous nobody knows, and it is safe to run it again. now is virtual.
func Run(ctx context.Context, s *store.Store, who store.Act, file io.Reader, job Job, now time.Time) (Result, error) {
	if who.By == "" {
		return Result{}, store.ErrNobody
	}
	if err := over(job.Day, now); err != nil && !job.DryRun {
		return Result{}, err
	}
	replaced, old, err := replaces(ctx, s, job)
	if err != nil {
		return Result{}, err
	}
	if err := s.CheckBill(ctx, job.Carrier, job.Account, job.Day, "", old); err != nil {
		return Result{}, err
	}
	out, books, err := compare(ctx, s, file, job, old)
	if err != nil {
		return Result{}, err
	}
	out.Replaces = replaced
	if err := s.CheckBill(ctx, job.Carrier, job.Account, job.Day, out.SHA256, old); err != nil || job.DryRun {
		return out, err
	}
	b, err := s.ImportBill(ctx, who, store.BillFile{Carrier: job.Carrier, Account: job.Account, Day: job.Day, SHA256: out.SHA256, Name: job.Name, Owner: cmp.Or(job.Owner, who.By),
		Imported: books.Imported(), Replaces: old, Note: job.Note, Report: out.Report}, now)
	switch {
	case errors.Is(err, store.ErrAmbiguous):
		return out, fmt.Errorf("the bill may be imported, or not: run it again, it comes once; `qianfan ledger bills` shows it: %w", err)
	case err != nil:
		return out, fmt.Errorf("nothing was written: %w", err)
	}
	out.Bill = &b
	return out, nil
}

// replaces finds the bill that is to be replaced, and its number; 0 = none is.
func replaces(ctx context.Context, s *store.Store, job Job) (*store.Withdrawal, int64, error) {
	if job.Replaces == "" {
		return nil, 0, nil
	}
	w, err := s.Replaceable(ctx, job.Carrier, job.Account, job.Day, job.Replaces)
	return &w, w.Bill.ID, err
}

// compare reads a bill and compares it with the books as they would be without an old one (0 = as they are).
func compare(ctx context.Context, s *store.Store, file io.Reader, job Job, old int64) (Result, *store.BillBooks, error) {
	lines, err := bill.Open(file, job.Mapping, job.Day)
	if err != nil {
		return Result{}, nil, err
	}
	books, err := s.BillBooks(ctx, job.Carrier, job.Account, job.Day)
	if err != nil {
		return Result{}, nil, err
	}
	job.Options.Day = job.Day
	report, err := reconcile.Run(ctx, lines, books.Without(old), job.Options)
	if err != nil {
		return Result{}, nil, err
	}
	if err := books.Still(ctx); err != nil {
		return Result{}, nil, err
	}
	if lines.Sum() == "" {
		return Result{}, nil, errors.New("import bill: the file was not read to its end")
	}
	return Result{Report: report, SHA256: lines.Sum(), Rows: lines.Footer().Rows}, books, nil
}

// ErrDayOpen says that a day's bill came before the day's end.
var ErrDayOpen = errors.New("the day is not over")

// over refuses a day under way: it comes once, and what is booked in the rest of it would never be compared.
func over(day string, now time.Time) error {
	from, err := time.ParseInLocation(time.DateOnly, day, shanghai)
	if end := from.AddDate(0, 0, 1); err == nil && now.Before(end) {
		return fmt.Errorf("%w: %s ends at %s; a dry run is possible", ErrDayOpen, day, end.Format(time.RFC3339))
	}
	return nil // whoever reads the bill refuses what is no day
}

// shanghai is the business's time zone.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)
