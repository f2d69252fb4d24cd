// Package sqlserver runs a private MariaDB or MySQL server as a child process: the emulator's store, and the tests'.
//
// A server has a directory of its own, is reached by a socket in it only (unless a TCP port is asked for), dies with the
// process that started it, and leaves nothing behind. Its data directory is a copy of a cached Template, so that it starts in a fraction of a second.
package sqlserver

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
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
	// Binary is the path of the server program; empty = Find decides.
	Binary string
	// TCP makes the server listen on 127.0.0.1 too, for a user with a random password (see TCPDSN).
	TCP bool
	// Port to listen on with TCP; 0 = a free one.
	Port int
	// Template is what the server holds at first.
	Template Template
	// Log gets every line the server prints, from one goroutine; nil drops them.
	Log func(line string)
}

// Server is a running server. Close it at the end.
type Server struct {
	binary   Binary
	home     *home
	args     []string // of each start
	log      func(string)
	port     int    // 0 = no TCP
	password string // of the user who comes by TCP
	close    sync.Once

	mu      sync.Mutex
	process *process // the present one, or the last
}

// shutdownPatience is how long a server may take to end by itself; then it is killed. Its data dies with it anyway.
const shutdownPatience = 5 * time.Second

// Start finds a server program (see Find), makes the template if the cache has none, and starts a server on a copy of
// it. It returns when the server answers. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.BufferPool < 0 {
		return nil, fmt.Errorf("buffer pool of %d bytes: want a size, or 0 for the default", o.BufferPool)
	}
	b, err := o.find(ctx)
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

func (o Options) find(ctx context.Context) (Binary, error) {
	if o.Binary == "" {
		return Find(ctx)
	}
	return inspect(ctx, o.Binary, "")
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

// AppUser is a user that every server has besides the one who may do everything: it has no rights until somebody grants it some, and is
// for what must not be able to do everything. It comes from AppHost by the socket, and with TCP from TCPHost too.
const (
	AppUser = "qianfan_app"
	AppHost = "localhost"
	TCPHost = "127.0.0.1"
)

// AppDSN is DSN for AppUser.
func (s *Server) AppDSN(db string) string {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = AppUser, "unix", s.home.socket(), db
	c.ParseTime, c.InterpolateParams = true, true
	return c.FormatDSN()
}

// tcpUser is who comes by TCP.
const tcpUser = "qianfan"

// TCPDSN is DSN by the TCP port, for a user who may do everything; empty without Options.TCP.
func (s *Server) TCPDSN(db string) string { return s.tcpDSN(tcpUser, db) }

// AppTCPDSN is TCPDSN for AppUser.
func (s *Server) AppTCPDSN(db string) string { return s.tcpDSN(AppUser, db) }

func (s *Server) tcpDSN(user, db string) string {
	if s.port == 0 {
		return ""
	}
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName = user, s.password, "tcp", fmt.Sprintf(TCPHost+":%d", s.port), db
	c.ParseTime, c.InterpolateParams = true, true
	return c.FormatDSN()
}

// Exited is closed when the server has ended, by Close, Kill or itself. After a Restart there is another such channel.
func (s *Server) Exited() <-chan struct{} { return s.running().exited }

func (s *Server) running() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// Kill ends the server as kill -9 does and waits for its end. Its data stays as it is, for Restart.
func (s *Server) Kill() {
	p := s.running()
	_ = syscall.Kill(-p.group(), syscall.SIGKILL) // it may have ended
	<-p.exited
	s.home.guardian.Gone()
}

// Restart starts a server that has ended (see Kill) again, on the same data, socket and port, and returns when it answers.
// Flush durability keeps every acknowledged commit.
func (s *Server) Restart(ctx context.Context) error {
	select {
	case <-s.Exited():
	default:
		return errors.New("restart the server: it runs")
	}
	if err := s.launch(ctx); err != nil {
		return fmt.Errorf("restart %s: %w", s.binary, err)
	}
	return nil
}

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
	err := s.running().stop(patience)
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
	s := &Server{binary: b, home: h, log: o.Log, password: rand.Text()}
	if o.TCP {
		if s.port, err = choosePort(ctx, o.Port); err != nil {
			return nil, err
		}
	}
	s.args = slices.Concat(common(b, h.data()), logSize(logBytes), serving(h, o.BufferPool), listening(s.port), durability)
	if err := s.launch(ctx); err != nil {
		return nil, err
	}
	if err := s.admit(ctx); err != nil {
		_ = s.stop(0)
		return nil, err
	}
	return s, nil
}

// launch starts the program and waits until it answers.
func (s *Server) launch(ctx context.Context) error {
	p, err := launch(s.binary, s.args, s.log)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.process = p
	s.mu.Unlock()
	s.home.guardian.Watch(p.group())
	err = p.awaitReady(ctx)
	if err == nil {
		err = s.execute(ctx, "DO 1")
	}
	if err != nil {
		_ = s.stop(0) // that it was killed, or why it ended, adds nothing
	}
	return err
}

// choosePort is the wanted port, or one that is free now.
func choosePort(ctx context.Context, wanted int) (int, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", wanted))
	if err != nil {
		return 0, fmt.Errorf("choose a TCP port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// admit makes the users that an empty server lacks.
func (s *Server) admit(ctx context.Context) error {
	statements := []string{"CREATE USER IF NOT EXISTS '" + AppUser + "'@'" + AppHost + "'"}
	if s.port != 0 {
		statements = append(statements,
			"CREATE USER '"+tcpUser+"'@'"+TCPHost+"' IDENTIFIED BY '"+s.password+"'",
			"GRANT ALL ON *.* TO '"+tcpUser+"'@'"+TCPHost+"' WITH GRANT OPTION",
			"CREATE USER '"+AppUser+"'@'"+TCPHost+"' IDENTIFIED BY '"+s.password+"'",
		)
	}
	for _, statement := range statements {
		if err := s.execute(ctx, statement); err != nil {
			return fmt.Errorf("admit a user: %w", err)
		}
	}
	return nil
}

// remove removes the directory and what guards it.
func (h *home) remove() {
	_ = os.RemoveAll(h.dir) // what cannot be removed yet, the guardian tries again
	_ = h.guardian.Release()
}
