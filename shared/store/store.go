// Package store keeps 千帆's certainty in MySQL 8 or MariaDB 10.11. It is the only package
// that knows SQL. Instants named *_at are virtual time, *_until system time, both as unix
// milliseconds. A deadlock or lock timeout is retried inside; every other error comes back
// wrapped with the operation.
package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the database, safe for concurrent use.
type Store struct {
	db     *sql.DB
	sealer *Sealer
}

// Options tune a Store.
type Options struct {
	DSN      string // go-sql-driver form
	MaxConns int    // default 8
	Key      []byte // 32 bytes, seals personal data
	// Observe hears of each round trip to the server, by its first word: select, insert,
	// update, begin, commit … It may be called from many goroutines. Nil costs nothing.
	Observe func(kind string)
}

// Open prepares a Store; it does not connect yet.
func Open(o Options) (*Store, error) {
	cfg, err := mysql.ParseDSN(o.DSN)
	if err != nil {
		return nil, fmt.Errorf("QIANFAN_MYSQL_DSN: %w (form: user:password@tcp(host:3306)/qianfan)", err)
	}
	cfg.InterpolateParams = true
	cfg.ParseTime = false
	cfg.MultiStatements = false
	cfg.ClientFoundRows = false // a kept row counts as not affected
	cfg.Logger = &mysql.NopLogger{}
	if cfg.Timeout == 0 {
		cfg.Timeout = 3 * time.Second
	}
	if cfg.ReadTimeout == 0 {
		cfg.ReadTimeout, cfg.WriteTimeout = 15*time.Second, 15*time.Second
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("QIANFAN_MYSQL_DSN: %w", err)
	}
	sealer, err := NewSealer(o.Key)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(session{connector, o.Observe})
	if o.MaxConns == 0 {
		o.MaxConns = 8
	}
	db.SetMaxOpenConns(o.MaxConns)
	db.SetMaxIdleConns(o.MaxConns)
	// A frozen instance's connections may be dead after the thaw: retire them early.
	db.SetConnMaxIdleTime(15 * time.Second)
	return &Store{db: db, sealer: sealer}, nil
}

// session sets up each new connection: a vanished instance must not leave locks for long,
// no gap locks are wanted, and a value that does not fit is an error wherever we run.
type session struct {
	driver.Connector
	observe func(kind string)
}

var sessionSetup = []string{
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
	"SET SESSION wait_timeout = 60, innodb_lock_wait_timeout = 5, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
}

// Connect opens a connection and sets it up.
func (s session) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, stmt := range sessionSetup {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, stmt, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("set up connection: %w", err), conn.Close())
		}
	}
	return observed(conn, s.observe), nil
}

// Close releases the connections.
func (s *Store) Close() error { return s.db.Close() }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	return nil
}

// Migrate brings the schema to the version of this build.
func (s *Store) Migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectMySQL, s.db, files)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// SchemaKey names the schema of this build by its content, for caches of prepared databases.
func SchemaKey() string {
	sum := sha256.New()
	name := "none"
	entries, _ := migrations.ReadDir("migrations") // embedded: it is there
	for _, e := range entries {
		raw, _ := migrations.ReadFile("migrations/" + e.Name())
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", e.Name(), len(raw), raw)
		name = strings.TrimSuffix(e.Name(), ".sql")
	}
	return fmt.Sprintf("%s-%x", name, sum.Sum(nil)[:6])
}

const txTries = 4

// tx runs fn in a transaction, again from the start after a deadlock or lock timeout.
// An error of the COMMIT itself is ErrAmbiguous: it may have happened.
func (s *Store) tx(ctx context.Context, op string, fn func(tx *sql.Tx) error) error {
	return again(op, func() error { return s.once(ctx, fn) })
}

// exec runs one statement of its own, again after a deadlock or lock timeout.
func (s *Store) exec(ctx context.Context, op, query string, args ...any) error {
	return again(op, func() error {
		_, err := s.db.ExecContext(ctx, query, args...)
		return err
	})
}

// again tries fn until it is not contended, a few times.
func again(op string, fn func() error) error {
	var err error
	for range txTries {
		err = fn()
		if !contended(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// ErrAmbiguous says that a COMMIT's answer was lost.
var ErrAmbiguous = errors.New("commit without an answer")

func (s *Store) once(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		var my *mysql.MySQLError
		if errors.As(err, &my) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrAmbiguous, err)
	}
	return nil
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) {
		return nil
	}
	return err
}

func contended(err error) bool {
	var my *mysql.MySQLError
	return errors.As(err, &my) && (my.Number == 1213 || my.Number == 1205)
}

// Away reports whether err says that the database could not be reached or lost its
// connection: smaller work would fare no better. Contention and bad data are not that.
func Away(err error) bool {
	var network net.Error
	return errors.Is(err, ErrAmbiguous) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// Duplicate reports whether err is a broken unique key.
func Duplicate(err error) bool {
	var my *mysql.MySQLError
	return errors.As(err, &my) && my.Number == 1062
}
