package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/chuandao/qianfan/local/template"
)

// build compiles every function to where s.yaml says its code is. What is up to date costs
// little; the go command decides.
func build(ctx context.Context, root string, functions []template.Function) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for _, fn := range functions {
		g.Go(func() error {
			out := filepath.Join(fn.CodeDir, "bootstrap")
			if err := os.MkdirAll(fn.CodeDir, 0o755); err != nil {
				return fmt.Errorf("build %s: %w", fn.Resource, err)
			}
			cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, "./functions/"+fn.Resource+"/bootstrap")
			cmd.Dir = root
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			if text, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("build %s: %w\n%s", fn.Resource, err, text)
			}
			return nil
		})
	}
	return g.Wait()
}

// built checks that every function's binary is there.
func built(functions []template.Function) error {
	var missing []error
	for _, fn := range functions {
		if _, err := os.Stat(filepath.Join(fn.CodeDir, "bootstrap")); err != nil {
			missing = append(missing, fmt.Errorf("function %s is not built: run `make build`: %w", fn.Resource, err))
		}
	}
	return errors.Join(missing...)
}
