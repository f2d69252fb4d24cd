package services

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is complete is not fetched again: no lock, no script, no Maven.
func TestAnInstallThatIsCompleteIsTaken(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "rocketmq")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "complete"), nil, 0o600))
	require.NoError(t, install(t.Context(), dir, nil))
	require.NoFileExists(t, dir+".lock")
}
