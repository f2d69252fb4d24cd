package rocketmq

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// open reads the write-ahead file back into the store, replaces it by one that says the same without the history, and
// leaves that open for appending. A torn tail is dropped.
func (s *store) open(path string, sync bool) error {
	if err := s.readBack(path); err != nil {
		return err
	}
	next := path + ".next"
	file, err := os.Create(next)
	if err != nil {
		return fmt.Errorf("create write-ahead file: %w", err)
	}
	if err := s.snapshot(file); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := os.Rename(next, path); err != nil {
		return errors.Join(fmt.Errorf("replace write-ahead file: %w", err), file.Close())
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return errors.Join(err, file.Close())
	}
	s.log = newWAL(file, sync)
	return nil
}

func (s *store) readBack(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open write-ahead file: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	in := bufio.NewReaderSize(file, 1<<20)
	magic := make([]byte, len(walMagic))
	if _, err := io.ReadFull(in, magic); errors.Is(err, io.EOF) {
		return nil // created, and never written to
	}
	if string(magic) != walMagic {
		return fmt.Errorf("%s is not a write-ahead file of this broker", path)
	}
	for {
		payload, err := readFrame(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read write-ahead file: %w", err)
		}
		r, err := decodeRecord(payload)
		if err != nil {
			return fmt.Errorf("read write-ahead file: %w", err)
		}
		s.apply(r)
	}
}

// apply repeats one recorded change. Records about messages that are unknown are of no consequence: they speak of copies
// that a fault made, or mark a sequence number.
func (s *store) apply(r record) {
	s.seq = max(s.seq, r.seq)
	m := s.messages[r.seq]
	switch {
	case r.kind == recordSend:
		m = newMessage(r.wire, r.phase)
		m.seq, m.stored, m.origin, m.client = r.seq, r.stored, r.origin, r.client
		m.topic = s.ensureTopic(r.topic, topicTypeOf(r.wire.GetSystemProperties().GetMessageType()))
		s.place(m, r.stored)
	case r.kind == recordSubscribe:
		if s.groups[r.group] == nil {
			s.ensureGroup(Group{Name: r.group})
		}
		s.subscribe(s.ensureTopic(r.topic, Normal), s.groups[r.group])
	case m == nil:
	case r.kind == recordAck:
		if m.phase == delayed {
			s.release(m)
		}
		if sub := m.topic.subs[r.group]; sub != nil && sub.entries[r.seq] != nil {
			s.finish(sub.entries[r.seq])
		}
	case m.phase == half && r.kind == recordCommit:
		s.endTransaction(m, true)
	case m.phase == half && r.kind == recordRollback:
		s.endTransaction(m, false)
	case m.phase == delayed && r.kind == recordRecall:
		s.recallOne(m)
	}
}

// snapshot writes records that make an empty store into this one.
func (s *store) snapshot(to io.Writer) error {
	out := bufio.NewWriterSize(to, 1<<20)
	if _, err := out.WriteString(walMagic); err != nil {
		return fmt.Errorf("write write-ahead file: %w", err)
	}
	var frame []byte
	for r := range s.contents() {
		payload, err := r.encode()
		if err != nil {
			return err
		}
		frame = appendFrame(frame[:0], payload)
		if _, err := out.Write(frame); err != nil {
			return fmt.Errorf("write write-ahead file: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write write-ahead file: %w", err)
	}
	if file, ok := to.(*os.File); ok {
		if err := file.Sync(); err != nil {
			return fmt.Errorf("sync write-ahead file: %w", err)
		}
	}
	return nil
}

// contents yields what the store holds: subscriptions first, then each message and who has finished with it.
func (s *store) contents() func(yield func(record) bool) {
	return func(yield func(record) bool) {
		if !yield(record{kind: recordMark, seq: s.seq}) {
			return
		}
		for _, t := range s.topics {
			for group := range t.subs {
				if !yield(record{kind: recordSubscribe, topic: t.name, group: group}) {
					return
				}
			}
		}
		for _, seq := range slices.Sorted(maps.Keys(s.messages)) {
			for _, r := range s.messages[seq].records() {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// records are what it takes to store m again as it is now.
func (m *message) records() []record {
	rs := []record{sendRecord(m)}
	if m.recalled {
		rs = append(rs, record{kind: recordRecall, seq: m.seq})
	}
	if m.phase != visible {
		return rs
	}
	for group, sub := range m.topic.subs {
		if sub.entries[m.seq] == nil {
			rs = append(rs, record{kind: recordAck, seq: m.seq, topic: m.topic.name, group: group})
		}
	}
	return rs
}

// goLive arms everything that was read back and counts it as busy. Deliveries from before are forgotten: what was in
// flight is ready.
func (s *store) goLive(now time.Time) {
	s.live = true
	for _, m := range s.messages {
		switch m.phase {
		case half:
			s.arm(&m.alarm, now.Add(s.checkAfter))
		case delayed:
			s.await(m)
		}
	}
	for _, t := range s.topics {
		for _, sub := range t.subs {
			for _, e := range sub.entries {
				s.busy(e)
			}
		}
	}
}

// shut disarms everything and closes the tokens; nothing is recorded any more.
func (s *store) shut() {
	s.live = false
	for _, m := range s.messages {
		s.alarms.clear(&m.alarm)
		if m.stop != nil {
			s.after = append(s.after, m.stop)
			m.stop = nil
		}
	}
	for _, t := range s.topics {
		for _, sub := range t.subs {
			for _, e := range sub.entries {
				s.alarms.clear(&e.alarm)
				s.idle(e)
			}
		}
	}
}

var topicTypes = map[v2.MessageType]TopicType{
	v2.MessageType_NORMAL:      Normal,
	v2.MessageType_FIFO:        FIFO,
	v2.MessageType_DELAY:       Delay,
	v2.MessageType_TRANSACTION: Transaction,
}

func topicTypeOf(t v2.MessageType) TopicType {
	if known, ok := topicTypes[t]; ok {
		return known
	}
	return Normal
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync directory of write-ahead file: %w", err)
	}
	defer func() { _ = dir.Close() }() // only synced
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("sync directory of write-ahead file: %w", err)
	}
	return nil
}
