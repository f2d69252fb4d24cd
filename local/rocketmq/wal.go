package rocketmq

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
)

// The write-ahead file is the magic followed by frames: length and CRC-32C of the payload, four bytes little-endian each,
// and the payload.
const (
	walMagic    = "QFMQ0001"
	frameHeader = 8
	// maxFrame is far above any record and keeps a torn length from asking for gigabytes.
	maxFrame = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errClosed = errors.New("write-ahead file is closed")

// wal appends records to the write-ahead file. One goroutine writes; everything appended while it writes goes out with
// its next write, and shares one sync.
type wal struct {
	file  *os.File
	sync  bool
	write chan struct{} // has a value when there is something to write
	done  chan struct{} // closed when the writer has ended

	mu       sync.Mutex
	settled  sync.Cond
	buffer   []byte
	appended uint64 // bytes handed in so far
	durable  uint64 // of these, bytes written, and synced if asked for
	closing  bool
	err      error // the first failure; nothing is written after it
}

func newWAL(file *os.File, sync bool) *wal {
	w := &wal{file: file, sync: sync, write: make(chan struct{}, 1), done: make(chan struct{})}
	w.settled.L = &w.mu
	go w.run()
	return w
}

// append queues one record and returns the position to wait for. It does not block on the disk.
func (w *wal) append(payload []byte) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.appended // wait reports it
	}
	before := len(w.buffer)
	w.buffer = appendFrame(w.buffer, payload)
	w.appended += uint64(len(w.buffer) - before)
	select {
	case w.write <- struct{}{}:
	default:
	}
	return w.appended
}

// fail stops the file: nothing more is written, and every wait reports err.
func (w *wal) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
		w.settled.Broadcast()
	}
}

// wait returns once everything up to the position is on disk. Without sync it only reports an earlier failure.
func (w *wal) wait(position uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.sync && w.err == nil && w.durable < position {
		w.settled.Wait()
	}
	if w.durable >= position {
		return nil
	}
	return w.err
}

// close writes what is queued and closes the file.
func (w *wal) close() error {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	select {
	case w.write <- struct{}{}:
	default:
	}
	<-w.done
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("close write-ahead file: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(w.err, errClosed) {
		return nil
	}
	return w.err
}

// run is the writer. It ends when close has been called and everything is written, or at the first failure.
func (w *wal) run() {
	defer close(w.done)
	var spare []byte
	for range w.write {
		out, position, closing := w.grab(spare)
		spare = out
		if err := w.flush(out); err != nil {
			w.fail(err)
			return
		}
		if w.advance(position) != nil {
			return
		}
		if closing {
			w.fail(errClosed)
			return
		}
	}
}

// grab takes the buffer and leaves an empty one in its place.
func (w *wal) grab(spare []byte) (out []byte, position uint64, closing bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out = w.buffer
	w.buffer = spare[:0]
	return out, w.appended, w.closing
}

// advance notes that everything up to the position is on disk. It returns why the writer must stop, if it must.
func (w *wal) advance(position uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.durable = position
	w.settled.Broadcast()
	return w.err
}

func (w *wal) flush(out []byte) error {
	if len(out) == 0 {
		return nil
	}
	if _, err := w.file.Write(out); err != nil {
		return fmt.Errorf("write write-ahead file: %w", err)
	}
	if !w.sync {
		return nil
	}
	if err := datasync(w.file); err != nil {
		return fmt.Errorf("sync write-ahead file: %w", err)
	}
	return nil
}

func appendFrame(to, payload []byte) []byte {
	to = binary.LittleEndian.AppendUint32(to, uint32(len(payload)))
	to = binary.LittleEndian.AppendUint32(to, crc32.Checksum(payload, castagnoli))
	return append(to, payload...)
}

// readFrame reads the next payload. At the end of the file, and at a frame that is torn or does not fit its checksum, it
// returns io.EOF: nothing behind that point was ever acknowledged.
func readFrame(r io.Reader) ([]byte, error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, tornIsEnd(err)
	}
	n := binary.LittleEndian.Uint32(head[:4])
	if n == 0 || n > maxFrame {
		return nil, io.EOF
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, tornIsEnd(err)
	}
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, io.EOF
	}
	return payload, nil
}

func tornIsEnd(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}
