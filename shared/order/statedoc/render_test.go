package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/stretchr/testify/require"
)

func TestDocumentIsFresh(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../../docs/state-machine.md")
	require.NoError(t, err)
	require.Equal(t, render(), string(raw), "run: go generate ./shared/order/statedoc")
}

func TestEverythingIsExplained(t *testing.T) {
	t.Parallel()
	require.Empty(t, unexplained())
	require.Len(t, timerKinds, len(order.TimerKinds))
	require.Len(t, orderEvents, len(order.Events))
	require.Len(t, attemptEvents, len(order.AttemptEvents))
}

func TestWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "doc.md")
	require.NoError(t, write(path))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, r := range append(rowsOfOrders(), rowsOfAttempts()...) {
		require.Contains(t, string(raw), "| "+r.from+" | "+r.on+" | "+r.to+" |")
	}
	require.Error(t, write(filepath.Join(t.TempDir(), "no", "such", "folder.md")))
}
