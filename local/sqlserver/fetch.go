package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// packages that hold nothing but a server program and what it reads, the newest naming first.
var packages = []string{"mariadb-server-core", "mariadb-server-core-10.6", "mysql-server-core-8.0"}

// fetch returns the server in the cache, which it first unpacks there from the system's package archive if it is
// missing. It installs nothing and needs no root.
func fetch(ctx context.Context) (Binary, error) {
	cache, err := cacheDir()
	if err != nil {
		return Binary{}, err
	}
	tree := filepath.Join(cache, "server")
	if b, err := inspectTree(ctx, tree); err == nil {
		return b, nil
	}
	for _, tool := range []string{"apt-get", "dpkg-deb", "dpkg-query"} {
		if _, err := exec.LookPath(tool); err != nil {
			return Binary{}, fmt.Errorf("fetch a server package: %w", err)
		}
	}
	unlock, err := lock(ctx, tree+".lock")
	if err != nil {
		return Binary{}, err
	}
	defer unlock()
	if b, err := inspectTree(ctx, tree); err == nil {
		return b, nil // somebody else has fetched it meanwhile
	}
	if err := unpack(ctx, cache, tree); err != nil {
		return Binary{}, fmt.Errorf("fetch a server package (apt-get update may help): %w", err)
	}
	return inspectTree(ctx, tree)
}

func unpack(ctx context.Context, cache, tree string) error {
	work, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	archive, err := downloadAny(ctx, work, packages)
	if err != nil {
		return err
	}
	libraries, err := missingDependencies(ctx, archive)
	if err != nil {
		return err
	}
	archives := []string{archive}
	for _, alternatives := range libraries {
		library, err := downloadAny(ctx, work, alternatives)
		if err != nil {
			return err
		}
		archives = append(archives, library)
	}
	made := filepath.Join(work, "tree")
	for _, a := range archives {
		if _, err := output(ctx, work, "dpkg-deb", "-x", a, made); err != nil {
			return err
		}
	}
	if _, err := inspectTree(ctx, made); err != nil {
		return err
	}
	if err := os.RemoveAll(tree); err != nil {
		return err
	}
	return os.Rename(made, tree)
}

// downloadAny downloads the first of the packages that the archive has, into a directory of its own, and returns the
// file.
func downloadAny(ctx context.Context, work string, names []string) (string, error) {
	var errs []error
	for _, name := range names {
		dir := filepath.Join(work, name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
		if _, err := output(ctx, dir, "apt-get", "download", "-qq", name); err != nil {
			errs = append(errs, err)
			continue
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
		if err == nil && len(files) == 1 {
			return files[0], nil
		}
		errs = append(errs, fmt.Errorf("apt-get download %s left %d files", name, len(files)))
	}
	return "", errors.Join(errs...)
}

// missingDependencies are the packages that the archive wants and the system has not, each as its alternatives. Packages
// of configuration are no libraries and are not needed: the server is started with --no-defaults.
func missingDependencies(ctx context.Context, archive string) ([][]string, error) {
	field, err := output(ctx, "", "dpkg-deb", "-f", archive, "Depends")
	if err != nil {
		return nil, err
	}
	var missing [][]string
	for _, alternatives := range parseDepends(field) {
		installed := slices.ContainsFunc(alternatives, func(name string) bool {
			status, err := output(ctx, "", "dpkg-query", "-W", "-f", "${Status}", name)
			return err == nil && strings.HasSuffix(status, " installed")
		})
		if !installed && strings.HasPrefix(alternatives[0], "lib") {
			missing = append(missing, alternatives)
		}
	}
	return missing, nil
}

// parseDepends reads a Depends field, as "libaio1 (>= 0.3.93) | libaio1t64, zlib1g (>= 1:1.2.0)", into names.
func parseDepends(field string) [][]string {
	var all [][]string
	for dependency := range strings.SplitSeq(field, ",") {
		var alternatives []string
		for alternative := range strings.SplitSeq(dependency, "|") {
			if words := strings.Fields(alternative); len(words) > 0 {
				name, _, _ := strings.Cut(words[0], ":")
				alternatives = append(alternatives, name)
			}
		}
		if len(alternatives) > 0 {
			all = append(all, alternatives)
		}
	}
	return all
}

// inspectTree finds the server in an unpacked tree.
func inspectTree(ctx context.Context, tree string) (Binary, error) {
	libraries, err := libraryDirs(tree)
	if err != nil {
		return Binary{}, err
	}
	for _, program := range programs {
		path := filepath.Join(tree, "usr/sbin", program)
		if _, err := os.Stat(path); err == nil {
			return inspect(ctx, path, libraries)
		}
	}
	return Binary{}, fmt.Errorf("no server under %s", tree)
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}
