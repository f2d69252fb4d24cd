package rocketmq

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

var testGroups = []Group{{Name: "g", MaxAttempts: 2}, {Name: "h"}, {Name: "o", Ordered: true}}

// persist gives the rig a write-ahead file.
func (r *rig) persist(path string) {
	r.t.Helper()
	require.NoError(r.t, r.s.open(path, false))
	r.s.update(r.s.goLive)
}

// reopened is a new store on the same clocks, read back from the file.
func (r *rig) reopened(path string) *rig {
	r.t.Helper()
	again := &rig{t: r.t, system: r.system, virtual: newVirtualClock(r.t)}
	again.virtual.now = r.virtual.Now()
	again.s = again.build(testGroups)
	again.persist(path)
	return again
}

// said is the store's content in words.
func (s *store) said() []string {
	var out []string
	for r := range s.contents() {
		if r.kind == recordMark {
			continue
		}
		out = append(out, fmt.Sprintf("%d %d %s %s %d %s %s %s", r.kind, r.seq, r.topic, r.group, r.phase, r.origin,
			r.wire.GetSystemProperties().GetMessageId(), r.wire.GetBody()))
	}
	slices.Sort(out)
	return out
}

// TestReplayIsTheStore: whatever happens, the file says what the store holds.
func TestReplayIsTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(dir, fmt.Sprintf("%d.wal", rapid.Uint64().Draw(rt, "file")))
		defer func() { _ = os.Remove(path) }()
		r := newRig(t)
		r.s = r.build(testGroups)
		r.persist(path)
		var out []delivery
		n := 0
		id := func() string { n++; return fmt.Sprint(n) }
		group := rapid.SampledFrom([]string{"g", "h", "o"})
		seconds := rapid.IntRange(1, 60)
		rt.Repeat(map[string]func(*rapid.T){
			"normal": func(*rapid.T) { r.send(wire(Normal, id(), "n")) },
			"fifo":   func(*rapid.T) { r.send(wire(FIFO, id(), "f", ofGroup("x"))) },
			"delay": func(rt *rapid.T) {
				d := time.Duration(seconds.Draw(rt, "due")) * time.Second
				r.send(wire(Delay, id(), "d", dueAt(r.system.System().Add(d))))
			},
			"virtual": func(rt *rapid.T) {
				d := time.Duration(seconds.Draw(rt, "due")) * time.Second
				r.send(wire(Delay, id(), "v", dueAt(r.system.System().Add(d)), virtualDue(r.virtual.Now().Add(d))))
			},
			"transaction": func(*rapid.T) { r.send(wire(Transaction, id(), "t", asTransaction)) },
			"end": func(rt *rapid.T) {
				commit := rapid.Bool().Draw(rt, "commit")
				r.s.update(func(time.Time) {
					for _, m := range r.s.halves {
						r.s.endTransaction(m, commit)
						return
					}
				})
			},
			"recall": func(rt *rapid.T) {
				which := fmt.Sprint(rapid.IntRange(1, n+1).Draw(rt, "id"))
				r.s.update(func(time.Time) { r.s.recall("DELAY", which) })
			},
			"receive": func(rt *rapid.T) {
				topic := rapid.SampledFrom([]TopicType{Normal, FIFO, Delay, Transaction, "%DLQ%g"}).Draw(rt, "topic")
				w := r.want(topic, group.Draw(rt, "group"), rapid.IntRange(1, 4).Draw(rt, "limit"))
				out = append(out, r.take(w)...)
			},
			"ack": func(rt *rapid.T) {
				if len(out) > 0 {
					r.ack(out[rapid.IntRange(0, len(out)-1).Draw(rt, "which")])
				}
			},
			"pass": func(rt *rapid.T) {
				d := time.Duration(seconds.Draw(rt, "time")) * time.Second
				r.pass(d)
				r.virtual.advance(d)
			},
		})
		require.NoError(rt, r.s.log.close())
		again := r.reopened(path)
		// What was due while the store was down comes on the first alarm.
		again.pass(0)
		again.virtual.advance(0)
		r.s.log = nil
		require.Equal(rt, r.s.said(), again.s.said())
		require.NoError(rt, again.s.log.close())
	})
}

// TestTornTail: a file cut at any byte opens, and holds a prefix of what was written.
func TestTornTail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "broker.wal")
	r := newRig(t)
	r.s = r.build(testGroups)
	r.persist(path)
	const messages = 5
	for i := range messages {
		r.send(wire(Normal, fmt.Sprint(i), "body"))
	}
	require.NoError(t, r.s.log.close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	last := -1
	for cut := len(walMagic); cut <= len(whole); cut++ {
		torn := filepath.Join(dir, fmt.Sprintf("%d.wal", cut))
		require.NoError(t, os.WriteFile(torn, whole[:cut], 0o600))
		again := r.reopened(torn)
		held := len(again.s.messages)
		require.GreaterOrEqual(t, held, last)
		for i := range held {
			require.Contains(t, again.s.messages, uint64(i+1))
		}
		last = held
		again.send(wire(Normal, "new", "after the cut"))
		require.NoError(t, again.s.log.close())
		require.Len(t, r.reopenedAndClosed(torn).messages, held+1, "what came after the cut is kept")
	}
	require.Equal(t, messages, last)
}

