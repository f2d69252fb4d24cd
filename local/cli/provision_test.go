package cli

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/store"
)

const example = "../../deploy/provision.example.json"

func TestProvisionTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	dsn, key := sqltest.Database(t), make([]byte, 32)
	db, err := store.Open(store.Options{DSN: dsn, Key: key})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()))

	r := newRig(t, nil)
	settings := map[string]string{"QIANFAN_MYSQL_DSN": asApplication(t, db, dsn), "QIANFAN_DATA_KEY": base64.StdEncoding.EncodeToString(key)}
	r.look = func(name string) (string, bool) { v, ok := settings[name]; return v, ok }
	require.Equal(t, "1 shops, 1 new strategies, 4 new deposits\n", r.succeeds(t, "provision "+example))
	require.Equal(t, "1 shops, 0 new strategies, 0 new deposits\n", r.succeeds(t, "provision "+example))
	shop, err := db.Shop(t.Context(), "meituan", "31号测试店")
	require.NoError(t, err)
	require.Equal(t, "杭州市", shop.CityName)
	require.InDelta(t, 120.1551, shop.Stop.Point.Lng, 1e-9)

	text, err := os.ReadFile(example)
	require.NoError(t, err)
	changed := filepath.Join(t.TempDir(), "changed.json")
	require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(string(text), "15m0s", "20m0s", 1)), 0o600))
	require.JSONEq(t, `{"shops":1,"strategies":1,"deposits":0}`, r.succeeds(t, "provision --json "+changed))
	active, err := db.Strategies(t.Context())
	require.NoError(t, err)
	require.Len(t, active, 1)
	require.Equal(t, 2, active[0].Version)

	require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(string(text), "5000000", "6000000", 1)), 0o600))
	code, _, errs := r.do(t, "provision "+changed)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, `deposit "transfer-2026-0001": the key was used before with other content`)
}

func TestProvisionSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	file := filepath.Join(t.TempDir(), "p.json")
	for text, want := range map[string]string{
		`{`:                                  "unexpected EOF",
		`{"shop":[]}`:                        `unknown field "shop"`,
		`{"deposits":[{"carrier":"uupt"}]}`:  "deposits[0]: key, carrier, account, a positive amount_fen",
		`{"shops":[{"platform":"meituan"}]}`: "shops[0]: address: is empty",
		`{"strategies":[{"name":"x","mode":"cheapest","carriers":["uupt"],"match":{}}]}`: `strategy "x"`,
		`{}`: "QIANFAN_MYSQL_DSN is not set",
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		code, _, errs := r.do(t, "provision "+file)
		require.Equal(t, exitFailed, code)
		require.Contains(t, errs, want)
	}
}
