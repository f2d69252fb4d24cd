package emulator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/sqlserver"
	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/billimport"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/store"
)

// Reconciling is what the import of a day's bill takes.
type Reconciling struct {
	Lines      int     `json:"lines"`    // of the bill
	Entries    int     `json:"entries"`  // bookings of the day that they were compared with
	Mistakes   int     `json:"mistakes"` // made on purpose
	Found      int     `json:"found"`    // of those, each by its line and its name
	SeedS      float64 `json:"seed_s"`   // filling the database: not part of what is measured
	ImportS    float64 `json:"import_s"` // the whole import: reading, comparing, booking
	LinesPerS  int     `json:"lines_per_s"`
	PeakRSSMB  int     `json:"peak_rss_mb"`  // of this process; the database has its own
	StartRSSMB int     `json:"start_rss_mb"` // before the import
	FileMB     int     `json:"file_mb"`
	Store      string  `json:"store"`
	Durability string  `json:"durability"`
}

// The day that is reconciled. Every waybill has one charge, at its second of the day.
const (
	benchDay     = "2026-11-23"
	benchCarrier = "uupt"
	benchLines   = 3_000_000
	// Ids of orders of that day, half a minute of each other's neighbourhood apart.
	benchFirstID = 247_000_000_000_000_000
	seedRows     = 100_000 // in one statement
)

