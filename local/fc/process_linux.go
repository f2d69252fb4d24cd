package fc

import "syscall"

// attributes give a child its own process group and bind its life to ours: nothing stays behind even after SIGKILL.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
