package store

import (
	"context"
	"database/sql"
	"strconv"
)

// ServerCounts is what the database server has done since it started, for all connections.
type ServerCounts struct {
	Statements int64 // as sent by clients
	Commits    int64
}

// ServerCounts reads the server's own counters.
func (s *Store) ServerCounts(ctx context.Context) (ServerCounts, error) {
	var c ServerCounts
	rows, err := s.db.QueryContext(ctx, "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_commit')")
	err = each(rows, err, "server status", func(r *sql.Rows) error {
		var name, value string
		if err := r.Scan(&name, &value); err != nil {
			return err
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if name == "Questions" {
			c.Statements = n
		} else {
			c.Commits = n
		}
		return err
	})
	return c, err
}
