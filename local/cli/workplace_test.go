package cli

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/tariff"
)

// With --database the same verbs work on a deployment, where no console runs.
func TestVerbsOnADeployment(t *testing.T) {
	t.Parallel()
	dsn, key := sqltest.Database(t), make([]byte, 32)
	db, err := store.Open(store.Options{DSN: dsn, Key: key})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	_, err = db.Intake(t.Context(), "b1", []store.NewOrder{{Order: order.Order{ID: 7, Platform: "meituan", No: "mt-7", City: "330100", State: order.Received, Version: 1, Round: 1, ReceivedAt: now,
		ActAt: now, Attention: "nobody took it"}, Why: store.Why{Tariff: tariff.Price{Rate: "standard", Fee: 1500}}}}, now)
	require.NoError(t, err)

	r := newRig(t, nil)
	settings := map[string]string{function.EnvMySQLDSN: dsn, function.EnvDataKey: base64.StdEncoding.EncodeToString(key)}
	r.look = func(name string) (string, bool) { v, ok := settings[name]; return v, ok }
	require.Contains(t, r.succeeds(t, "order attention --database"), "nobody took it")
	require.Contains(t, r.succeeds(t, "order list --database"), "mt-7")
	require.Contains(t, r.succeeds(t, "order show mt-7 --database"), "attention nobody took it")
	require.Contains(t, r.succeeds(t, "order cancel mt-7 --cost --database"), "received: the platform owes")
	require.Contains(t, r.succeeds(t, "penalty explain mt-7 --database"), "rule 24 of version 0 says 0.00 元")
	require.Contains(t, r.succeeds(t, "tariff explain mt-7 --database"), "standard")
	var answer accepted
	require.NoError(t, json.Unmarshal([]byte(r.succeeds(t, "order redispatch mt-7 --by li --database --json")), &answer))
	require.Equal(t, "7", answer.OrderID)
	code, _, errs := r.do(t, "order resolve 7 --by li --database --wait --timeout 0s")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "not decided within 0s", "no function runs here")
	require.Empty(t, r.requests, "no emulator is asked")
	view, ok, err := db.OrderByID(t.Context(), 7)
	require.NoError(t, err)
	require.True(t, ok)
	require.Len(t, view.Commands, 2)
	lines, err := db.Audit(t.Context(), store.AuditFilter{Subject: "order/" + strconv.Itoa(7)})
	require.NoError(t, err)
	require.Len(t, lines, 2)
	code, _, errs = r.do(t, "order tip 8 --add 1 --by li --database")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "no order 8")

	delete(settings, function.EnvDataKey)
	code, _, errs = r.do(t, "order attention --database")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, function.EnvDataKey)
}