// benchReconcile fills a private database with a day of bookings, writes a bill of them with 1 % of
// mistakes, ten kinds in turn, and imports it through the same code as the verb.
func benchReconcile(ctx context.Context, o Options, log io.Writer) (_ any, err error) {
	n := o.Lines
	if n <= 0 {
		n = benchLines
	}
	server, err := sqlserver.Start(ctx, sqlserver.Options{Durability: o.Durability, BufferPool: 1 << 30})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	dir, err := os.MkdirTemp("", "qianfan-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench reconcile: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	began := sharedclock.System.Now()
	s, err := seedBookings(ctx, server, n, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	out := Reconciling{Store: server.Version(), Durability: string(o.Durability), SeedS: seconds(began)}
	path := filepath.Join(dir, "bill.csv")
	expected, size, err := writeBenchBill(path, n)
	if err != nil {
		return nil, err
	}
	out.Mistakes, out.FileMB, out.StartRSSMB = len(expected), int(size>>20), peakRSS()
	began = sharedclock.System.Now()
	done, err := importBench(ctx, s, path, dir, began, log)
	if err != nil {
		return nil, err
	}
	out.ImportS, out.PeakRSSMB, out.Lines, out.Entries = seconds(began), peakRSS(), done.Lines, done.Bookings
	out.LinesPerS = int(float64(done.Lines) / out.ImportS)
	out.Found, err = foundBench(done.Report, expected)
	return out, err
}

func seconds(since time.Time) float64 {
	return float64(sharedclock.System.Now().Sub(since).Milliseconds()) / 1000
}

// importBench runs the import as the verb does.
func importBench(ctx context.Context, s *store.Store, path, dir string, began time.Time, log io.Writer) (_ billimport.Result, err error) {
	mapping, err := bill.Default(benchCarrier)
	if err != nil {
		return billimport.Result{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return billimport.Result{}, fmt.Errorf("bench reconcile: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	last := began
	tell := func(p reconcile.Progress) {
		if now := sharedclock.System.Now(); now.Sub(last) > 5*time.Second {
			last = now
			fmt.Fprintf(log, "%s: %d lines, %d bookings, part %d of %d\n", p.Phase, p.Lines, p.Bookings, p.Part, p.Parts)
		}
	}
	job := billimport.Job{Carrier: benchCarrier, Account: "main", Day: benchDay, Name: "bench.csv", Mapping: mapping, Options: reconcile.Options{Dir: dir, Progress: tell}}
	return billimport.Run(ctx, s, store.Act{By: "bench", At: began}, f, job, benchNight())
}

// benchNight is when the bill is imported: after its day.
func benchNight() time.Time {
	day, _ := time.ParseInLocation(time.DateOnly, benchDay, shanghai) // a constant
	return day.AddDate(0, 0, 1).Add(3 * time.Hour)
}

// charge is what waybill i costs, and when: the statements of seeds say the same in SQL.
func charge(i, n int) (kind bill.Kind, amount money.Fen, at time.Time) {
	kind = bill.Fee
	if i%20 == 7 {
		kind = bill.Penalty
	}
	return kind, money.Fen(500 + i*37%1500), benchNight().Add(-27*time.Hour + time.Duration(i*86_399/n)*time.Second)
}

// seeds fill the tables with rows from..from+seedRows of n. Both legs of every booking are there.
func seeds(from, n int) []string {
	digit := "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
	rows := fmt.Sprintf("(SELECT %[2]d + e.d * 10000 + a.d * 1000 + b.d * 100 + c.d * 10 + d.d AS i FROM %[1]s a, %[1]s b, %[1]s c, %[1]s d, %[1]s e HAVING i < %[3]d ORDER BY i) x", digit, from, n)
	began := benchNight().Add(-27 * time.Hour).UnixMilli()
	at := fmt.Sprintf("%d + (i * 86399 DIV %d) * 1000", began, n)
	id := fmt.Sprintf("%d + i * 1000", benchFirstID)
	tx := fmt.Sprintf("CONCAT('fact:', %s, ':1:', IF(i %% 20 = 7, 'penalty', 'capture'), ':3')", id)
	entry := func(account, debit string) string {
		return fmt.Sprintf("INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, n, reason, event_at, posted_at, period) SELECT %s, %s, %s, 500 + i * 37 %% 1500, %s, 1, IF(i %% 20 = 7, 'penalty:order_cancelled', 'capture'), %s, %s + 900, '2026-11' FROM %s",
			tx, account, debit, id, at, at, rows)
	}
	return []string{
		"INSERT INTO attempt (order_id, n, carrier, account, carrier_no, state, under, cause, token, price_fen, shard, held_fen, booked_fen, penalty_fen, cancel_fee_fen, want," +
			" call_kind, call_seq, call_owner, call_until, call_doubt, call_seen, tries, refusals, next_call_at, doubt_since_at, not_found, rider, last_at, placed_at, accepted_at, picked_at, changed, confirmed, resolved)" +
			" SELECT " + id + ", 1, '" + benchCarrier + "', 'main', CONCAT('UU', 26112300000000 + i), 'delivered', '', '', '', 0, 0, 0, 0, 0, NULL, '{}', '', 0, '', 0, '', 0, 0, 0, NULL, NULL, 0, NULL, 0, 0, 0, 0, 9, TRUE, FALSE FROM " + rows,
		"INSERT INTO carrier_ref (carrier, carrier_no, order_id, n) SELECT '" + benchCarrier + "', CONCAT('UU', 26112300000000 + i), " + id + ", 1 FROM " + rows,
		entry("IF(i % 20 = 7, 'expense:penalty:uupt:order_cancelled', 'expense:delivery:uupt')", "TRUE"),
		entry("'carrier:uupt:main:held'", "FALSE"),
	}
}

func seedBookings(ctx context.Context, server *sqlserver.Server, n int, log io.Writer) (*store.Store, error) {
	if err := server.Exec(ctx, "", "CREATE DATABASE bench"); err != nil {
		return nil, err
	}
	s, err := store.Open(store.Options{DSN: server.DSN("bench"), Key: make([]byte, 32), MaxConns: 2}) // as the verb has it
	if err != nil {
		return nil, err
	}
	if err := s.Migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	for from := 0; from < n; from += seedRows {
		if err := server.Exec(ctx, "bench", seeds(from, n)...); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		if done := from + seedRows; done%500_000 == 0 {
			fmt.Fprintf(log, "filling the database: %d of %d bookings\n", done, n)
		}
	}
	return s, nil
}

// spoiled is what is wrong with a waybill of the bill, in turn: every hundredth has a mistake.
var spoiled = []reconcile.Why{
	reconcile.Overbilled, reconcile.Underbilled, reconcile.Duplicate, reconcile.NotBilled, reconcile.UnknownWaybill,
	reconcile.PenaltyNone, reconcile.TipNotPromised, reconcile.Unreadable, "kind", reconcile.OtherDay,
}

// benchBill writes a bill line by line.
type benchBill struct {
	out      *bufio.Writer
	row      int // of the last line
	net      money.Fen
	buf      []byte
	expected map[string]reconcile.Why // by line, or by order where there is none
}

// writeBenchBill writes the bill of the day in UU跑腿's form. It returns what is wrong with it,
// by line ("17"), or by the order of what it lacks ("#247…").
func writeBenchBill(path string, n int) (expected map[string]reconcile.Why, size int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, 0, fmt.Errorf("bench reconcile: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := benchBill{out: bufio.NewWriterSize(f, 1<<20), row: 1, expected: map[string]reconcile.Why{}}
	_, _ = b.out.WriteString("\ufeff订单编号,商户订单号,费用类型,金额(元),发生时间\r\n") // an error stays with the writer until Flush
	for i := range n {
		why := reconcile.Why("")
		if i%100 == 50 {
			why = spoiled[i/100%len(spoiled)]
		}
		b.waybill(i, n, why)
	}
	_, _ = fmt.Fprintf(b.out, "合计,%d,,%s,\r\n", b.row-1, b.net.Yuan())
	if err := b.out.Flush(); err != nil {
		return nil, 0, fmt.Errorf("bench reconcile: %w", err)
	}
	size, err = f.Seek(0, io.SeekCurrent)
	return b.expected, size, err
}

var benchWords = map[bill.Kind]string{bill.Fee: "配送费", bill.Tip: "小费", bill.Penalty: "违约金"}

// line writes one line; a note is its expected name, if it has one.
func (b *benchBill) line(no, ours, word, amount string, at time.Time, net money.Fen, note reconcile.Why) {
	b.row++
	b.net += net
	b.buf = append(b.buf[:0], no...)
	for _, field := range []string{ours, word, amount} {
		b.buf = append(append(b.buf, ','), field...)
	}
	b.buf = at.In(shanghai).AppendFormat(append(b.buf, ','), time.DateTime)
	_, _ = b.out.Write(append(b.buf, '\r', '\n'))
	if note != "" {
		b.expected[strconv.Itoa(b.row)] = note
	}
}

// waybill writes the lines of one waybill, right or wrong.
func (b *benchBill) waybill(i, n int, why reconcile.Why) {
	kind, amount, at := charge(i, n)
	id := int64(benchFirstID + i*1000)
	no, ours := "UU"+strconv.Itoa(26_112_300_000_000+i), order.OurNo(id, 1)
	write := func(kind bill.Kind, amount money.Fen, note reconcile.Why) {
		b.line(no, ours, benchWords[kind], amount.Yuan(), at, amount, note)
	}
	switch why {
	case reconcile.NotBilled:
		if !at.Before(benchNight().Add(-5 * time.Hour)) { // two hours before midnight
			why = reconcile.NotYetBilled
		}
		b.expected["#"+strconv.FormatInt(id, 10)] = why
	case reconcile.Overbilled:
		write(kind, amount+100, why)
	case reconcile.Underbilled:
		write(kind, amount-100, why)
	case reconcile.Unreadable:
		b.line(no, ours, benchWords[kind], amount.Yuan()+"5", at, amount, why)
	case "kind":
		b.line(no, ours, "服务费", amount.Yuan(), at, amount, reconcile.Unreadable)
	case reconcile.OtherDay:
		b.line(no, ours, benchWords[kind], amount.Yuan(), at.AddDate(0, 0, -3), amount, why)
	default:
		write(kind, amount, "")
		switch why {
		case reconcile.Duplicate:
			write(kind, amount, why)
		case reconcile.PenaltyNone:
			write(bill.Penalty, 300, why)
		case reconcile.TipNotPromised:
			write(bill.Tip, 200, why)
		case reconcile.UnknownWaybill:
			b.line("UX"+no, "", benchWords[kind], amount.Yuan(), at, amount, why)
		}
	}
}

// foundBench counts the mistakes that were found, by line and name. One too many, or too few, is an error.
func foundBench(r reconcile.Report, expected map[string]reconcile.Why) (int, error) {
	left := maps.Clone(expected)
	for _, f := range r.Findings {
		key := strconv.Itoa(f.Line.No)
		if f.Line.No == 0 {
			key = "#" + strconv.FormatInt(f.Order, 10)
		}
		if left[key] != f.Why {
			return 0, fmt.Errorf("line %s (%s) is called %s, it should be %q", key, f.Line.Raw, f.Why, left[key])
		}
		delete(left, key)
	}
	if len(left) > 0 {
		return len(expected) - len(left), fmt.Errorf("%d mistakes were not found", len(left))
	}
	return len(expected), nil
}

// peakRSS is the most memory that this process has had, in MiB; 0 where the system does not tell.
func peakRSS() int {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
			return kb >> 10
		}
	}
	return 0
}
