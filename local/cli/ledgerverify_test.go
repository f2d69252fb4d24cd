package cli

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
)

// A database that was restored to a moment before a head was kept adds up, and its entries have
// the numbers of those that are gone: the kept head tells.
func TestVerifyNamesARestoreByTheKeptHead(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	r.answers["GET /api/invariants"] = `{"checked":9,"violated":[]}`
	head := func() string {
		var v struct {
			Head string `json:"head"`
		}
		require.NoError(t, json.Unmarshal([]byte(r.succeeds(t, "ledger verify --seal --json")), &v))
		return v.Head
	}
	deposit := func(key string) {
		_, err := r.db.Deposit(t.Context(), key, "uupt", "main", 100_00, 4, clock.System.Now())
		require.NoError(t, err)
	}
	before := head()
	deposit("second")
	after := head()
	require.Contains(t, r.succeeds(t, "ledger verify --kept "+after), "up to entry 6 the books are those of the head")

	for _, undo := range []string{"DELETE FROM ledger_entry WHERE id > 4", "DELETE FROM ledger_seal WHERE to_id > 4", "DELETE FROM ledger_balance WHERE to_id > 4", "DELETE FROM ledger_key WHERE k = 'second'",
		"UPDATE ledger_mark SET sealed_id = 4", "ALTER TABLE ledger_entry AUTO_INCREMENT = 5"} {
		r.asOwner(t, undo)
	}
	deposit("another")
	require.NotEqual(t, after, head(), "the same numbers, other entries")
	require.Contains(t, r.succeeds(t, "ledger verify --kept "+before), "up to entry 4 the books")
	code, out, errs := r.do(t, "ledger verify --kept "+after)
	require.Equal(t, exitViolated, code)
	require.Contains(t, out, "restored to a moment before it")
	require.Contains(t, errs, "do not add up")

	for _, bad := range []string{"xyz", before[2:]} {
		code, _, errs = r.do(t, "ledger verify --kept "+bad)
		require.Equal(t, exitUsage, code)
		require.Contains(t, errs, "64 hexadecimal digits")
	}
}
