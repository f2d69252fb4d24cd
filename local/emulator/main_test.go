package emulator_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chuandao/qianfan/local/emulator"
)

// root of the project, seen from this package.
var root = filepath.Join("..", "..")

// command is the qianfan program that the tests run.
var command string

// TestMain builds the functions and the program once; every test runs what was built.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "qf-command-")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	if err := emulator.BuildFunctions(ctx, root); err != nil {
		return fail(err)
	}
	command = filepath.Join(dir, "qianfan")
	build := exec.CommandContext(ctx, "go", "build", "-o", command, "./local")
	build.Dir = root
	if text, err := build.CombinedOutput(); err != nil {
		return fail(fmt.Errorf("build the program: %w\n%s", err, text))
	}
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}