func (r *rig) reopenedAndClosed(path string) *store {
	r.t.Helper()
	again := r.reopened(path)
	require.NoError(r.t, again.s.log.close())
	return again.s
}

func TestDamagedRecordEndsTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "broker.wal")
	r := newRig(t)
	r.s = r.build(testGroups)
	r.persist(path)
	for i := range 3 {
		r.send(wire(Normal, fmt.Sprint(i), fmt.Sprintf("body-%d", i)))
	}
	require.NoError(t, r.s.log.close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	whole[bytes.Index(whole, []byte("body-1"))] ^= 1
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	require.Len(t, r.reopenedAndClosed(path).messages, 1)
}

func TestForeignFileIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "precious.txt")
	require.NoError(t, os.WriteFile(path, []byte("something else entirely"), 0o600))
	b := New(Options{WAL: path})
	require.ErrorContains(t, b.Start(t.Context()), "is not a write-ahead file")
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "something else entirely", string(kept))
}

// TestReopeningForgetsHistory: the file shrinks to what is left.
func TestReopeningForgetsHistory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "broker.wal")
	r := newRig(t)
	r.s = r.build(testGroups)
	r.persist(path)
	w := r.want(Normal, "g", 32)
	for i := range 100 {
		r.send(wire(Normal, fmt.Sprint(i), "body"))
	}
	for range 4 {
		for _, d := range r.take(w) {
			require.Equal(t, v2.Code_OK, r.ack(d))
		}
	}
	r.send(wire(Normal, "left", "body"))
	require.NoError(t, r.s.log.close())
	before, err := os.Stat(path)
	require.NoError(t, err)
	again := r.reopened(path)
	require.NoError(t, again.s.log.close())
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, after.Size(), before.Size()/20)
	require.Len(t, again.s.messages, 1)
	require.Equal(t, r.s.seq, again.s.seq, "numbers are not used again")
	require.Equal(t, 1, again.virtual.tokens())
}

// TestAcknowledgedSendsAreOnDisk: at the moment of the answer the file holds the message.
func TestAcknowledgedSendsAreOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "broker.wal")
	b := startBroker(t, Options{Topics: []Topic{{"NORMAL", Normal}}, WAL: path, Sync: true})
	var senders sync.WaitGroup
	for i := range 16 {
		senders.Go(func() {
			p := dial(t, b, fmt.Sprintf("p%d", i))
			for range 5 {
				m := p.message("NORMAL", "x")
				if code := p.send(m).GetStatus().GetCode(); code != v2.Code_OK {
					t.Errorf("send: %s", code)
				}
				held, err := os.ReadFile(path)
				if err != nil || !bytes.Contains(held, []byte(m.GetSystemProperties().GetMessageId())) {
					t.Errorf("message is not in the file: %v", err)
				}
			}
		})
	}
	senders.Wait()
}

// TestFailingDisk: a send that cannot be written is not acknowledged, nor is any after it.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	b := New(Options{Topics: []Topic{{"NORMAL", Normal}}, WAL: filepath.Join(t.TempDir(), "broker.wal"), Sync: true})
	require.NoError(t, b.Start(t.Context()))
	p := dial(t, b, "p")
	require.Equal(t, v2.Code_OK, p.send(p.message("NORMAL", "x")).GetStatus().GetCode())
	require.NoError(t, b.store.log.file.Close())
	for range 2 {
		require.Equal(t, v2.Code_INTERNAL_SERVER_ERROR, p.send(p.message("NORMAL", "x")).GetStatus().GetCode())
	}
	require.ErrorContains(t, b.Close(), "write-ahead file")
}

func TestRecordsSurviveCoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := record{
			kind: recordSend, seq: rapid.Uint64().Draw(rt, "seq"), topic: rapid.String().Draw(rt, "topic"),
			group: rapid.String().Draw(rt, "group"), phase: phase(rapid.IntRange(0, 2).Draw(rt, "phase")),
			stored: time.UnixMilli(rapid.Int64Range(0, 1<<50).Draw(rt, "stored")).UTC(),
			origin: rapid.String().Draw(rt, "origin"), client: rapid.String().Draw(rt, "client"),
			wire: wire(Normal, "id", rapid.StringN(1, 100, -1).Draw(rt, "body")),
		}
		coded, err := r.encode()
		require.NoError(rt, err)
		back, err := decodeRecord(coded)
		require.NoError(rt, err)
		require.Equal(rt, r.wire.String(), back.wire.String())
		back.wire = r.wire
		require.Equal(rt, r, back)
	})
}

// TestStrangeRecordsAreErrors: no bytes make the decoder panic, and the fields of a record are never half there.
func TestStrangeRecordsAreErrors(t *testing.T) {
	t.Parallel()
	ack := record{kind: recordAck, seq: 300, topic: "topic", group: "group"}
	coded, err := ack.encode()
	require.NoError(t, err)
	for cut := range coded {
		_, err := decodeRecord(coded[:cut])
		require.Error(t, err, "cut at %d", cut)
	}
	rapid.Check(t, func(rt *rapid.T) {
		raw := rapid.SliceOf(rapid.Byte()).Draw(rt, "raw")
		require.NotPanics(rt, func() {
			if r, err := decodeRecord(raw); err == nil {
				require.LessOrEqual(rt, r.phase, half)
			}
		})
	})
}
