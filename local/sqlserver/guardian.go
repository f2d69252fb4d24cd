package sqlserver

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// guardian is a small process that outlives this one, however it ends: it waits for the end of a pipe that only this
// process holds open, then kills the server (where the kernel has not already done so) and removes its directory.
type guardian struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// guardianScript reads "server GROUP" when the server runs and "gone" when it has ended; the end of the pipe sets it off.
const guardianScript = `trap "" HUP INT TERM
server=
while read -r word group; do
	case $word in
	server) server=$group ;;
	gone) server= ;;
	esac
done
[ -z "$server" ] || kill -KILL -- "-$server" 2>/dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do
	rm -rf -- "$1" 2>/dev/null && exit 0
	sleep 0.2
done
exit 1`

func guard(dir string) (*guardian, error) {
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", guardianScript, "sh", dir)
	// It is bound to no context: it must outlive them all. In its own group, no Ctrl-C reaches it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Dir = "/"
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("guard %s: %w", dir, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("guard %s: %w", dir, err)
	}
	return &guardian{cmd: cmd, pipe: pipe}, nil
}

func (g *guardian) running(group int) { g.tell(fmt.Sprintf("server %d", group)) }

func (g *guardian) gone() { g.tell("gone") }

// release lets the guardian do what is left to do, and waits for it.
func (g *guardian) release() {
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}

// tell does its best: a guardian that somebody killed guards no longer, and that is all.
func (g *guardian) tell(line string) { _, _ = io.WriteString(g.pipe, line+"\n") }
