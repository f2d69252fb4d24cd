//go:build !linux

package fc

import "syscall"

// attributes give a child its own process group. Only Linux can also bind its life to ours.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
