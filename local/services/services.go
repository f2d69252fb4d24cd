// Package services installs and runs the real services that a deployment uses, as child processes: RocketMQ 5 and Redis. Tests use
// it, and whoever wants to run the emulator on them without containers. (The real SQL server is package sqlserver's.)
//
// A service has a directory of its own, listens on free ports, dies with the process that started it, and leaves nothing behind.
package services

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/chuandao/qianfan/local/guardian"
	"github.com/chuandao/qianfan/shared/clock"
)

// lookPause is the time between two looks at something that another process does.
const lookPause = 20 * time.Millisecond

// home is a service's directory, only for this user, with its guardian.
type home struct {
	dir      string
	guardian *guardian.Guardian
}

// newHome makes a directory under parent; empty means the system's temporary directory.
func newHome(parent, name string) (*home, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	parent, err := filepath.Abs(parent)
	if err != nil {
		return nil, fmt.Errorf("make the directory of %s: %w", name, err)
	}
	dir, err := os.MkdirTemp(parent, "qianfan-"+name+"-")
	if err != nil {
		return nil, fmt.Errorf("make the directory of %s: %w", name, err)
	}
	g, err := guardian.Start(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &home{dir: dir, guardian: g}, nil
}

// remove removes the directory and what guards it. The service must have ended.
func (h *home) remove() error {
	h.guardian.Gone()
	_ = os.RemoveAll(h.dir) // what cannot be removed yet, the guardian tries again
	return h.guardian.Release()
}

// lock takes the lock file at path, waiting for whichever process holds it. The lock ends with its process.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // which unlocks
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = clock.System.Sleep(ctx, lookPause)
		}
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("wait for the lock %s: %w", path, err)
		}
	}
}
