package emulator

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// guardian is a small process that outlives this one, however it ends: it waits for the end
// of a pipe that only this process holds open, and then removes the emulator's directory.
type guardian struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// guardianScript ends with the pipe. What dies with us may still write for a moment.
const guardianScript = `trap "" HUP INT TERM
cat >/dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do
	rm -rf -- "$1" 2>/dev/null && exit 0
	sleep 0.2
done
exit 1`

func guard(dir string) (*guardian, error) {
	// It is bound to no context: it must outlive them all. In its own group, no Ctrl-C reaches it.
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", guardianScript, "sh", dir)
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

// release lets the guardian remove the directory, and waits for it.
func (g *guardian) release() error {
	_ = g.pipe.Close()
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("remove the emulator's directory: %w", err)
	}
	return nil
}
