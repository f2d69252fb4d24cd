package cli

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/store"
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
	code, _, errs = withSettings(t, settings, "migrate up")
	require.Zero(t, code, errs)
	require.NotContains(t, errs, "migrating", "there is nothing to do")
	code, _, _ = withSettings(t, settings, "migrate --status")
	require.Zero(t, code)
}

// asApplication is a database's DSN for a user with the rights that functions have.
func asApplication(t *testing.T, db *store.Store, dsn string) string {
	t.Helper()
	user, host, app := sqltest.App(t, dsn)
	_, err := db.Grant(t.Context(), user, host)
	require.NoError(t, err)
	return app
}

// The functions' user gets its rights with the migration; until then, or with more, the doctor is not content.
func TestMigrateGrantsWhatFunctionsNeed(t *testing.T) {
	t.Parallel()
	owner := map[string]string{"QIANFAN_MYSQL_DSN": sqltest.Database(t)}
	user, host, app := sqltest.App(t, owner["QIANFAN_MYSQL_DSN"])
	code, out, errs := withSettings(t, owner, "migrate --create --grant "+user+"@"+host+" --json")
	require.Zero(t, code, errs)
	var said struct {
		Version, Want int
		Grant         struct {
			User    string
			Tables  int
			Revoked []string
			Seen    bool
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &said), out)
	require.Equal(t, said.Want, said.Version)
	require.Equal(t, user+"@"+host, said.Grant.User)
	require.Greater(t, said.Grant.Tables, 30)
	require.True(t, said.Grant.Seen)
	require.Contains(t, out, `"revoked":[]`)

	code, out, errs = withSettings(t, owner, "migrate grant --json "+user+"@"+host)
	require.Zero(t, code, errs)
	require.JSONEq(t, fmt.Sprintf(`{"user":%q,"tables":%d,"revoked":[],"seen":true}`, user+"@"+host, said.Grant.Tables), out)
	code, out, errs = withSettings(t, owner, "migrate grant "+user+"@"+host)
	require.Zero(t, code, errs)
	require.Contains(t, out, user+"@"+host+" has the rights of functions on ")

	_, found, _ := examined(t, "../../s.yaml", map[string]string{"QIANFAN_MYSQL_DSN": app})
	require.Equal(t, fine, found["database user"].State, "%+v", found["database user"])
	_, found, _ = examined(t, "../../s.yaml", map[string]string{"QIANFAN_MYSQL_DSN": owner["QIANFAN_MYSQL_DSN"], "QIANFAN_MYSQL_APP_DSN": app})
	require.Equal(t, fine, found["database user"].State, "the functions' one counts")
	code, found, _ = examined(t, "../../s.yaml", owner)
	require.Equal(t, exitFailed, code)
	require.Equal(t, problem, found["database user"].State)
	require.Contains(t, found["database user"].Detail, "could change the ledger")
	require.Contains(t, found["database user"].Remedy, "qianfan migrate --grant")
	_, found, _ = examined(t, "../../s.yaml", map[string]string{"QIANFAN_MYSQL_DSN": owner["QIANFAN_MYSQL_DSN"], "QIANFAN_DEV": "1"})
	require.Equal(t, note, found["database user"].State)
}

func TestMigrateGrantRefuses(t *testing.T) {
	t.Parallel()
	owner := map[string]string{"QIANFAN_MYSQL_DSN": sqltest.Database(t)}
	for verb, want := range map[string]string{
		"migrate grant @%": "want USER or USER@HOST", "migrate --grant @%": "want USER or USER@HOST", "migrate --status --grant somebody": "--status changes nothing", "migrate grant": "user[@host]",
	} {
		code, _, errs := withSettings(t, owner, verb)
		require.Equal(t, exitUsage, code, verb)
		require.Contains(t, errs, want, verb)
	}
	code, _, errs := withSettings(t, owner, "migrate grant somebody")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "run `qianfan migrate`", "there is no table yet")
	code, _, errs = withSettings(t, owner, "migrate --grant nobody_here@%")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "CREATE USER 'nobody_here'@'%'")
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
