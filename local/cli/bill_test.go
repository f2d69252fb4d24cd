package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const billFile = "\xba\xcf\xbc\xc6,1\n" // GBK: what comes is not JSON, and not UTF-8 either

func billRig(t *testing.T, sum string) *rig {
	return newRig(t, map[string]string{
		"GET /api/carriers/shansong/bill":      billFile,
		"GET /api/carriers/shansong/bill/days": `{"days":["2026-11-23","2026-11-24"]}`,
		"GET /api/carriers/shansong/bill/mistakes": `{"name":"shansong-2026-11-23.csv","sha256":"` + sum + `","lines":9,"rows":9,"net_fen":12345,"mistakes":[
			{"kind":"missing","line":0,"carrier_no":"TDH1","client_no":"1","fee":"fee","before_fen":1400,"after_fen":0},
			{"kind":"amount","line":4,"carrier_no":"TDH2","client_no":"2","fee":"fee","before_fen":1400,"after_fen":1500}]}`,
	})
}

func rightSum() string {
	sum := sha256.Sum256([]byte(billFile))
	return hex.EncodeToString(sum[:])
}

func TestBillToAFile(t *testing.T) {
	t.Parallel()
	r := billRig(t, rightSum())
	out := filepath.Join(t.TempDir(), "b.csv")
	code, said, complained := r.do(t, "bill shansong --day 2026-11-23 --mistakes amount:0.1,missing:0.1 --seed 7 --account south -o "+out)
	require.Zero(t, code, complained)
	require.Equal(t, []string{
		"GET /api/carriers/shansong/bill?account=south&day=2026-11-23&mistakes=amount%3A0.1%2Cmissing%3A0.1&seed=7",
		"GET /api/carriers/shansong/bill/mistakes?account=south&day=2026-11-23&mistakes=amount%3A0.1%2Cmissing%3A0.1&seed=7",
	}, r.requests)
	require.Equal(t, out+": 9 lines, net 123.45元, 2 mistakes\n", said)
	require.Equal(t, "no line  missing  TDH1  fee  14.00 → 0.00\nline 4  amount  TDH2  fee  14.00 → 15.00\n", complained)
	written, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, billFile, string(written), "byte for byte")

	told := r.succeeds(t, "bill shansong --day 2026-11-23 --json -o "+out)
	var v billTold
	require.NoError(t, json.Unmarshal([]byte(told), &v))
	require.Equal(t, out, v.File)
	require.Len(t, v.Mistakes, 2)
}

func TestBillToStdout(t *testing.T) {
	t.Parallel()
	r := billRig(t, rightSum())
	code, said, complained := r.do(t, "bill shansong --day 2026-11-23")
	require.Zero(t, code, complained)
	require.Equal(t, billFile, said, "nothing but the file")
	require.Contains(t, complained, "line 4")
}

func TestDaysWithABill(t *testing.T) {
	t.Parallel()
	r := billRig(t, "")
	require.Equal(t, "2026-11-23\n2026-11-24\n", r.succeeds(t, "bill shansong"))
	require.JSONEq(t, `{"days":["2026-11-23","2026-11-24"]}`, r.succeeds(t, "bill shansong --json"))
}

func TestBillsThatAreNotWritten(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "b.csv")
	for line, row := range map[string]struct {
		code int
		says string
	}{
		"bill shansong -o " + out:                  {exitUsage, "--day is missing"},
		"bill shansong --mistakes all:1":           {exitUsage, "--day is missing"},
		"bill shansong --day 2026-11-23 --json":    {exitUsage, "-o shansong.csv"},
		"bill shansong --day 2026-11-23 -o " + out: {exitFailed, "freeze"},
		"bill uupt --day 2026-11-23 -o " + out:     {exitFailed, "look elsewhere"},
		"bill":                                     {exitUsage, "carrier"},
	} {
		r := billRig(t, "another")
		code, said, complained := r.do(t, line)
		require.Equal(t, row.code, code, line)
		require.Empty(t, said)
		require.Contains(t, complained, row.says, line)
	}
	require.NoFileExists(t, out)
}
