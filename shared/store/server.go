package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Server is what a store runs on.
type Server struct {
	Name    string // "mariadb 10.11.19", "mysql 9.7.0"
	Durable bool   // a commit is on disk before it is answered
}

// Server asks the database server what it is.
func (s *Store) Server(ctx context.Context) (Server, error) {
	var version string
	var flush int
	if err := s.db.QueryRowContext(ctx, "SELECT VERSION(), @@innodb_flush_log_at_trx_commit").Scan(&version, &flush); err != nil {
		return Server{}, fmt.Errorf("reach the database (QIANFAN_MYSQL_DSN): %w", err)
	}
	number, _, _ := strings.Cut(version, "-")
	name := "mysql " + number
	if strings.Contains(strings.ToLower(version), "mariadb") {
		name = "mariadb " + number
	}
	return Server{Name: name, Durable: flush == 1}, nil
}

// CreateDatabase makes the database that a DSN names, unless it is there.
func CreateDatabase(ctx context.Context, dsn string) error {
	return onServer(ctx, dsn, "CREATE DATABASE IF NOT EXISTS %s CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
}

// DropDatabase removes the database that a DSN names, with everything in it.
func DropDatabase(ctx context.Context, dsn string) error {
	return onServer(ctx, dsn, "DROP DATABASE IF EXISTS %s")
}

// Account says as whom the server knows the user of a DSN, who need not have any right yet: the names
// that a GRANT wants.
func Account(ctx context.Context, dsn string) (user, host string, err error) {
	err = atServer(dsn, func(db *sql.DB, _ string) error {
		var account string
		if err := db.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&account); err != nil {
			return err
		}
		at := strings.LastIndex(account, "@")
		user, host = account[:at], account[at+1:]
		return nil
	})
	return user, host, err
}

// Contents is what is in a database, whoever made it and whatever its schema.
type Contents struct {
	Tables int  // 0 = it is empty, or not there at all
	Schema bool // the table of shops is among them
	Shops  int  // that are registered
	Marked bool // one of them has the code that was asked for
}

// Look says what is in the database that a DSN names. It changes nothing.
func Look(ctx context.Context, dsn, shop string) (c Contents, err error) {
	err = atServer(dsn, func(db *sql.DB, name string) error {
		err := db.QueryRowContext(ctx, "SELECT COUNT(*), COALESCE(SUM(table_name = 'shop'), 0) > 0 FROM information_schema.tables WHERE table_schema = ?", name).Scan(&c.Tables, &c.Schema)
		if err != nil || !c.Schema {
			return err
		}
		return db.QueryRowContext(ctx, "SELECT COUNT(*), COALESCE(SUM(code = ?), 0) > 0 FROM "+quoted(name)+".shop", shop).Scan(&c.Shops, &c.Marked)
	})
	return c, err
}

// onServer runs a statement about the database of a DSN without being connected to it.
func onServer(ctx context.Context, dsn, statement string) error {
	return atServer(dsn, func(db *sql.DB, name string) error {
		_, err := db.ExecContext(ctx, fmt.Sprintf(statement, quoted(name)))
		return err
	})
}

// atServer works on the server of a DSN without being connected to its database.
func atServer(dsn string, work func(db *sql.DB, name string) error) error {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil || cfg.DBName == "" {
		return fmt.Errorf("QIANFAN_MYSQL_DSN: want user:password@tcp(host:3306)/qianfan: %w", noSecret(err))
	}
	name := cfg.DBName
	cfg.DBName, cfg.Logger, cfg.InterpolateParams = "", &mysql.NopLogger{}, true
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return fmt.Errorf("QIANFAN_MYSQL_DSN: %w", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	if err := work(db, name); err != nil {
		return fmt.Errorf("QIANFAN_MYSQL_DSN, server %s: %w", cfg.Addr, err)
	}
	return nil
}

func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// errNoName stands for a DSN that is well-formed but names no database.
var errNoName = fmt.Errorf("it names no database")

func noSecret(err error) error {
	if err == nil {
		return errNoName
	}
	return err
}
