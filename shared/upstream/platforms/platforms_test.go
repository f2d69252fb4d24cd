package platforms_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
	"github.com/stretchr/testify/require"
)

var deps = settings.Deps{HTTP: http.DefaultClient, System: func() time.Time { return time.Unix(1_793_600_000, 0) }}

const (
	jdDev        = `{"app_key":"jd-test-app","secret":"jd-test-secret-0001","token":"jd-test-token","base_url":"http://127.0.0.1:9101"}`
	taobaoDev    = `{"app_id":"22954133","secret":"ele-test-secret-0001","base_url":"http://127.0.0.1:9103"}`
	meituanDev   = `{"app_id":"1001","secret":"mt-test-secret-0001","base_url":"http://127.0.0.1:9102","push_url":"as-received"}`
	canonicalDev = `{"keys":{"qf-test-key":"qf-test-secret-0001"}}`
)

func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestFromEnv(t *testing.T) {
	t.Parallel()
	all, err := platforms.FromEnv(env(map[string]string{"QIANFAN_DEV": "1", "QIANFAN_JD": jdDev, "QIANFAN_MEITUAN": meituanDev, "QIANFAN_TAOBAO": taobaoDev, "QIANFAN_CANONICAL": canonicalDev}), deps)
	require.NoError(t, err)
	require.Len(t, all, 4)
	for name, adapter := range all {
		require.Equal(t, name, adapter.Name())
	}
	none, err := platforms.FromEnv(env(nil), deps)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestFromEnvNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := platforms.FromEnv(env(map[string]string{"QIANFAN_JD": `{}`, "QIANFAN_MEITUAN": `{`, "QIANFAN_TAOBAO": `[]`, "QIANFAN_CANONICAL": `{}`}), deps)
	require.ErrorContains(t, err, "QIANFAN_JD")
	require.ErrorContains(t, err, "QIANFAN_TAOBAO")
	require.ErrorContains(t, err, "QIANFAN_MEITUAN")
	require.ErrorContains(t, err, "QIANFAN_CANONICAL")
	for _, vars := range []map[string]string{{"QIANFAN_JD": jdDev}, {"QIANFAN_MEITUAN": meituanDev}, {"QIANFAN_TAOBAO": taobaoDev}, {"QIANFAN_CANONICAL": canonicalDev}} {
		_, err := platforms.FromEnv(env(vars), deps)
		require.ErrorIs(t, err, settings.ErrDevCredentials)
	}
}
