//go:build unix

package clock

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The clock file is fileWords 64-bit words in the machine's own byte order, mapped shared by one writer and any number
// of readers. The word wordSeq is a seqlock: odd while the writer is inside. Every word is read and written atomically.
const (
	wordMagic   = iota // fileMagic; written last when the file is made
	wordVersion        // fileVersion
	wordSeq            // even = at rest; grows by two with each change
	wordSystem         // Reading.System, nanoseconds since 1970
	wordVirtual        // Reading.Virtual, nanoseconds since 1970
	wordSpeed          // Reading.Speed, IEEE 754 bits
	wordFrozen         // 1 = frozen
	wordReserved
	fileWords

	fileSize           = fileWords * 8
	fileMagic   uint64 = 0x314b434c434e4651 // "QFNCLCK1", little endian
	fileVersion uint64 = 1
)

// maxSpins bounds a reader's wait for a writer that was stopped, or died, inside a change.
const maxSpins = 100_000

type words [fileWords]atomic.Uint64

func (w *words) load() Reading {
	return Reading{
		System:  time.Unix(0, int64(w[wordSystem].Load())).UTC(),
		Virtual: time.Unix(0, int64(w[wordVirtual].Load())).UTC(),
		Speed:   math.Float64frombits(w[wordSpeed].Load()),
		Frozen:  w[wordFrozen].Load() == 1,
	}
}

func (w *words) store(r Reading) {
	var frozen uint64
	if r.Frozen {
		frozen = 1
	}
	w[wordSystem].Store(uint64(r.System.UnixNano()))
	w[wordVirtual].Store(uint64(r.Virtual.UnixNano()))
	w[wordSpeed].Store(math.Float64bits(r.Speed))
	w[wordFrozen].Store(frozen)
}

// File is a Clock that follows a clock file. A call costs no system call beyond reading the system time.
type File struct {
	mu     sync.RWMutex // held for reading around every access: Close unmaps
	mem    *mapping
	now    func() time.Time
	latest atomic.Int64 // the greatest virtual time given out, ns: survives steps of the wall clock and a dead writer
}

// Open maps the clock file at path, as the emulator's Writer made it. The error says whether the file is missing, too
// short, or of another version.
func Open(path string) (Clock, io.Closer, error) {
	f, err := openFile(path, System.Now)
	if err != nil {
		return nil, nil, err
	}
	return f, f, nil
}

func openFile(path string, now func() time.Time) (*File, error) {
	mem, err := mapFile(path, os.O_RDONLY, syscall.PROT_READ)
	if err != nil {
		return nil, fmt.Errorf("open clock file: %w", err)
	}
	w := mem.words
	if magic, version := w[wordMagic].Load(), w[wordVersion].Load(); magic != fileMagic || version != fileVersion {
		err := fmt.Errorf("open clock file %s: magic %#x version %d: want %#x version %d", path, magic, version, fileMagic, fileVersion)
		return nil, errors.Join(err, mem.unmap())
	}
	f := &File{mem: mem, now: now}
	f.latest.Store(math.MinInt64)
	return f, nil
}

// System is the system time.
func (f *File) System() time.Time { return f.now() }

// Virtual is the virtual time by the file. After Close it stands at the last time it gave.
func (f *File) Virtual() time.Time {
	if r, system, ok := f.read(); ok {
		return f.raise(r.At(system))
	}
	return time.Unix(0, f.latest.Load()).UTC()
}

// Pace is the speed by the file.
func (f *File) Pace() float64 {
	if r, _, ok := f.read(); ok {
		return r.Speed
	}
	return 1
}

// Close unmaps the file.
func (f *File) Close() error {
	f.Virtual() // so that a clock that was never asked does not stand at the beginning of time
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mem == nil {
		return nil
	}
	mem := f.mem
	f.mem = nil
	return mem.unmap()
}

// read gives a whole reading and a system instant that lies within its validity: the instant is taken between the two
// looks at the sequence, and a writer takes its own after making the sequence odd. So no reader computes with an old
// speed beyond the instant at which the new one began, and virtual time is monotonic across processes.
func (f *File) read() (Reading, time.Time, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.mem == nil {
		return Reading{}, time.Time{}, false
	}
	w := f.mem.words
	for range maxSpins {
		seq := w[wordSeq].Load()
		r, system := w.load(), f.now()
		if seq%2 == 0 && w[wordSeq].Load() == seq {
			return r, system, true
		}
		runtime.Gosched()
	}
	return Reading{}, time.Time{}, false
}

func (f *File) raise(t time.Time) time.Time {
	ns := t.UnixNano()
	for {
		latest := f.latest.Load()
		if ns <= latest {
			return time.Unix(0, latest).UTC()
		}
		if f.latest.CompareAndSwap(latest, ns) {
			return t
		}
	}
}
