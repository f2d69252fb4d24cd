//go:build unix && !linux

package services

import "syscall"

// The guardian alone sees to the child's end here.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
