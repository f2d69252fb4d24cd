// Package sqltest gives tests a database each, on one private server per test process.
package sqltest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver"
)

// EnvDSN names a server to use instead of a private one: a DSN without a database, whose user may create databases.
const EnvDSN = "QIANFAN_TEST_DSN"

// startTimeout bounds the start of the server, with the making of its template and the fetching of its program.
const startTimeout = 2 * time.Minute

// server of this process. It is started by the first test that wants it and ends, and is tidied up after, with the
// process, however that ends: there is no hook at the end of a test process to close it in.
var server = sync.OnceValues(func() (*sqlserver.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return sqlserver.Start(ctx, sqlserver.Options{Durability: sqlserver.Relaxed})
})

// Database makes a new, empty database and returns its DSN; it is dropped when the test ends. The server is the one that
// QIANFAN_TEST_DSN names, or else this test process's own.
func Database(t testing.TB) (dsn string) {
	t.Helper()
	config := serverConfig(t)
	name := "qf_test_" + strings.ToLower(rand.Text())
	execute(t, config, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, config, "DROP DATABASE "+name) })
	config = config.Clone()
	config.DBName = name
	return config.FormatDSN()
}

// App makes a user on the server of a Database, and returns it with its DSN of that database, for which it has no rights until
// somebody grants it some. It is dropped when the test ends.
func App(t testing.TB, dsn string) (user, host, appDSN string) {
	t.Helper()
	config := serverConfig(t)
	of, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	user, host = "qf_app_"+strings.ToLower(rand.Text())[:12], "%"
	if config.Net == "unix" {
		host = sqlserver.AppHost
	}
	password := rand.Text()
	execute(t, config, "CREATE USER '"+user+"'@'"+host+"' IDENTIFIED BY '"+password+"'")
	t.Cleanup(func() { execute(t, config, "DROP USER '"+user+"'@'"+host+"'") })
	app := of.Clone()
	app.User, app.Passwd = user, password
	return user, host, app.FormatDSN()
}

// Server is a server of one test's own.
type Server = sqlserver.Server

// AppUser comes to a Private server from AppHost, by the DSN of its AppDSN.
const (
	AppUser = sqlserver.AppUser
	AppHost = sqlserver.AppHost
)

// Private starts a server for one test, for what touches a whole server: its settings, its ways in, its death. It listens
// on TCP too and dies with the test. durable = a commit survives Kill.
func Private(t testing.TB, durable bool) *Server {
	t.Helper()
	o := sqlserver.Options{Durability: sqlserver.Relaxed, BufferPool: 32 << 20, TCP: true}
	if durable {
		o.Durability = sqlserver.Flush
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	s, err := sqlserver.Start(ctx, o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func serverConfig(t testing.TB) *mysql.Config {
	t.Helper()
	dsn := os.Getenv(EnvDSN)
	if dsn == "" {
		s, err := server()
		require.NoError(t, err, "start the tests' SQL server, or set "+EnvDSN)
		dsn = s.DSN("")
	}
	config, err := mysql.ParseDSN(dsn)
	require.NoError(t, err, EnvDSN)
	config.ParseTime, config.InterpolateParams = true, true
	return config
}

func execute(t testing.TB, config *mysql.Config, statement string) {
	t.Helper()
	connector, err := mysql.NewConnector(config)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(context.Background(), statement) // a test's own context has ended when it cleans up
	require.NoError(t, err, statement)
}
