//go:build unix

package clock

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

// Writer owns a clock file. One process makes one Writer per file; its methods are safe for concurrent use.
type Writer struct {
	mu  sync.Mutex
	mem *mapping
}

// Create makes the clock file at path with its first reading, replacing any earlier file, and maps it for writing. The
// file appears whole: it is made beside path and renamed.
func Create(path string, first Reading) (*Writer, error) {
	if err := first.validate(); err != nil {
		return nil, fmt.Errorf("create clock file %s: %w", path, err)
	}
	temporary := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(temporary, make([]byte, fileSize), 0o600); err != nil {
		return nil, fmt.Errorf("create clock file: %w", err)
	}
	mem, err := mapFile(temporary, os.O_RDWR, syscall.PROT_READ|syscall.PROT_WRITE)
	if err == nil {
		mem.words.store(first)
		mem.words[wordVersion].Store(fileVersion)
		mem.words[wordMagic].Store(fileMagic)
		if err = os.Rename(temporary, path); err == nil {
			return &Writer{mem: mem}, nil
		}
		_ = mem.unmap()
	}
	_ = os.Remove(temporary)
	return nil, fmt.Errorf("create clock file %s: %w", path, err)
}

// Update replaces the reading by what change makes of the present one, and returns the new one. change runs while
// readers are kept out; a system instant that it takes lies after every instant that a reader has paired with the old
// reading. It must be short and must not panic. An invalid reading is refused and changes nothing.
func (w *Writer) Update(change func(Reading) Reading) (Reading, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mem == nil {
		return Reading{}, fmt.Errorf("update clock file: %w", os.ErrClosed)
	}
	words := w.mem.words
	words[wordSeq].Add(1)
	defer words[wordSeq].Add(1)
	old := words.load()
	next := change(old)
	if err := next.validate(); err != nil {
		return old, fmt.Errorf("update clock file: %w", err)
	}
	words.store(next)
	return next, nil
}

// Close unmaps the file and leaves it in place: readers that have it mapped go on by its last reading.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mem == nil {
		return nil
	}
	mem := w.mem
	w.mem = nil
	return mem.unmap()
}
