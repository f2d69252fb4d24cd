package reconcile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
)

// spill is a stream of records in a file for each part. The files have no life of their own:
// they go with their directory.
type spill struct {
	dir   string
	name  string
	files []*os.File
	outs  []*bufio.Writer
	buf   []byte
}

const spillBuffer = 16 << 10 // of each part

func newSpill(dir, name string, parts int) (*spill, error) {
	s := &spill{dir: dir, name: name, files: make([]*os.File, parts), outs: make([]*bufio.Writer, parts)}
	for i := range parts {
		f, err := os.Create(filepath.Join(dir, name+strconv.Itoa(i)))
		if err != nil {
			s.close()
			return nil, fmt.Errorf("temporary file: %w", err)
		}
		s.files[i], s.outs[i] = f, bufio.NewWriterSize(f, spillBuffer)
	}
	return s, nil
}

func (s *spill) close() {
	for _, f := range s.files {
		if f != nil {
			_ = f.Close() // it is about to be removed
		}
	}
}

// put writes a record to the part of a key.
func (s *spill) put(seed maphash.Seed, key string, record func([]byte) []byte) error {
	s.buf = record(s.buf[:0])
	part := maphash.String(seed, key) % uint64(len(s.outs))
	if _, err := s.outs[part].Write(s.buf); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	return nil
}

// flush ends the writing: read may follow.
func (s *spill) flush() error {
	for _, out := range s.outs {
		if err := out.Flush(); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
	}
	s.outs = nil
	return nil
}

// read gives each record of a part to take, whose texts are its own, and drops the part.
func (s *spill) read(part int, take func(*record)) error {
	f := s.files[part]
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	raw := make([]byte, size)
	if _, err := f.ReadAt(raw, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("temporary file: %w", err)
	}
	err = errors.Join(f.Close(), os.Remove(f.Name()))
	s.files[part] = nil
	for r := (record{raw: raw, all: string(raw)}); r.at < len(raw) && err == nil; {
		take(&r)
		err = r.err
	}
	return err
}

// record takes a part's bytes apart. Texts share its memory: whoever keeps one longer than the
// part clones it.
type record struct {
	raw []byte
	all string // the same
	at  int
	err error
}

var errRecord = errors.New("a temporary file is damaged")

func (r *record) int() int64 {
	v, n := binary.Varint(r.raw[r.at:])
	if n <= 0 {
		r.err, r.at = errRecord, len(r.raw)
		return 0
	}
	r.at += n
	return v
}

func (r *record) text() string {
	n := int(r.int())
	if n < 0 || n > len(r.raw)-r.at {
		r.err, r.at = errRecord, len(r.raw)
		return ""
	}
	r.at += n
	return r.all[r.at-n : r.at]
}

func putText(b []byte, text string) []byte {
	return append(binary.AppendVarint(b, int64(len(text))), text...)
}

func putClaim(b []byte, c *claim) []byte {
	b = binary.AppendVarint(b, int64(c.No))
	b = binary.AppendVarint(b, int64(indexOf(c.Kind)))
	b = binary.AppendVarint(b, int64(c.Amount))
	b = putTime(b, c.At)
	b = putText(b, c.CarrierNo)
	b = putText(b, c.ClientNo)
	b = putText(b, c.Raw)
	b = putText(b, string(c.bad))
	if c.bad != "" {
		b = putText(b, c.detail)
	}
	return b
}

func (r *record) claim() claim {
	c := claim{}
	c.No = int(r.int())
	if k := r.int(); k >= 0 && k < kindCount {
		c.Kind = bill.Kinds[k]
	}
	c.Amount = money.Fen(r.int())
	c.At = r.time()
	c.CarrierNo, c.ClientNo, c.Raw = r.text(), r.text(), r.text()
	if c.bad = bill.Reason(r.text()); c.bad != "" {
		c.detail = r.text()
	}
	return c
}

// noTime stands for the zero time.
const noTime = -1 << 62

func putTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(b, noTime)
	}
	return binary.AppendVarint(b, t.UnixMilli())
}

func (r *record) time() time.Time {
	v := r.int()
	if v == noTime {
		return time.Time{}
	}
	return time.UnixMilli(v).UTC()
}

func putBooking(b []byte, x *Booking) []byte {
	b = binary.AppendVarint(b, x.Order)
	b = binary.AppendVarint(b, int64(x.N))
	b = binary.AppendVarint(b, int64(indexOf(x.Kind)))
	b = binary.AppendVarint(b, int64(x.Amount))
	b = putTime(b, x.At)
	return putText(b, x.CarrierNo)
}

func (r *record) booking() Booking {
	x := Booking{Ref: Ref{r.int(), int(r.int())}}
	if k := r.int(); k >= 0 && k < kindCount {
		x.Kind = bill.Kinds[k]
	}
	x.Amount, x.At, x.CarrierNo = money.Fen(r.int()), r.time(), r.text()
	return x
}
