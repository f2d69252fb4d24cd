package sqlserver

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestVersionLines(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)":  "mariadb 10.11.19",
		"/usr/libexec/mysqld  Ver 10.5.22-MariaDB for Linux on x86_64 (MariaDB Server)":        "mariadb 10.5.22",
		"/usr/sbin/mysqld  Ver 8.0.36-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))":         "mysql 8.0.36",
		"/usr/sbin/mysqld  Ver 9.1.0 for Linux on aarch64 (MySQL Community Server - GPL)":      "mysql 9.1.0",
		"/opt/homebrew/bin/mariadbd  Ver 11.5.2-MariaDB for osx10.19 on arm64 (Homebrew)\n...": "mariadb 11.5.2",
	} {
		flavor, version, err := parseVersion(line)
		require.NoError(t, err)
		require.Equal(t, want, flavor+" "+version)
	}
	_, _, err := parseVersion("bash: not a server")
	require.ErrorContains(t, err, "no version in")
}

func TestDependsFields(t *testing.T) {
	t.Parallel()
	require.Equal(t, [][]string{{"mariadb-common"}, {"libaio1t64", "libaio1"}, {"zlib1g"}},
		parseDepends("mariadb-common (>= 1:10.11.19-0+deb12u1), libaio1t64 (>= 0.3.93) | libaio1, zlib1g:any (>= 1:1.2.0)"))
	require.Empty(t, parseDepends(""))
}

func TestEverySystemHasARemedy(t *testing.T) {
	t.Parallel()
	require.Contains(t, remedy("darwin"), "brew install mariadb")
	require.Contains(t, remedy("linux"), "apt-get install mariadb-server-core")
	require.Contains(t, remedy("freebsd"), "on PATH")
}

func TestLockIsHeldByOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*lockPoll)
	defer cancel()
	_, err = lock(ctx, path)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	taken := make(chan error, 1)
	go func() {
		second, err := lock(t.Context(), path)
		if err == nil {
			second()
		}
		taken <- err
	}()
	unlock()
	require.NoError(t, <-taken)
}

func TestCopyTree(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	require.NoError(t, os.Mkdir(filepath.Join(from, "mysql"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(from, "mysql", "db.opt"), []byte("utf8mb4"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(from, "empty"), nil, 0o644))
	require.NoError(t, copyTree(to, from, true))
	content, err := os.ReadFile(filepath.Join(to, "mysql", "db.opt"))
	require.NoError(t, err)
	require.Equal(t, "utf8mb4", string(content))
	require.FileExists(t, filepath.Join(to, "empty"))
	require.Error(t, copyTree(to, from, false), "never over another")

	require.NoError(t, os.Symlink("empty", filepath.Join(from, "link")))
	require.ErrorContains(t, copyTree(filepath.Join(t.TempDir(), "to"), from, false), "neither a file nor a directory")
}

func TestPruneRemovesOnlyWhatNobodyUses(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	for _, name := range []string{"template-old", "template-new", "server"} {
		require.NoError(t, os.Mkdir(filepath.Join(cache, name), 0o700))
	}
	long := time.Now().Add(-keepUnused - time.Hour)
	for _, name := range []string{"template-old", "template-new", "server"} {
		require.NoError(t, os.Chtimes(filepath.Join(cache, name), long, long))
	}
	require.True(t, inUse(filepath.Join(cache, "template-new")))
	require.False(t, inUse(filepath.Join(cache, "template-none")))
	prune(cache)
	require.NoDirExists(t, filepath.Join(cache, "template-old"))
	require.DirExists(t, filepath.Join(cache, "template-new"))
	require.DirExists(t, filepath.Join(cache, "server"))
}

// A program in a root of its own is run by that root's loader: this system's libraries may be too old for it.
func TestAProgramInARootOfItsOwnBringsItsLoader(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, file := range []string{"usr/sbin/mysqld", "lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu/libc.so.6"} {
		path := filepath.Join(root, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho \"mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))\"\n"), 0o755))
	}
	b, err := inspect(t.Context(), filepath.Join(root, "usr/sbin/mysqld"), "")
	require.NoError(t, err)
	require.Equal(t, "mysql 9.7.4", b.String())
	require.Equal(t, filepath.Join(root, "lib64/ld-linux-x86-64.so.2"), b.Loader)
	require.Contains(t, b.Libraries, filepath.Join(root, "usr/lib/x86_64-linux-gnu"))
	require.Equal(t, []string{b.Loader, "--library-path", b.Libraries, b.Path, "--version"}, b.command(t.Context(), "--version").Args)

	none, loader := ownRoot("/usr")
	require.Empty(t, none+loader, "the system's own")
	none, loader = ownRoot("/usr/local")
	require.Empty(t, none+loader)
}

func TestAChosenServerThatIsNoneNamesItsSetting(t *testing.T) {
	t.Setenv(EnvServer, "/nowhere/mysqld")
	_, err := Find(t.Context())
	require.ErrorContains(t, err, EnvServer+": want the path of mariadbd or mysqld")
}
