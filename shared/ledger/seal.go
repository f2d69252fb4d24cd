package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"time"
)

// LeafSize is how many bytes of each entry's own hash a seal keeps. The chain proves that
// something was changed; the leaves say what.
const LeafSize = 4

// Sealer hashes a range of entries, chained to the range before. The order of entries counts.
type Sealer struct {
	sum    hash.Hash
	buf    []byte
	leaves []byte
}

// NewSealer begins a range after one with that hash; the first range begins with "".
func NewSealer(before string) *Sealer {
	s := &Sealer{sum: sha256.New()}
	s.text(before)
	_, _ = s.sum.Write(s.buf) // a hash takes everything
	return s
}

// Leaves are those of all entries so far, LeafSize bytes each.
func (s *Sealer) Leaves() []byte { return s.leaves }

// Add takes the next entry with the id that it has in the database.
func (s *Sealer) Add(id int64, e Entry) {
	s.buf = s.buf[:0]
	s.number(id)
	s.text(e.Tx)
	s.text(e.Account)
	side := int64(0)
	if e.Debit {
		side = 1
	}
	s.number(side)
	s.number(int64(e.Amount))
	s.number(e.OrderID)
	s.number(int64(e.N))
	s.text(e.Reason)
	s.instant(e.EventAt)
	s.instant(e.PostedAt)
	s.text(e.Period)
	leaf := sha256.Sum256(s.buf)
	s.leaves = append(s.leaves, leaf[:LeafSize]...)
	_, _ = s.sum.Write(leaf[:])
}

// Hash is that of the range, in hex.
func (s *Sealer) Hash() string { return hex.EncodeToString(s.sum.Sum(nil)) }

// text is written with its length before it, so that no two rows look alike.
func (s *Sealer) text(v string) {
	s.number(int64(len(v)))
	s.buf = append(s.buf, v...)
}

func (s *Sealer) number(v int64)      { s.buf = binary.BigEndian.AppendUint64(s.buf, uint64(v)) }
func (s *Sealer) instant(v time.Time) { s.number(v.UnixMilli()) }
