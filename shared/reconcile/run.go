package reconcile

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chuandao/qianfan/shared/bill"
)

// Lines is a bill as it is read; *bill.Reader is one. A *bill.LineError is a line, too.
type Lines interface {
	Next() (bill.Line, error)
	Offset() int64
}

// Books is what the store tells about our side.
type Books interface {
	// Bookings gives every booking of the account and day, in any order.
	Bookings(ctx context.Context, yield func(Booking) error) error
	// Past answers each question about an attempt, in their order; an answer without an order: nobody
	// knows it. It is asked about a bounded number at once.
	Past(ctx context.Context, asks []Ask) ([]Past, error)
	// CutOff gives the attempts of which an earlier import has lines for bookings whose own day's bill
	// was still to come. Those are judged also where this bill agrees: it would be paid twice.
	CutOff(ctx context.Context) ([]Ref, error)
}

// Ask names an attempt by the carrier's number, by our own, or by both: the carrier's decides.
type Ask struct {
	CarrierNo string
	Ref
}

// Run compares a bill with the books. An error of the file, a *bill.FileError among them, comes
// back as it is, and so does that of the context; the temporary files are gone in any case.
func Run(ctx context.Context, lines Lines, books Books, o Options) (Report, error) {
	o, day, err := o.withDefaults()
	if err != nil {
		return Report{}, err
	}
	dir, err := os.MkdirTemp(o.Dir, "qianfan-bill-")
	if err != nil {
		return Report{}, fmt.Errorf("reconcile: %w", err)
	}
	r := &run{o: o, day: day, dir: dir, seed: maphash.MakeSeed(), early: map[Ref]bool{}, rest: leftovers{byRef: map[Ref]*waybill{}, strays: map[string]*waybill{}},
		report: Report{Outcomes: map[Outcome]int{}, Whys: map[Why]int{}, Missing: map[Outcome]int{}, Findings: []Finding{}}}
	err = r.all(ctx, lines, books)
	return r.report, errors.Join(err, os.RemoveAll(dir))
}

type run struct {
	o      Options
	day    time.Time
	dir    string
	seed   maphash.Seed
	rest   leftovers
	early  map[Ref]bool // billed before our booking, on another bill
	report Report
	told   sync.Mutex // of Progress
	// What the two readers count side by side.
	lines, bookings atomic.Int64
	offset          atomic.Int64
}

func (r *run) all(ctx context.Context, lines Lines, books Books) error {
	refs, err := books.CutOff(ctx)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		r.early[ref] = true
	}
	claims, err := newSpill(r.dir, "lines", r.o.Parts)
	if err != nil {
		return err
	}
	defer claims.close()
	booked, err := newSpill(r.dir, "bookings", r.o.Parts)
	if err != nil {
		return err
	}
	defer booked.close()
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error { return r.readLines(inner, lines, claims) })
	g.Go(func() error { return r.readBookings(inner, books, booked) })
	if err := g.Wait(); err != nil {
		return err
	}
	for part := range r.o.Parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.progress("comparing", part+1)
		if err := r.compare(part, claims, booked); err != nil {
			return err
		}
	}
	if err := r.settleRest(ctx, books); err != nil {
		return err
	}
	return r.close()
}

// often is after how many lines or bookings the progress is told and the context looked at.
const often = 1 << 15

func (r *run) step(ctx context.Context, n int64) error {
	if n%often != 0 {
		return nil
	}
	r.progress("reading", 0)
	return ctx.Err()
}

func (r *run) progress(phase string, part int) {
	if r.o.Progress == nil {
		return
	}
	r.told.Lock()
	defer r.told.Unlock()
	r.o.Progress(Progress{Phase: phase, Lines: int(r.lines.Load()), Bytes: r.offset.Load(), Bookings: int(r.bookings.Load()), Part: part, Parts: r.o.Parts})
}

// readLines spills the bill by the carrier's number.
func (r *run) readLines(ctx context.Context, lines Lines, out *spill) error {
	for {
		c, err := nextClaim(lines)
		if errors.Is(err, io.EOF) {
			r.offset.Store(lines.Offset())
			return out.flush()
		}
		if err != nil {
			return err
		}
		r.report.Net += c.net()
		r.offset.Store(lines.Offset())
		if err := r.step(ctx, r.lines.Add(1)); err != nil {
			return err
		}
		if c.CarrierNo == "" {
			r.rest.loose = append(r.rest.loose, clone(c))
			if len(r.rest.loose) > r.o.Limit {
				return tooMany("more than %d lines have no waybill number", r.o.Limit)
			}
			continue
		}
		if err := out.put(r.seed, c.CarrierNo, func(b []byte) []byte { return putClaim(b, &c) }); err != nil {
			return err
		}
	}
}

// nextClaim reads a line, or what can be read of it.
func nextClaim(lines Lines) (claim, error) {
	line, err := lines.Next()
	var bad *bill.LineError
	if errors.As(err, &bad) {
		return claim{Line: bad.Line, bad: bad.Reason, detail: bad.Detail}, nil
	}
	return claim{Line: line}, err
}

// readBookings spills what we booked by the carrier's number.
func (r *run) readBookings(ctx context.Context, books Books, out *spill) error {
	err := books.Bookings(ctx, func(b Booking) error {
		if indexOf(b.Kind) < 0 {
			return fmt.Errorf("reconcile: a booking of %q", b.Kind)
		}
		r.report.Booked += b.Amount
		if err := r.step(ctx, r.bookings.Add(1)); err != nil {
			return err
		}
		return out.put(r.seed, b.CarrierNo, func(raw []byte) []byte { return putBooking(raw, &b) })
	})
	if err != nil {
		return err
	}
	return out.flush()
}

// close counts once more: every line has one outcome, no more and no less.
func (r *run) close() error {
	r.report.Lines, r.report.Bookings = int(r.lines.Load()), int(r.bookings.Load())
	sum := 0
	for _, n := range r.report.Outcomes {
		sum += n
	}
	slices.SortStableFunc(r.report.Findings, Finding.compare)
	if sum != r.report.Lines {
		return fmt.Errorf("%w: %d lines, %d outcomes", errCount, r.report.Lines, sum)
	}
	return nil
}

func tooMany(format string, args ...any) error {
	return fmt.Errorf("%w: %s: is it the bill of this account and day, read by the right mapping? --limit lets more pass", ErrTooMany, fmt.Sprintf(format, args...))
}
