// Package store keeps 千帆's certainty in MySQL 8 or MariaDB 10.11. It is the only package
// that knows SQL. Instants named *_at are virtual time, *_until system time, both as unix
// milliseconds. A deadlock or lock timeout is retried inside; every other error comes back
// wrapped with the operation.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/chuandao/qianfan/shared/clock"
)

// Store is the database, safe for concurrent use.
type Store struct {
	db     *sql.DB
	config *mysql.Config
	sealer *Sealer
}

// Options tune a Store.
type Options struct {
	DSN      string // go-sql-driver form
	MaxConns int    // default 8
	Key      []byte // 32 bytes, seals personal data
	// Patient waits for an answer for as long as the sums of years of books may take, whatever the DSN says:
	// somebody sits there, and ends it when he wants to.
	Patient bool
	// Observe hears of each round trip to the server, by its first word: select, insert,
	// update, begin, commit … It may be called from many goroutines. Nil costs nothing.
	Observe func(kind string)
	// Judge hears once, with the first connection, what is wrong with the rights of the DSN's user. Nil = nobody asks.
	Judge func(Rights)
}

// patience is how long somebody waits at most. A server that is gone is noticed sooner, by the network.
const patience = time.Hour

// Open prepares a Store; it does not connect yet. Each connection that it makes later first
// finds the schema new enough, or every operation fails with a *SchemaError until it is.
func Open(o Options) (*Store, error) {
	cfg, err := parseDSN(o.DSN)
	if err != nil {
		return nil, err
	}
	if o.Patient {
		cfg.ReadTimeout = max(cfg.ReadTimeout, patience)
	}
	sealer, err := NewSealer(o.Key)
	if err != nil {
		return nil, err
	}
	s := &Store{config: cfg, sealer: sealer}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", envDSN, err)
	}
	s.db = sql.OpenDB(&session{Connector: connector, config: cfg, setup: sessionSetup, observe: o.Observe, gated: true, judge: o.Judge})
	if o.MaxConns == 0 {
		o.MaxConns = 8
	}
	s.db.SetMaxOpenConns(o.MaxConns)
	s.db.SetMaxIdleConns(o.MaxConns)
	// A frozen instance's connections may be dead after the thaw: retire them early.
	s.db.SetConnMaxIdleTime(15 * time.Second)
	// A server that took over behind the same address gets its share of a busy pool too.
	s.db.SetConnMaxLifetime(10 * time.Minute)
	return s, nil
}

// Close releases the connections. One that has died meanwhile, as they do in a frozen instance, is no failure: Close has none.
func (s *Store) Close() error {
	_ = s.db.Close()
	return nil
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	return nil
}

// A transaction that is contended is tried so often, after pauses that double: of any length up to the last one.
const (
	txTries  = 4
	maxPause = 40 * time.Millisecond
)

// tx runs fn in a transaction, again from the start after a deadlock or lock timeout.
// An error of the COMMIT itself is ErrAmbiguous: it may have happened.
func (s *Store) tx(ctx context.Context, op string, fn func(tx *sql.Tx) error) error {
	return again(ctx, op, func() error { return s.once(ctx, fn) })
}

// exec runs one statement of its own, again after a deadlock or lock timeout.
func (s *Store) exec(ctx context.Context, op, query string, args ...any) error {
	return again(ctx, op, func() error {
		_, err := s.db.ExecContext(ctx, query, args...)
		return err
	})
}

// again tries fn until it is not contended, a few times. It pauses in between: those who met
// would meet again, and what a rollback leaves to those who wait for its keys sets two of them against each other.
func again(ctx context.Context, op string, fn func() error) error {
	err := fn()
	for left := txTries - 1; left > 0 && contended(err); left-- {
		pause := maxPause >> (left - 1)
		if late := clock.System.Sleep(ctx, rand.N(pause)); late != nil { //nolint:forbidigo // nothing that is kept depends on it
			err = errors.Join(late, err)
			break
		}
		err = fn()
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
		if number(err) != 0 {
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

// errAnew makes a transaction begin again: somebody came between, or it has to lock more, and in order.
var errAnew = errors.New("others change the same rows again and again; try once more")

func contended(err error) bool {
	n := number(err)
	return n == errDeadlock || n == errLockWait || errors.Is(err, errAnew)
}

// Away reports whether err says that the database could not be reached or lost its
// connection, or that it is not fit for use: smaller work would fare no better. Contention
// and bad data are not that.
func Away(err error) bool {
	var network net.Error
	var connect *ConnectError
	var schema *SchemaError
	return errors.As(err, &connect) || errors.As(err, &schema) || errors.Is(err, ErrAmbiguous) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// Duplicate reports whether err is a broken unique key.
func Duplicate(err error) bool {
	return number(err) == errDuplicate
}
