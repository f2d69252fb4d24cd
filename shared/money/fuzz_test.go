package money_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
)

// FuzzAmounts reads whatever text for an amount: what passes is written as the same amount, and
// 元 and 分 agree about it.
func FuzzAmounts(f *testing.F) {
	for _, seed := range []string{
		"0", "12", "12.5", "-0.05", "12.500", "1e3", "0x10", "+1", "１", "NaN", "9223372036854775808", "-9223372036854775808", "00012.30", ".5", "5.", "1,5", "-", "", " 1", "1.001",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if yuan, err := money.ParseYuan(text); err == nil {
			again, err := money.ParseYuan(yuan.Yuan())
			require.NoError(t, err)
			require.Equal(t, yuan, again)
		}
		fen, err := money.ParseFen(text)
		if err != nil {
			require.Zero(t, fen)
			return
		}
		asYuan, err := money.ParseYuan(fen.Yuan())
		require.NoError(t, err)
		require.Equal(t, fen, asYuan)
		raw, err := json.Marshal(fen)
		require.NoError(t, err)
		var read money.Fen
		require.NoError(t, json.Unmarshal(raw, &read))
		require.Equal(t, fen, read)
	})
}
