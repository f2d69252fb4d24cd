//go:build unix

package clock

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// mapping is a clock file in memory, shared with every other process that maps it.
type mapping struct {
	bytes []byte
	words *words
}

func mapFile(path string, flag, protection int) (*mapping, error) {
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // a mapping outlives its descriptor
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < fileSize {
		return nil, fmt.Errorf("%s has %d bytes: want %d", path, info.Size(), fileSize)
	}
	bytes, err := syscall.Mmap(int(f.Fd()), 0, fileSize, protection, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	// A mapping begins on a page, so its words are aligned as atomics need.
	return &mapping{bytes: bytes, words: (*words)(unsafe.Pointer(&bytes[0]))}, nil
}

func (m *mapping) unmap() error { return syscall.Munmap(m.bytes) }
