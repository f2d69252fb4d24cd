package rocketmq

import (
	"os"
	"syscall"
)

// datasync puts the file's content on disk, and of its metadata only what reading it back needs.
func datasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
