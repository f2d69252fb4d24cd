//go:build real

package conformance

import (
	"context"
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/services"
)

// A broker that somebody else runs may take the place of the test's own. Its check-backs must come within seconds (see Env). With the
// name server's address the test makes its topics and groups; without, those of the prefix "ct-" must be there, and empty. It is
// not restarted.
const (
	envEndpoint = "QIANFAN_ROCKETMQ_ENDPOINT" // gRPC, host:port
	envNamesrv  = "QIANFAN_ROCKETMQ_NAMESRV"  // host:port
)

// TestRealConformance runs the script against a real broker and the embedded one, and shows their answers side by side.
func TestRealConformance(t *testing.T) {
	t.Parallel()
	env := Env{Prefix: "ct-", Recall: true}
	var fromReal, fromEmbedded Table
	if endpoint := os.Getenv(envEndpoint); endpoint != "" {
		if namesrv := os.Getenv(envNamesrv); namesrv != "" {
			env.Prefix = "ct-" + strings.ToLower(rand.Text()[:6]) + "-"
			prepare(t, endpoint, namesrv, env.Prefix)
		}
		fromReal = Run(t, endpoint, env)
	} else {
		real := startReal(t, env.Prefix)
		fromReal = slices.Concat(Run(t, real.Endpoint(), env), RunRestart(t, real.Endpoint(), env, real.Restart))
	}
	e := startEmbedded(t, env.Prefix)
	fromEmbedded = Run(t, e.address(), env)
	if os.Getenv(envEndpoint) == "" {
		fromEmbedded = slices.Concat(fromEmbedded, RunRestart(t, e.address(), env, e.restart))
	}
	t.Logf("real and embedded; ~ may differ, ! may not\n%s", SideBySide(fromReal, fromEmbedded))
	require.Empty(t, Diff(fromReal, fromEmbedded))
}

const realPatience = 6 * time.Minute

func startReal(t *testing.T, prefix string) *services.RocketMQ {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	defer cancel()
	r, err := services.StartRocketMQ(ctx, services.RocketMQOptions{
		Topics: Topics(prefix), Groups: Groups(prefix), TransactionTimeout: time.Second, CheckInterval: time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func prepare(t *testing.T, endpoint, namesrv, prefix string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	defer cancel()
	require.NoError(t, services.CreateTopicsAt(ctx, endpoint, namesrv, "DefaultCluster", Topics(prefix), Groups(prefix), t.Output()))
}
