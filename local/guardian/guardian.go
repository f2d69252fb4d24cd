// Package guardian leaves nothing behind: a small process that outlives this one, however it ends, kills what it was told to watch
// and removes a directory.
package guardian

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// Guardian waits for the end of a pipe that only this process holds open; then it kills the watched process group (where the kernel
// has not already done so) and removes its directory.
type Guardian struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// script reads "group N" when there is something to kill and "gone" when it has ended; the end of the pipe sets it off. What dies
// with us may still write for a moment, so it tries more than once.
// dash wants -s before --; -KILL -- is an error there.
const script = `trap "" HUP INT TERM
watched=
while read -r word group; do
	case $word in
	group) watched=$group ;;
	gone) watched= ;;
	esac
done
[ -z "$watched" ] || kill -s KILL -- "-$watched" 2>/dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do
	rm -rf -- "$1" 2>/dev/null && exit 0
	sleep 0.2
done
exit 1`

// Start guards a directory. Release it at the end.
func Start(dir string) (*Guardian, error) {
	// It is bound to no context: it must outlive them all. In its own group, no Ctrl-C reaches it.
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", script, "sh", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Dir = "/"
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("guard %s: %w", dir, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("guard %s: %w", dir, err)
	}
	return &Guardian{cmd: cmd, pipe: pipe}, nil
}

// PID is the guardian's own process.
func (g *Guardian) PID() int { return g.cmd.Process.Pid }

// Watch makes the guardian kill a process group at the end.
func (g *Guardian) Watch(group int) { g.tell(fmt.Sprintf("group %d", group)) }

// Gone says that the watched group has ended.
func (g *Guardian) Gone() { g.tell("gone") }

// tell does its best: a guardian that somebody killed guards no longer, and that is all.
func (g *Guardian) tell(line string) { _, _ = io.WriteString(g.pipe, line+"\n") }

// Release lets the guardian do what is left to do, and waits for it. The error says that the directory is still there.
func (g *Guardian) Release() error {
	_ = g.pipe.Close()
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("remove what was guarded: %w", err)
	}
	return nil
}
