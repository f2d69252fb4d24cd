package emulator

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver"
)

// The benchmark of reconciliation finds each mistake that it makes, or fails.
func TestBenchReconcile(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, Bench(t.Context(), "reconcile", Options{Lines: 3_000, Durability: sqlserver.Relaxed, JSON: true}, &out, io.Discard))
	var r Reconciling
	require.NoError(t, json.Unmarshal([]byte(out.String()), &r))
	require.Equal(t, []int{3_009, 3_000, 30, 30}, []int{r.Lines, r.Entries, r.Mistakes, r.Found})
	require.Positive(t, r.LinesPerS)
}
