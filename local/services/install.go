package services

import (
	"context"
	"embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// RocketMQVersion is the release that is installed.
const RocketMQVersion = "5.5.0"

//go:embed rocketmq.sh rocketmq/pom.xml
var scripts embed.FS

// unpackScripts writes the scripts into a directory, so that a program that was moved away from its source has them.
func unpackScripts(dir string) (script string, err error) {
	if err := os.CopyFS(dir, scripts); err != nil {
		return "", fmt.Errorf("unpack the RocketMQ scripts: %w", err)
	}
	return filepath.Join(dir, "rocketmq.sh"), nil
}

// InstallRocketMQ fetches RocketMQ with Maven unless the cache has it, and returns its directory. Processes that do so at the same
// time fetch it once. log gets what the script prints; nil drops it.
func InstallRocketMQ(ctx context.Context, log io.Writer) (string, error) {
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("install RocketMQ: find the cache directory: %w", err)
	}
	dir := filepath.Join(user, "qianfan", "rocketmq-"+RocketMQVersion)
	if err := install(ctx, dir, log); err != nil {
		return "", fmt.Errorf("install RocketMQ: %w", err)
	}
	return dir, nil
}

func install(ctx context.Context, dir string, log io.Writer) error {
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	home, err := newHome("", "install")
	if err != nil {
		return err
	}
	err = fetch(ctx, home, dir, log)
	if removeErr := home.remove(); err == nil {
		err = removeErr
	}
	return err
}

func fetch(ctx context.Context, home *home, dir string, log io.Writer) error {
	script, err := unpackScripts(home.dir)
	if err != nil {
		return err
	}
	cmd := exec.Command("bash", script, "install", dir) //nolint:noctx // ended below, with its whole group
	cmd.Env = append(os.Environ(), "ROCKETMQ_VERSION="+RocketMQVersion)
	p, err := launch("install", cmd, 0, log)
	if err != nil {
		return err
	}
	home.guardian.Watch(p.pid())
	select {
	case <-p.exited:
	case <-ctx.Done():
		p.killGroup()
		return ctx.Err()
	}
	if p.err != nil {
		return fmt.Errorf("%w: %s", p.err, p.printed())
	}
	return nil
}
