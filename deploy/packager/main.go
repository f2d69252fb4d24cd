// Command packager builds what Function Compute runs: for every folder functions/<name>/bootstrap the static linux/amd64 binary
// build/package/<name>/bootstrap and, with it alone inside, build/package/<name>.zip. The same sources and Go version give the same
// bytes on every machine: paths, times and version control are left out.
//
//	go run ./deploy/packager [function…]
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, ".", filepath.Join("build", "package"), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "packager:", err)
		stop()
		os.Exit(1)
	}
}

// run packages the named functions of the project at root, or all, into the folder out and prints name, size and digest of each.
func run(ctx context.Context, root, out string, names []string, report io.Writer) error {
	known, err := functions(root)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = known
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("there is no function %q, only %v", name, known)
		}
		binary := filepath.Join(out, name, executable)
		if err := compile(ctx, root, name, binary); err != nil {
			return err
		}
		p, err := pack(binary, filepath.Join(out, name+".zip"))
		if err != nil {
			return err
		}
		fmt.Fprintf(report, "%-10s %6.2f MB  sha256 %s\n", name+".zip", float64(p.size)/(1<<20), p.digest)
		if p.size > maxSize {
			return fmt.Errorf("%s.zip has %d bytes, more than %d: `go version -m` and `go tool nm -size` show what grew", name, p.size, maxSize)
		}
	}
	return nil
}

// functions are the names of all stages, sorted.
func functions(root string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(root, "functions", "*", "bootstrap", "main.go"))
	if err != nil {
		return nil, fmt.Errorf("look for functions: %w", err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no functions/*/bootstrap below %q: run this where s.yaml is", root)
	}
	names := make([]string, len(found))
	for i, path := range found {
		names[i] = filepath.Base(filepath.Dir(filepath.Dir(path)))
	}
	return names, nil
}
