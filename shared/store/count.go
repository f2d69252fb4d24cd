package store

import (
	"context"
	"database/sql/driver"
	"strings"
)

// fullConn is what database/sql asks of a connection beyond the least, and what the MySQL
// driver's gives.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// countedConn tells an observer of each round trip.
type countedConn struct {
	fullConn
	observe func(kind string)
}

// observed wraps a connection when somebody wants to know.
func observed(conn driver.Conn, observe func(kind string)) driver.Conn {
	full, ok := conn.(fullConn)
	if observe == nil || !ok {
		return conn
	}
	return countedConn{full, observe}
}

func (c countedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.observe(firstWord(query))
	return c.fullConn.ExecContext(ctx, query, args)
}

func (c countedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.observe(firstWord(query))
	return c.fullConn.QueryContext(ctx, query, args)
}

func (c countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.observe("prepare")
	return c.fullConn.PrepareContext(ctx, query)
}

func (c countedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.observe("begin")
	tx, err := c.fullConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return countedTx{tx, c.observe}, nil
}

// countedTx tells of the end of a transaction.
type countedTx struct {
	driver.Tx
	observe func(kind string)
}

func (t countedTx) Commit() error {
	t.observe("commit")
	return t.Tx.Commit()
}

func (t countedTx) Rollback() error {
	t.observe("rollback")
	return t.Tx.Rollback()
}

func firstWord(query string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return strings.ToLower(word)
}
