package carriers_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

var deps = settings.Deps{HTTP: http.DefaultClient, System: func() time.Time { return time.Unix(1_700_000_000, 0) }}

const (
	shansongDev = `{"base_url":"http://127.0.0.1:9202","client_id":"ssTestClient01","secret":"iss-test-secret-0001","shop_id":"20000000000000001"}`
	uuptDev     = `{"base_url":"http://127.0.0.1:9201","app_id":"uu-test-app-id","app_key":"uu-test-app-key-0001","open_id":"uu-test-open-id","callback_url":"http://127.0.0.1:9000/carrier/uupt"}`
)

func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestFromEnv(t *testing.T) {
	t.Parallel()
	all, err := carriers.FromEnv(env(map[string]string{"QIANFAN_DEV": "1", "QIANFAN_SHANSONG": shansongDev, "QIANFAN_UUPT": uuptDev}), deps)
	require.NoError(t, err)
	require.Len(t, all, 2)
	for name, adapter := range all {
		require.Equal(t, name, adapter.Name())
	}

	one, err := carriers.FromEnv(env(map[string]string{"QIANFAN_DEV": "1", "QIANFAN_UUPT": uuptDev}), deps)
	require.NoError(t, err)
	require.Len(t, one, 1)
	require.Contains(t, one, "uupt")

	none, err := carriers.FromEnv(env(nil), deps)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestFromEnvNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := carriers.FromEnv(env(map[string]string{"QIANFAN_SHANSONG": `{`, "QIANFAN_UUPT": `{}`}), deps)
	require.ErrorContains(t, err, "QIANFAN_SHANSONG")
	require.ErrorContains(t, err, "QIANFAN_UUPT")
	for _, vars := range []map[string]string{
		{"QIANFAN_SHANSONG": shansongDev}, {"QIANFAN_UUPT": uuptDev}, {"QIANFAN_UUPT": uuptDev, "QIANFAN_DEV": "0"},
	} {
		_, err := carriers.FromEnv(env(vars), deps)
		require.ErrorIs(t, err, settings.ErrDevCredentials)
	}
}

// One line of the table is all that a carrier needs: the variable makes it, and without it it is not there.
func TestDadaByItsVariable(t *testing.T) {
	t.Parallel()
	const dev = `{"base_url":"http://127.0.0.1:9205","app_key":"dada-test-app-key","app_secret":"dada-test-secret-0001","source_id":"73753","shop_no":"11047059","callback_url":"http://127.0.0.1:9000/carrier/dada"}`
	all, err := carriers.FromEnv(env(map[string]string{"QIANFAN_DEV": "1", "QIANFAN_DADA": dev, "QIANFAN_UUPT": uuptDev}), deps)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, "dada", all["dada"].Name())
	_, err = carriers.FromEnv(env(map[string]string{"QIANFAN_DADA": dev}), deps)
	require.ErrorIs(t, err, settings.ErrDevCredentials)
	require.ErrorContains(t, err, "QIANFAN_DADA")
	require.Equal(t, len(carriers.Names()), len(carriers.Variables()))
	require.Contains(t, carriers.Names(), "dada")
	require.Contains(t, carriers.Variables(), "QIANFAN_DADA")
	require.Equal(t, []string{"QIANFAN_DADA", ""}, []string{carriers.Variable("dada"), carriers.Variable("pigeon")})
}
