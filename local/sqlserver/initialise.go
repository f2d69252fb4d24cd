package sqlserver

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// initialise makes home's data directory, empty, in which root has no password.
func initialise(ctx context.Context, b Binary, home *home) error {
	args := append(common(b, home.data()), "--tmpdir="+home.temporary())
	args = append(args, logSize(templateLogBytes)...)
	relaxed, err := Relaxed.arguments()
	if err != nil {
		return err
	}
	args = append(args, relaxed...)
	script := io.Reader(strings.NewReader(""))
	if b.Flavor == "mysql" {
		args = append(args, "--initialize-insecure")
	} else {
		if err := os.Mkdir(home.data(), 0o700); err != nil {
			return fmt.Errorf("initialise a data directory: %w", err)
		}
		if script, err = systemTables(b); err != nil {
			return fmt.Errorf("initialise a data directory: %w", err)
		}
		args = append(args, "--bootstrap", "--max-allowed-packet=8M", "--net-buffer-length=16K", "--log-warnings=0", "--enforce-storage-engine=")
	}
	cmd := b.command(ctx, args...)
	cmd.Stdin = script
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initialise a data directory with %s: %w: %s", b, err, lastLines(string(out), 20))
	}
	return nil
}

// systemTables is the script that MariaDB's bootstrap mode reads: its own system tables, without the help texts and the
// sys schema, which nobody reads here.
func systemTables(b Binary) (io.Reader, error) {
	// One statement a line, as bootstrap mode wants it. Without a socket user, root is let in by an empty password.
	script := []string{"CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n"}
	for _, name := range []string{"system_tables.sql", "performance_tables.sql", "system_tables_data.sql"} {
		path, err := b.share("mysql_"+name, "mariadb_"+name)
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		script = append(script, string(text), "\n")
	}
	// Whoever comes by network has no empty password.
	script = append(script, "DELETE FROM global_priv WHERE Host <> 'localhost';\n")
	return strings.NewReader(strings.Join(script, "")), nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
