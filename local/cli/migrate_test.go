package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
)

func TestMigrateOnceAndAgain(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"QIANFAN_MYSQL_DSN": sqltest.Database(t)}
	code, out, errs := withSettings(t, settings, "migrate --status --json")
	require.Equal(t, exitFailed, code, out)
	require.Contains(t, errs, "qianfan migrate")
	code, out, errs = withSettings(t, settings, "migrate --create --json")
	require.Zero(t, code, errs)
	require.Contains(t, out, `"before":0`)
	code, _, errs = withSettings(t, settings, "migrate")
	require.Zero(t, code, errs)
	require.NotContains(t, errs, "migrating", "there is nothing to do")
	code, _, _ = withSettings(t, settings, "migrate --status")
	require.Zero(t, code)
}

// withSettings runs a verb with settings in its environment.
func withSettings(t *testing.T, settings map[string]string, verb string) (code int, out, errs string) {
	t.Helper()
	r := newRig(t, nil)
	r.look = func(name string) (string, bool) { v, ok := settings[name]; return v, ok }
	return r.do(t, verb)
}

func TestMigrateNeedsADatabase(t *testing.T) {
	t.Parallel()
	code, _, errs := withSettings(t, nil, "migrate")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "QIANFAN_MYSQL_DSN is not set")
	code, _, errs = withSettings(t, map[string]string{"QIANFAN_MYSQL_DSN": "root:hunter2@tcp(127.0.0.1:1)/qianfan"}, "migrate")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "QIANFAN_MYSQL_DSN")
	require.NotContains(t, errs, "hunter2")
}
