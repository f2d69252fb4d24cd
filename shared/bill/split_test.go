package bill

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A row is cut as encoding/csv cuts it, and refused where that refuses it.
func TestSplitAgainstCSV(t *testing.T) {
	t.Parallel()
	var list []string
	rapid.Check(t, func(t *rapid.T) {
		row := rapid.StringMatching(`[a费 ,;"]{1,24}`).Draw(t, "row")
		comma := rapid.SampledFrom([]byte{',', ';'}).Draw(t, "comma")
		standard := csv.NewReader(strings.NewReader(row))
		standard.Comma = rune(comma)
		want, err := standard.Read()
		got, ok := split(row, comma, list)
		list = got
		require.Equal(t, err == nil, ok, "%q: %v", row, err)
		if ok {
			require.Equal(t, want, got, "%q", row)
		}
	})
}
