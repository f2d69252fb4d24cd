package conformance

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/rocketmq"
)

// TestEmbedded runs the script against the embedded broker.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	const prefix = "ct-"
	env := Env{Prefix: prefix, Recall: true}
	e := startEmbedded(t, prefix)
	table := slices.Concat(Run(t, e.address(), env), RunRestart(t, e.address(), env, e.restart))
	t.Logf("\n%s", table)
	require.Empty(t, Diff(table, table))
	require.Greater(t, len(table), 60)
}

// TestDiff: differences count unless they are allowed.
func TestDiff(t *testing.T) {
	t.Parallel()
	a := Table{{"s", "same", "OK", []string{"OK"}}, {"s", "free", "OK", []string{"OK", "NO"}}, {"s", "other", "1", nil},
		{"s", "mine", "1", nil}}
	b := Table{{"s", "same", "OK", []string{"OK"}}, {"s", "free", "NO", []string{"OK", "NO"}}, {"s", "other", "2", nil},
		{"s", "yours", "1", nil}}
	require.Equal(t, []string{"s: other: 1, 2", "s: mine: only in the first", "s: yours: only in the second"}, Diff(a, b))
}

// embedded is an embedded broker with the script's topics and a write-ahead file.
type embedded struct {
	options rocketmq.Options
	broker  *rocketmq.Broker
}

// startEmbedded starts one until the test ends.
func startEmbedded(t *testing.T, prefix string) *embedded {
	t.Helper()
	e := &embedded{options: rocketmq.Options{
		Topics: Topics(prefix), Groups: Groups(prefix), WAL: filepath.Join(t.TempDir(), "broker.wal"), Sync: true,
		TransactionTimeout: time.Second, TransactionCheckInterval: time.Second,
	}}
	require.NoError(t, e.start(t.Context()))
	t.Cleanup(func() { require.NoError(t, e.broker.Close()) })
	return e
}

func (e *embedded) address() string { return e.broker.Addr() }

func (e *embedded) start(ctx context.Context) error {
	e.broker = rocketmq.New(e.options)
	return e.broker.Start(ctx)
}

// restart begins anew from the write-ahead file. What a real kill leaves of that is tested beside the broker.
func (e *embedded) restart(ctx context.Context) error {
	e.options.Addr = e.address()
	if err := e.broker.Close(); err != nil {
		return err
	}
	return e.start(ctx)
}
