package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// Binary is a MariaDB or MySQL server program.
type Binary struct {
	Path    string // of the program
	Flavor  string // "mariadb" or "mysql"
	Version string // as 10.11.19
	Base    string // the installation's root, under which share/ lies
	// Libraries are the directories of its libraries, joined by colons, when they are not the system's: of a program that
	// was unpacked into the cache, or that lies in a root of its own.
	Libraries string
	// Loader is the dynamic loader of the root of its own that the program lies in; empty = the system's.
	Loader string
}

// EnvServer names the server program to run, instead of the first one that is found. A program inside a root of its own (as
// local/services/mysql.sh makes one) is run by that root's loader and libraries.
const EnvServer = "QIANFAN_SQL_SERVER"

// String is the name for people, as "mariadb 10.11.19".
func (b Binary) String() string { return b.Flavor + " " + b.Version }

// ErrNoServer means that no MariaDB or MySQL server is on this machine and none could be fetched. The error that wraps
// it says what to install.
var ErrNoServer = errors.New("no MariaDB or MySQL server found")

var (
	programs = []string{"mariadbd", "mysqld"}
	// places where packages put server programs without their being on a user's PATH.
	places = []string{"/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/opt/homebrew/opt/mariadb/bin", "/usr/local/opt/mariadb/bin", "/opt/homebrew/opt/mysql/bin", "/usr/local/mysql/bin"}

	versionLine = regexp.MustCompile(`Ver (\d+\.\d+\.\d+)(\S*)`)
)

// Find takes the server that QIANFAN_SQL_SERVER names. Unset, it looks for one on PATH, where packages put one, and in the
// cache; on Debian and Ubuntu it then fetches one into the cache, for which it needs no root. ErrNoServer says what to do
// elsewhere.
func Find(ctx context.Context) (Binary, error) {
	if chosen := os.Getenv(EnvServer); chosen != "" {
		b, err := inspect(ctx, chosen, "")
		if err != nil {
			return Binary{}, fmt.Errorf("%s: want the path of mariadbd or mysqld: %w", EnvServer, err)
		}
		return b, nil
	}
	var broken []error
	for _, path := range candidates() {
		b, err := inspect(ctx, path, "")
		if err == nil {
			return b, nil
		}
		broken = append(broken, err)
	}
	b, err := fetch(ctx)
	if err == nil {
		return b, nil
	}
	return Binary{}, fmt.Errorf("%w: %s: %w", ErrNoServer, remedy(runtime.GOOS), errors.Join(append(broken, err)...))
}

// candidates are the server programs of this machine, MariaDB first.
func candidates() []string {
	var paths []string
	for _, program := range programs {
		if path, err := exec.LookPath(program); err == nil {
			paths = append(paths, path)
		}
		for _, place := range places {
			path := filepath.Join(place, program)
			if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// inspect asks the program for its version; libraries is as in Binary.
func inspect(ctx context.Context, path, libraries string) (Binary, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return Binary{}, fmt.Errorf("inspect %s: %w", path, err)
	}
	b := Binary{Path: path, Base: filepath.Dir(filepath.Dir(resolved)), Libraries: libraries}
	if root, loader := ownRoot(b.Base); libraries == "" && loader != "" {
		dirs, err := libraryDirs(root)
		if err != nil {
			return Binary{}, fmt.Errorf("inspect %s: %w", path, err)
		}
		b.Loader, b.Libraries = loader, dirs
	}
	out, err := b.command(ctx, "--no-defaults", "--version").CombinedOutput()
	if err != nil {
		return Binary{}, fmt.Errorf("inspect %s: %w: %s", path, err, strings.TrimSpace(string(out)))
	}
	b.Flavor, b.Version, err = parseVersion(string(out))
	if err != nil {
		return Binary{}, fmt.Errorf("inspect %s: %w", path, err)
	}
	return b, nil
}

// parseVersion reads a line such as "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64" or
// "/usr/sbin/mysqld  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)".
func parseVersion(line string) (flavor, version string, err error) {
	m := versionLine.FindStringSubmatch(line)
	if m == nil {
		return "", "", fmt.Errorf("no version in %q", strings.TrimSpace(line))
	}
	if strings.Contains(m[2], "MariaDB") {
		return "mariadb", m[1], nil
	}
	return "mysql", m[1], nil
}

// ownRoot is the root below which an installation at base lies and that root's loader; empty when it is the system's.
func ownRoot(base string) (root, loader string) {
	root, isUsr := strings.CutSuffix(base, "/usr")
	if !isUsr || root == "" {
		return "", ""
	}
	for _, pattern := range []string{"lib64/ld-linux-*.so.*", "lib/ld-linux-*.so.*", "lib/ld-musl-*.so.*"} {
		if found, err := filepath.Glob(filepath.Join(root, pattern)); err == nil && len(found) > 0 {
			return root, found[0]
		}
	}
	return "", ""
}

// libraryDirs are the directories of libraries below a root, joined by colons.
func libraryDirs(root string) (string, error) {
	var dirs []string
	for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib", "lib"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return "", err
		}
		dirs = append(dirs, found...)
	}
	return strings.Join(dirs, string(os.PathListSeparator)), nil
}

func (b Binary) command(ctx context.Context, args ...string) *exec.Cmd {
	if b.Loader != "" {
		return exec.CommandContext(ctx, b.Loader, append([]string{"--library-path", b.Libraries, b.Path}, args...)...)
	}
	cmd := exec.CommandContext(ctx, b.Path, args...)
	if b.Libraries != "" {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+b.Libraries)
	}
	return cmd
}

// share finds a file of the installation by any of its names; releases have moved and renamed them.
func (b Binary) share(names ...string) (string, error) {
	for _, dir := range []string{"share/mysql", "share/mariadb", "share"} {
		for _, name := range names {
			path := filepath.Join(b.Base, dir, name)
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s at %s: no %s under %s/share", b, b.Path, strings.Join(names, " nor "), b.Base)
}

func remedy(goos string) string {
	switch goos {
	case "darwin":
		return "brew install mariadb"
	case "linux":
		return "install it with the system's package manager (Debian, Ubuntu: sudo apt-get install mariadb-server-core; " +
			"Fedora: sudo dnf install mariadb-server; Alpine: sudo apk add mariadb; Arch: sudo pacman -S mariadb)"
	}
	return "install MariaDB 10.11 or later, or MySQL 8 or later, so that mariadbd or mysqld is on PATH"
}
