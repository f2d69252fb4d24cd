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

// onServer runs a statement about the database of a DSN without being connected to it.
func onServer(ctx context.Context, dsn, statement string) error {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil || cfg.DBName == "" {
		return fmt.Errorf("QIANFAN_MYSQL_DSN: want user:password@tcp(host:3306)/qianfan: %w", noSecret(err))
	}
	name := "`" + strings.ReplaceAll(cfg.DBName, "`", "``") + "`"
	cfg.DBName, cfg.Logger = "", &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return fmt.Errorf("QIANFAN_MYSQL_DSN: %w", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, fmt.Sprintf(statement, name)); err != nil {
		return fmt.Errorf("QIANFAN_MYSQL_DSN, server %s: %w", cfg.Addr, err)
	}
	return nil
}

// errNoName stands for a DSN that is well-formed but names no database.
var errNoName = fmt.Errorf("it names no database")

func noSecret(err error) error {
	if err == nil {
		return errNoName
	}
	return err
}
