package functions_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/fc"
	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
	"github.com/chuandao/qianfan/shared/telemetry/telemetrytest"
)

// settleFunction builds the function and prepares it over a database of its own.
func settleFunction(t *testing.T) (template.Function, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", // as make does: built once
		filepath.Join(dir, "bootstrap"), "./settle/bootstrap")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	dsn, key := sqltest.Database(t), make([]byte, 32)
	db, err := store.Open(store.Options{DSN: dsn, Key: key})
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context()))
	require.NoError(t, db.Close())
	fn := template.Function{
		Name: "settle", Runtime: "go1", Handler: "bootstrap", Region: "cn-hangzhou", CodeDir: dir, MemoryMB: 512, Timeout: time.Minute, Concurrency: 1,
		Initializer: &template.Hook{Handler: "bootstrap", Timeout: 30 * time.Second}, PreStop: &template.Hook{Handler: "bootstrap", Timeout: 30 * time.Second},
	}
	return fn, map[string]string{
		"QIANFAN_MYSQL_DSN": dsn, "QIANFAN_REDIS_ADDR": "127.0.0.1:1", "QIANFAN_ROCKETMQ_ENDPOINT": "127.0.0.1:1",
		"QIANFAN_DATA_KEY": base64.StdEncoding.EncodeToString(key), "QIANFAN_TRACE_SAMPLE": "1",
	}
}

func settlement(t *testing.T, id int64) []byte {
	t.Helper()
	body, err := message.Encode(message.Settlement, []message.Item{{Key: fmt.Sprint(id), Order: id}})
	require.NoError(t, err)
	raw, err := json.Marshal([]map[string]any{{"id": "1", "data": map[string]any{"topic": message.Settlement, "body": string(body)}}})
	require.NoError(t, err)
	return raw
}

func TestARealFunctionIsTraced(t *testing.T) {
	t.Parallel()
	fn, env := settleFunction(t)
	t.Run("frozen", func(t *testing.T) { spansLeaveBeforeTheInstanceIsFrozen(t, fn, maps.Clone(env)) })
	t.Run("without a collector", func(t *testing.T) { callsSucceedWithoutTheCollector(t, fn, maps.Clone(env)) })
}

// A real function stands still as soon as its call has returned. Its spans are with the collector by then.
func spansLeaveBeforeTheInstanceIsFrozen(t *testing.T, fn template.Function, env map[string]string) {
	collector := telemetrytest.Start(t)
	env["QIANFAN_OTLP_ENDPOINT"], env["QIANFAN_OTLP_TIMEOUT"] = collector.GRPC, "10s" // a slow machine makes no gaps
	r, err := fc.New(fc.Options{Functions: []template.Function{fn}, Freeze: true, Env: func(string) map[string]string { return env }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	require.NoError(t, r.Start(t.Context()))
	for id := int64(1); id <= 3; id++ {
		result, err := r.Invoke(t.Context(), "settle", settlement(t, id))
		require.NoError(t, err)
		spans := collector.Spans()
		require.Len(t, spans, int(2*id), "the order's and the batch's, without waiting")
		settled, batch := spans[2*id-2], spans[2*id-1]
		require.Equal(t, []string{"settle", "settle", telemetry.TraceOf(id)}, []string{settled.Service, settled.Name, settled.Trace})
		require.Equal(t, []string{"settle batch", telemetry.TraceOf(id)}, []string{batch.Name, batch.Links[0]})
		require.Equal(t, result.RequestID, batch.Attrs["faas.invocation_id"])
	}
}

// A collector that takes connections and answers nobody costs the first call a moment, and no call its success.
func callsSucceedWithoutTheCollector(t *testing.T, fn template.Function, env map[string]string) {
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = hole.Close() })
	env["QIANFAN_OTLP_ENDPOINT"] = "http://" + hole.Addr().String()
	var mu sync.Mutex
	var complaints []string
	r, err := fc.New(fc.Options{Functions: []template.Function{fn}, Env: func(string) map[string]string { return env }, Log: func(_, _, line string) {
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(line, "traces not sent") {
			complaints = append(complaints, line)
		}
	}})
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for id := int64(1); id <= 5; id++ {
		result, err := r.Invoke(ctx, "settle", settlement(t, id))
		require.NoError(t, err)
		t.Logf("call %d took %s", id, result.Duration)
	}
	require.NoError(t, r.Close())
	mu.Lock()
	defer mu.Unlock()
	require.NotEmpty(t, complaints)
	require.Less(t, len(complaints), 5)
}
