// Package sqlserver runs a private MariaDB or MySQL server as a child process: the emulator's store, and the tests'.
//
// A server has a directory of its own, is reached by a socket in it only, dies with the process that started it, and
// leaves nothing behind. Its data directory is a copy of a cached Template, so that it starts in a fraction of a second.
package sqlserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/chuandao/qianfan/local/guardian"
)

// Options of Start. The zero value is a durable, empty server in the system's temporary directory.
type Options struct {
	// Dir is where the server's own directory is made; empty means the system's temporary directory. It must exist, and
	// be short: a socket's path has at most some hundred bytes.
	Dir string
	// Cache is where templates are kept; empty means the user's cache directory.
	Cache string
	// Durability is Flush or Relaxed; empty means Flush.
	Durability Durability
	// BufferPool is the size of InnoDB's page cache in bytes; 0 means 128 MiB.
	BufferPool int64
	// Template is what the server holds at first.
	Template Template
	// Log gets every line the server prints, from one goroutine; nil drops them.
	Log func(line string)
}

// Server is a running server. Close it at the end.
type Server struct {
	binary  Binary
	home    *home
	process *process
	close   sync.Once
}

// shutdownPatience is how long a server may take to end by itself; then it is killed. Its data dies with it anyway.
const shutdownPatience = 5 * time.Second

// Start finds a server program (see Find), makes the template if the cache has none, and starts a server on a copy of
// it. It returns when the server answers. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Server, error) {
	b, err := Find(ctx)
	if err != nil {
		return nil, err
	}
	if o.Cache == "" {
		if o.Cache, err = cacheDir(); err != nil {
			return nil, err
		}
	}
	template, err := o.Template.ensure(ctx, b, o.Cache, o.Log)
	if err != nil {
		return nil, err
	}
	home, err := newHome(o.Dir)
	if err != nil {
		return nil, err
	}
	s, err := home.serve(ctx, b, template, o, serverLogBytes)
	if err != nil {
		home.remove()
		return nil, fmt.Errorf("start %s: %w", b, err)
	}
	return s, nil
}

// Version is the flavor and version, as "mariadb 10.11.19".
func (s *Server) Version() string { return s.binary.String() }

// DSN is the data source name of a database on this server, for go-sql-driver/mysql; db may be empty. Times are parsed
// as UTC, parameters interpolated in the client.
func (s *Server) DSN(db string) string {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = "root", "unix", s.home.socket(), db
	c.ParseTime, c.InterpolateParams = true, true
	return c.FormatDSN()
}

// Exited is closed when the server has ended, by Close or by itself.
func (s *Server) Exited() <-chan struct{} { return s.process.exited }

var databaseName = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)

// CreateDatabase creates a database if there is none of that name: letters, digits and underscores.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	if !databaseName.MatchString(name) {
		return fmt.Errorf("create database %q: want letters, digits and underscores", name)
	}
	if err := s.execute(ctx, "CREATE DATABASE IF NOT EXISTS `"+name+"`"); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// execute runs one statement on a connection of its own.
func (s *Server) execute(ctx context.Context, statement string) (err error) {
	db, err := sql.Open("mysql", s.DSN(""))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// Close ends the server, by force if it takes longer than a few seconds, and removes its directory. Closing again does
// nothing.
func (s *Server) Close() {
	s.close.Do(func() {
		_ = s.stop(shutdownPatience) // killed or not, it is gone and so is its data
		s.home.remove()
	})
}

func (s *Server) stop(patience time.Duration) error {
	err := s.process.stop(patience)
	s.home.guardian.Gone()
	return err
}

// home is a server's directory, only for this user, with its guardian.
type home struct {
	dir      string
	guardian *guardian.Guardian
}

// longestSocket is the length of a socket's path that every system takes.
const longestSocket = 100

func newHome(parent string) (*home, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	parent, err := filepath.Abs(parent)
	if err != nil {
		return nil, fmt.Errorf("make the server's directory: %w", err)
	}
	dir, err := os.MkdirTemp(parent, "qianfan-sql-")
	if err != nil {
		return nil, fmt.Errorf("make the server's directory: %w", err)
	}
	h := &home{dir: dir}
	if err := h.furnish(); err != nil {
		return nil, errors.Join(fmt.Errorf("make the server's directory: %w", err), os.RemoveAll(dir))
	}
	return h, nil
}

func (h *home) furnish() (err error) {
	if len(h.socket()) > longestSocket {
		return fmt.Errorf("the path %s is too long for a socket (over %d bytes): choose a shorter directory", h.socket(), longestSocket)
	}
	if err := os.Mkdir(h.temporary(), 0o700); err != nil {
		return err
	}
	h.guardian, err = guardian.Start(h.dir)
	return err
}

func (h *home) data() string   { return filepath.Join(h.dir, "data") }
func (h *home) socket() string { return filepath.Join(h.dir, "s") }

// temporary is for the server's temporary tables: a server that starts removes those that it finds, and so would take
// those of another.
func (h *home) temporary() string { return filepath.Join(h.dir, "tmp") }

// serve starts a server on a copy of the template and waits until it answers.
func (h *home) serve(ctx context.Context, b Binary, template string, o Options, logBytes int64) (*Server, error) {
	durability, err := o.Durability.arguments()
	if err != nil {
		return nil, err
	}
	if o.BufferPool == 0 {
		o.BufferPool = defaultBufferPool
	}
	if err := copyTree(h.data(), template, false); err != nil {
		return nil, fmt.Errorf("copy the template: %w", err)
	}
	args := append(common(b, h.data()), logSize(logBytes)...)
	args = append(args, serving(h, o.BufferPool)...)
	p, err := launch(b, append(args, durability...), o.Log)
	if err != nil {
		return nil, err
	}
	h.guardian.Watch(p.group())
	s := &Server{binary: b, home: h, process: p}
	err = p.awaitReady(ctx)
	if err == nil {
		err = s.execute(ctx, "DO 1")
	}
	if err != nil {
		_ = s.stop(0) // that it was killed, or why it ended, adds nothing
		return nil, err
	}
	return s, nil
}

// remove removes the directory and what guards it.
func (h *home) remove() {
	_ = os.RemoveAll(h.dir) // what cannot be removed yet, the guardian tries again
	_ = h.guardian.Release()
}
