package carriertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// Balances is how a carrier states what is left of our prepayment.
type Balances struct {
	Yuan   bool                        // in 元 with decimals; else in whole 分
	Answer func(balance string) string // its answer with that JSON text as the balance
	Lacks  string                      // its answer without a balance
}

// The books are compared with a balance to the 分: it is read exactly, or not at all.
var (
	fenBalances = map[string]money.Fen{
		`0`: 0, `1`: 1, `1234`: 1234, `"1234"`: 1234, `-1234`: -1234, `"-1"`: -1, `-0`: 0, `1000000000000`: 1_000_000_000_000,
	}
	yuanBalances = map[string]money.Fen{
		`0`: 0, `0.0`: 0, `12`: 1200, `12.3`: 1230, `12.34`: 1234, `"12.34"`: 1234, `12.3400`: 1234, `-12.34`: -1234, `"-0.01"`: -1, `-0.00`: 0,
		`0.29`: 29, `1.15`: 115, `4.35`: 435, `8.41`: 841, `10000000000.00`: 1_000_000_000_000, // some of which are less than they seem, as floats
	}
	noFenBalances  = []string{`12.5`, `12.0`, `"12.50"`, `-0.5`}
	noYuanBalances = []string{`12.345`, `-0.005`, `0.30000000000000004`, `12.`, `"12,345.00"`, `"12.34元"`}
	noBalances     = []string{`1e3`, `1E3`, `"1e3"`, `"all"`, `""`, `null`, `true`, `[1]`, `{"amount":1}`, `"--1"`, `"+1"`, `"0x10"`, `"１２"`, `9007199254740993`, `99999999999999999999`}
)

func (h Harness) balances(t *testing.T) {
	t.Parallel()
	require.NotNil(t, h.Balances.Answer)
	sound, unsound := fenBalances, append(noFenBalances, noBalances...)
	if h.Balances.Yuan {
		sound, unsound = yuanBalances, append(noYuanBalances, noBalances...)
	}
	read := func(answer string) (money.Fen, error) {
		s := serve(t, say([]byte(answer)))
		return h.adapter(t, s.URL, s.Client()).Balance(t.Context())
	}
	for text, want := range sound {
		got, err := read(h.Balances.Answer(text))
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	refused := []string{h.Balances.Lacks}
	for _, text := range unsound {
		refused = append(refused, h.Balances.Answer(text))
	}
	for _, answer := range refused {
		got, err := read(answer)
		require.Equal(t, carrier.KindTemporary, carrier.KindOf(err), "%s: %d, %v", answer, got, err)
		require.Zero(t, got, answer)
	}
}
