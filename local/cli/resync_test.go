package cli

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/resync"
)

// lostOrder is our number of an attempt of an order that the database does not have.
const lostOrder = "250571647332136393001"

// afterRestore is a bill with a line of an order that is gone, one without our number, and one that cannot be read.
const afterRestore = "\ufeff订单编号,商户订单号,费用类型,金额(元),发生时间\r\nUU1," + lostOrder + ",配送费,8.00,2026-11-21 12:00:00\r\nUU2,,配送费,9.50,2026-11-21 12:10:00\r\nUU3,,服务费,1.00,2026-11-21 12:10:00\r\n合计,3,,18.50,\r\n"

// newRestored is a desk beside a running emulator whose database has no orders.
func newRestored(t *testing.T, env map[string]string) *officeRig {
	t.Helper()
	r := newOffice(t)
	r.write(t, "bill.csv", afterRestore)
	var at map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.answers["GET /api/database"]), &at))
	at["env"] = env
	raw, err := json.Marshal(at)
	require.NoError(t, err)
	r.answers["GET /api/database"] = string(raw)
	return r
}

func carrierSettings() map[string]string {
	return map[string]string{"QIANFAN_DEV": "1", "QIANFAN_DATA_KEY": base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"QIANFAN_UUPT": `{"base_url":"http://127.0.0.1:9","app_id":"a","app_key":"k","open_id":"o","callback_url":"http://127.0.0.1:9/carrier/uupt"}`}
}

const (
	sinceNoon  = "--since 2026-11-21T12:00:00+08:00"
	withBill   = " --bill @bill.csv --carrier uupt --day 2026-11-21"
	restoredAt = "resync " + sinceNoon
)

func TestResyncNamesWhatIsLost(t *testing.T) {
	t.Parallel()
	r := newRestored(t, carrierSettings())
	out := r.succeeds(t, r.line(restoredAt+withBill))
	for _, says := range []string{"0 orders looked at, 0 queries: 0 attempts planted", "3 lines of bills, of which 2 belong to nothing", "line 2, fee 8.00",
		"250571647332136393, accepted 20", "It could not know:", "compare each platform's own", "disputed as unreadable"} {
		require.Contains(t, out, says)
	}
	require.Contains(t, r.succeeds(t, restoredAt+" --dry-run"), "nothing was written")
	require.Contains(t, r.succeeds(t, restoredAt+" --without dada,sftc"), "what dada and sftc carries")

	var res resync.Result
	require.NoError(t, json.Unmarshal([]byte(r.succeeds(t, r.line(restoredAt+withBill+" --account main --json"))), &res))
	id, _, err := order.ParseOurNo(lostOrder)
	require.NoError(t, err)
	require.Equal(t, []resync.LostOrder{{ID: id, Minted: order.IDTime(id)}}, res.LostOrders)
	require.Equal(t, 2, res.StrayLines)
	require.Equal(t, 1, res.UnreadLines)
	require.Equal(t, []int{2, 3}, []int{res.Strays[0].Line, res.Strays[1].Line})
	require.Equal(t, time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC), res.Since.UTC())
}

func TestResyncRefusesWhatItCannotWorkWith(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"resync":                      "missing flags: --since",
		"resync --since noon":         "2006-01-02",
		restoredAt + " --rounds 0":    "want at least 1",
		restoredAt + " --without x":   `"x" is no carrier`,
		restoredAt + " --bill @b.csv": "give them equally often",
		restoredAt + withBill + withBill + " --account main":                 "give them equally often",
		restoredAt + " --bill @bill.csv --carrier x --day 2026-11-21":        `"x" is no carrier`,
		restoredAt + " --bill @bill.csv --carrier uupt --day today":          `--day "today"`,
		restoredAt + " --bill @none.csv --carrier uupt --day 2026-11-21":     "read the bill",
		restoredAt + " --bill @bill.csv --carrier uupt --day 2026-11-22":     "2026-11-21",
		restoredAt + " --bill @bill.csv --carrier fengniao --day 2026-11-21": "header",
		"resync --since 2199-01-01T00:00:00Z":                                "still to come",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			r := newRestored(t, carrierSettings())
			code, out, errs := r.do(t, r.line(line))
			require.NotZero(t, code)
			require.Contains(t, errs, want)
			require.Empty(t, out)
		})
	}
}

func TestResyncSaysWhatSettingsAreMissing(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"QIANFAN_DATA_KEY": "QIANFAN_DATA_KEY", "QIANFAN_UUPT": "no carrier can be asked"} {
		env := carrierSettings()
		delete(env, name)
		r := newRestored(t, env)
		code, _, errs := r.do(t, restoredAt)
		require.Equal(t, exitFailed, code)
		require.True(t, strings.Contains(errs, want), errs)
	}
}
