package sqlserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
)

// Exec runs statements one after the other on a database of the server (empty = none), each until
// it is done: to make a database, and to fill it.
func (s *Server) Exec(ctx context.Context, db string, statements ...string) (err error) {
	config, err := mysql.ParseDSN(s.DSN(db))
	if err != nil {
		return fmt.Errorf("sql server: %w", err)
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return fmt.Errorf("sql server: %w", err)
	}
	pool := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, pool.Close()) }()
	for _, statement := range statements {
		if _, err := pool.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("sql server: %w: %.200s", err, statement)
		}
	}
	return nil
}
