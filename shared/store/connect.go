package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// envDSN is the setting that every error about reaching the database names.
const envDSN = "QIANFAN_MYSQL_DSN"

// parseDSN reads a data source name. The error never quotes it: a mistyped one may show its
// password anywhere.
func parseDSN(dsn string) (*mysql.Config, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil || !slices.Contains([]string{"tcp", "tcp4", "tcp6", "unix"}, cfg.Net) {
		return nil, fmt.Errorf("%s: not a data source name: want user:password@tcp(host:3306)/qianfan", envDSN)
	}
	if cfg.DBName == "" {
		return nil, fmt.Errorf("%s: names no database: want user:password@tcp(host:3306)/qianfan", envDSN)
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
	return cfg, nil
}

// session makes connections: a vanished instance must not leave locks for long, nobody waits
// for a table that is being changed longer than for its answer, no gap locks are wanted, and
// a value that does not fit is an error wherever we run.
type session struct {
	driver.Connector
	config  *mysql.Config
	setup   []string
	observe func(kind string)
	gated   bool // only a schema that this build can work with is good
	good    atomic.Bool
	judge   func(Rights) // hears of the user's rights, once; nil = nobody asks
	judged  atomic.Bool
}

const sessionBasics = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO', innodb_lock_wait_timeout = 5, "

const readCommitted = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"

var (
	sessionSetup = []string{readCommitted, sessionBasics + "wait_timeout = 60, lock_wait_timeout = 10"}
	// What changes tables may work for long, but holds up those behind it for a second at most
	// while it waits for its turn.
	migrateSetup = []string{readCommitted, sessionBasics + "wait_timeout = 28800, lock_wait_timeout = 1"}
	// Housekeeping locks a table and never pauses: when nothing comes from it, its instance is gone, perhaps without a word,
	// and nobody may wait for the lock until the network says so.
	keeperSetup = []string{readCommitted, sessionBasics + "wait_timeout = 5, lock_wait_timeout = 1"}
)

// Connect opens a connection and sets it up.
func (s *session) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, connectError(s.config, err)
	}
	for _, stmt := range s.setup {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, stmt, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("set up connection: %w", err), conn.Close())
		}
	}
	if err := s.admit(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return observed(conn, s.observe), nil
}

// admit looks at the schema until it was found good once.
func (s *session) admit(ctx context.Context, conn driver.Conn) error {
	if !s.gated || s.good.Load() {
		return nil
	}
	have, err := appliedVersion(ctx, conn)
	if number(err) == errTableDenied {
		return connectError(s.config, err)
	}
	if err != nil {
		return err
	}
	if have < wantVersion {
		return &SchemaError{Database: s.config.DBName, Have: have, Want: wantVersion}
	}
	s.good.Store(true)
	s.tellRights(ctx, conn)
	return nil
}

// tellRights tells what is wrong with the user's rights. That they cannot be read keeps nobody from serving.
func (s *session) tellRights(ctx context.Context, conn driver.Conn) {
	if s.judge == nil || s.judged.Swap(true) {
		return
	}
	if r, err := presentRights(ctx, conn, s.config.DBName); err == nil {
		s.judge(r)
	}
}

// appliedVersion reads the schema's version on a bare connection; 0 = there is none yet.
func appliedVersion(ctx context.Context, conn driver.Conn) (version int, err error) {
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, selectVersion, nil)
	if number(err) == errNoSuchTable {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	value := make([]driver.Value, 1)
	if err := rows.Next(value); err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	switch v := value[0].(type) {
	case int64:
		return int(v), nil
	case []byte:
		_, err = fmt.Sscan(string(v), &version)
		return version, err
	}
	return 0, nil
}

// upkeep opens connections for what may take long: no answer is too late, and the schema
// may be any. Close them at the end.
func (s *Store) upkeep(setup []string) (*sql.DB, error) {
	cfg := s.config.Clone()
	cfg.ReadTimeout, cfg.WriteTimeout = 0, 0
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", envDSN, err)
	}
	return sql.OpenDB(&session{Connector: connector, config: cfg, setup: setup}), nil
}

// ConnectError says why the database that QIANFAN_MYSQL_DSN names cannot be used.
type ConnectError struct {
	Where  string // user, address and database; no password
	remedy string
	Err    error
}

// Error names the setting, what happened and what to do.
func (e *ConnectError) Error() string {
	return fmt.Sprintf("%s (%s): %v: %s", envDSN, e.Where, e.Err, e.remedy)
}

// Remedy is what to do.
func (e *ConnectError) Remedy() string { return e.remedy }

// Unwrap is the driver's error.
func (e *ConnectError) Unwrap() error { return e.Err }

// Numbers of the servers' errors, the same in MySQL and MariaDB.
const (
	errTooManyConnections = 1040
	errDatabaseDenied     = 1044
	errAccessDenied       = 1045
	errUnknownDatabase    = 1049
	errDuplicate          = 1062
	errNoSuchTable        = 1146
	errLockWait           = 1205
	errDeadlock           = 1213
	errTableChanged       = 1412
	errUserConnections    = 1203
	errNoUser             = 1133 // MariaDB's, where none is made by a GRANT
	errNoSuchGrant        = 1141
	errTableDenied        = 1142
	errNoSuchTableGrant   = 1147
	errNeedsPrivilege     = 1227
	errNoUserMySQL        = 1410
)

// number is that of a server's error; 0 = it is none.
func number(err error) uint16 {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return my.Number
	}
	return 0
}

// connectError adds where and what to do.
func connectError(cfg *mysql.Config, err error) error {
	e := &ConnectError{Where: fmt.Sprintf("%s@%s(%s)/%s", cfg.User, cfg.Net, cfg.Addr, cfg.DBName), Err: err,
		remedy: "look at that server and at the setting's user, address and parameters"}
	var network net.Error
	switch number(err) {
	case errAccessDenied:
		e.remedy = "correct the setting's user or password, or let that user in from this address"
	case errDatabaseDenied, errTableDenied:
		e.remedy = "let the setting's user in: `qianfan migrate --grant USER@HOST` as the owner, or for the owner GRANT ALL ON that database"
	case errUnknownDatabase:
		e.remedy = "CREATE DATABASE " + cfg.DBName + " CHARACTER SET utf8mb4, then run `qianfan migrate`, or correct the setting"
	case errTooManyConnections, errUserConnections:
		e.remedy = "raise the server's max_connections, or lower QIANFAN_MYSQL_CONNS or the number of instances"
	default:
		if errors.As(err, &network) || strings.Contains(err.Error(), "connect:") {
			e.remedy = "start the server there, open the way to it, or correct the setting's address"
		}
	}
	return e
}
