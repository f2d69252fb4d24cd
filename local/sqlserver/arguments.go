package sqlserver

import (
	"fmt"
	"os"
	"path/filepath"
)

// Durability says what a commit survives.
type Durability string

const (
	// Flush is durable: the log is synced at every commit, as in production.
	Flush Durability = "flush"
	// Relaxed syncs nothing: for tests and the simulator, whose data dies with them.
	Relaxed Durability = "relaxed"
)

func (d Durability) arguments() ([]string, error) {
	switch d {
	case Flush, "":
		return []string{"--innodb-flush-log-at-trx-commit=1"}, nil
	case Relaxed:
		return []string{"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-flush-method=nosync"}, nil
	}
	return nil, fmt.Errorf("durability %q: want %q or %q", d, Flush, Relaxed)
}

const (
	// A template keeps the smallest log, so that it copies fast; a server resizes it as it starts, which costs nothing
	// on an empty log.
	templateLogBytes  = 8 << 20
	serverLogBytes    = 96 << 20
	defaultBufferPool = 128 << 20
)

// common are the arguments under which data directories are made and served alike. They are part of a template's key.
// "loose" ones exist in one flavor only.
func common(b Binary, data string) []string {
	args := []string{
		"--no-defaults",
		"--basedir=" + b.Base,
		"--datadir=" + data,
		"--skip-log-bin",
		"--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_general_ci",
		"--innodb-data-file-path=ibdata1:12M:autoextend",
		"--innodb-autoextend-increment=8",
		"--loose-aria-log-file-size=8M",
	}
	if messages, err := b.share("english/errmsg.sys", "errmsg.sys"); err == nil {
		args = append(args, "--lc-messages-dir="+filepath.Dir(filepath.Dir(messages)))
	}
	if b.Flavor == "mysql" {
		args = append(args, "--secure-file-priv=NULL") // no files are read or written; the default is a directory of the system's
	}
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	return args
}

func logSize(bytes int64) []string {
	return []string{
		fmt.Sprintf("--loose-innodb-log-file-size=%d", bytes),
		fmt.Sprintf("--loose-innodb-redo-log-capacity=%d", bytes), // MySQL since 8.0.30, where it takes precedence
	}
}

// listening are the arguments for the network: none, or a port of the loopback interface.
func listening(port int) []string {
	if port == 0 {
		return []string{"--skip-networking"}
	}
	return []string{"--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port)}
}

// serving are the arguments of a running server besides where it listens: in UTC, strict, and small.
func serving(home *home, bufferPool int64) []string {
	return []string{
		"--socket=" + home.socket(),
		"--pid-file=" + home.socket() + ".pid",
		"--tmpdir=" + home.temporary(),
		"--loose-mysqlx=0",
		"--default-time-zone=+00:00",
		"--sql-mode=ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
		"--skip-name-resolve",
		"--performance-schema=OFF",
		"--max-connections=500",
		"--max-allowed-packet=64M",
		fmt.Sprintf("--innodb-buffer-pool-size=%d", bufferPool),
		"--innodb-buffer-pool-load-at-startup=OFF",
		"--innodb-buffer-pool-dump-at-shutdown=OFF",
		"--key-buffer-size=1M",
		"--loose-aria-pagecache-buffer-size=8M",
		"--table-open-cache=2000",
	}
}
