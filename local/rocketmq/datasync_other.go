//go:build !linux

package rocketmq

import "os"

func datasync(f *os.File) error { return f.Sync() }
