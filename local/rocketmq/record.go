package rocketmq

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// recordKind is the first byte of a record in the write-ahead file. The numbers are part of the format.
type recordKind byte

const (
	recordSend      recordKind = 1 // a message arrived; phase says whether visible, delayed or half
	recordSubscribe recordKind = 2 // a group consumes a topic from now on
	recordAck       recordKind = 3 // a group has finished with a message
	recordCommit    recordKind = 4 // a transaction ended, and its message became visible
	recordRollback  recordKind = 5 // a transaction ended, and its message is gone
	recordRecall    recordKind = 6 // a delayed message was taken back
	recordMark      recordKind = 7 // sequence numbers up to this one are used
)

// record is one change of the store's content. Which fields mean something depends on the kind.
type record struct {
	kind         recordKind
	seq          uint64
	topic, group string
	// of a recordSend:
	phase          phase
	stored         time.Time
	origin, client string
	wire           *v2.Message
}

func sendRecord(m *message) record {
	return record{
		kind: recordSend, seq: m.seq, topic: m.topic.name, phase: m.phase, stored: m.stored,
		origin: m.origin, client: m.client, wire: m.wire,
	}
}

var errRecord = errors.New("malformed record")

func (r record) encode() ([]byte, error) {
	b := []byte{byte(r.kind)}
	b = binary.AppendUvarint(b, r.seq)
	b = appendText(appendText(b, r.topic), r.group)
	if r.kind != recordSend {
		return b, nil
	}
	b = append(b, byte(r.phase))
	b = binary.AppendVarint(b, r.stored.UnixMilli())
	b = appendText(appendText(b, r.origin), r.client)
	b, err := proto.MarshalOptions{}.MarshalAppend(b, r.wire)
	if err != nil {
		return nil, fmt.Errorf("encode message %d: %w", r.seq, err)
	}
	return b, nil
}

func decodeRecord(b []byte) (record, error) {
	d := decoder{rest: b}
	r := record{kind: recordKind(d.byte()), seq: d.uvarint(), topic: d.text(), group: d.text()}
	if r.kind < recordSend || r.kind > recordMark {
		return record{}, fmt.Errorf("%w: kind %d", errRecord, r.kind)
	}
	if r.kind == recordSend {
		r.phase = phase(d.byte())
		r.stored = time.UnixMilli(d.varint()).UTC()
		r.origin, r.client = d.text(), d.text()
		r.wire = &v2.Message{}
		if !d.bad {
			if err := proto.Unmarshal(d.rest, r.wire); err != nil {
				return record{}, fmt.Errorf("decode message %d: %w", r.seq, err)
			}
		}
	}
	if d.bad || r.phase > half {
		return record{}, errRecord
	}
	return r, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decoder reads fields off the front; bad stays set once one was missing.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.bad = true
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	return skip(d, v, n)
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	return skip(d, v, n)
}

func skip[T any](d *decoder, v T, n int) T {
	if n <= 0 {
		d.bad = true
		var zero T
		return zero
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.bad = true
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}
