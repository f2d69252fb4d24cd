package conformance

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/rocketmq"
)

// TestEmbedded runs the script against the embedded broker.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	const prefix = "ct-"
	b := rocketmq.New(rocketmq.Options{
		Topics: Topics(prefix), Groups: Groups(prefix),
		TransactionTimeout: time.Second, TransactionCheckInterval: time.Second,
	})
	require.NoError(t, b.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	table := Run(t, b.Addr(), Env{Prefix: prefix, Recall: true})
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
