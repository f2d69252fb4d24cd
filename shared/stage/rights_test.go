package stage

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/store"
)

// A function whose user could change the ledger says so, loudly, and serves; the emulator's owner is let alone.
func TestTooManyRightsAreToldOutsideTheEmulatorOnly(t *testing.T) {
	t.Parallel()
	require.Nil(t, rightsAlarm(true, slog.Default()))
	var said bytes.Buffer
	alarm := rightsAlarm(false, slog.New(slog.NewJSONHandler(&said, nil)))
	alarm(store.Rights{User: "app@%"})
	require.Empty(t, said.String())
	alarm(store.Rights{User: "root@%", Excess: []string{"UPDATE on *.*"}})
	require.Contains(t, said.String(), `"level":"ERROR"`)
	require.Contains(t, said.String(), "root@% could change the ledger (UPDATE on *.*)")
	said.Reset()
	alarm(store.Rights{User: "app@%", Missing: []string{"INSERT on statement"}})
	require.Contains(t, said.String(), "lacks rights (INSERT on statement)")
}
