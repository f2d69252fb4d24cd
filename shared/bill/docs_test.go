package bill_test

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
)

// The examples of docs/bills.md are bills, its mapping is one, and it explains every reason.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/bills.md")
	require.NoError(t, err)
	blocks := map[string]string{}
	for _, b := range regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(string(raw), -1) {
		blocks[b[1]] = b[2]
	}
	for _, carrier := range bill.Defaults() {
		require.Contains(t, blocks, carrier)
		got, _ := read(t, mapping(t, carrier), strings.NewReader(blocks[carrier]))
		require.Equal(t, io.EOF, got.end, carrier)
		require.Empty(t, got.bad, carrier)
		require.NotEmpty(t, got.lines, carrier)
	}

	own, err := bill.Parse([]byte(blocks["json"]))
	require.NoError(t, err)
	got, r := read(t, own, strings.NewReader("waybill;our number;fee;given back;finished;remark\nW1;1;850;100;2026-11-23 12:00;\ntotal;1;850;100;;\n"))
	require.Equal(t, io.EOF, got.end)
	require.Len(t, got.lines, 2)
	require.Equal(t, bill.Footer{Rows: 1, Net: 750}, r.Footer())

	source, err := os.ReadFile("bill.go")
	require.NoError(t, err)
	reasons := regexp.MustCompile(`Reason = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	require.Len(t, reasons, 20)
	for _, reason := range reasons {
		require.Contains(t, string(raw), "\n| `"+reason[1]+"` |")
	}
}
