package cli

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// waybillOfSouth is an attempt with an account of UU跑腿, whose cancel was priced at 1.20 and has not come to an end.
const waybillOfSouth = `INSERT INTO attempt (order_id, n, carrier, account, carrier_no, state, under, cause, token, price_fen, shard, held_fen, booked_fen, penalty_fen, cancel_fee_fen, want, call_kind, call_seq,
 call_owner, call_until, call_doubt, call_seen, tries, refusals, not_found, changed, confirmed, resolved, tip_fen)
 VALUES (7, 1, 'uupt', 'south', 'UU1', 'cancelling', 'accepted', '', '', 900, 0, 900, 0, 0, 120, '{"Cancel":"order_cancelled","Priced":"2026-11-23T03:57:00Z"}', '', 0, '', 0, '', 0, 0, 0, 0, 1, 1, 0, 0)`

// What a cancel would cost is asked of the carrier, by the keys of this shell; without them what is known is said.
func TestCancelCostOnADeployment(t *testing.T) {
	t.Parallel()
	dsn, key := sqltest.Database(t), make([]byte, 32)
	db, err := store.Open(store.Options{DSN: dsn, Key: key})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	_, err = db.Intake(t.Context(), "b1", []store.NewOrder{{Order: order.Order{ID: 7, Platform: "meituan", No: "mt-7", City: "330100", State: order.Received, Version: 1, Round: 1, ReceivedAt: now, ActAt: now}}}, now)
	require.NoError(t, err)
	raw, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	_, err = raw.ExecContext(t.Context(), waybillOfSouth)
	require.NoError(t, err)

	x, r := newTeller(t), newRig(t, nil)
	shell := x.settings()
	shell[function.EnvMySQLDSN] = dsn
	r.look = func(name string) (string, bool) { v, ok := shell[name]; return v, ok }
	const line = "order cancel mt-7 --cost --database"
	require.Contains(t, r.succeeds(t, line), "#1 uupt cancelling: 2.30 元 by the carrier, asked now")
	require.Equal(t, []string{"/openapi/v3/order/cancelFee"}, x.calls())

	const known = "#1 uupt cancelling: 1.20 元 by the carrier, asked at 2026-11-23 11:57:00"
	x.broken = 1
	out := r.succeeds(t, line)
	require.Contains(t, out, known)
	require.Contains(t, out, "the carrier did not say it now: uupt cancel_fee: temporary (HTTP 502")

	shell["QIANFAN_UUPT"] = `{"app_id":""}`
	out = r.succeeds(t, line)
	require.Contains(t, out, known)
	require.Contains(t, out, "QIANFAN_UUPT: uupt: app_id is missing; app_key is missing")
	delete(shell, "QIANFAN_UUPT")
	require.Contains(t, r.succeeds(t, line), "nobody has the keys of uupt/south: they belong into QIANFAN_UUPT")
	delete(shell, "QIANFAN_SHANSONG")
	require.Contains(t, r.succeeds(t, line), "no carrier can be asked: set QIANFAN_UUPT")
}
