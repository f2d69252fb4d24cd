//go:build unix && !linux

package sqlserver

import "syscall"

// The guardian alone sees to the child's end here.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
