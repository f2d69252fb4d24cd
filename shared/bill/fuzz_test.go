package bill_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
)

// FuzzReader reads whatever bytes for a bill of any carrier: every line is sound, every row is told
// of once, a file that passes adds up to its own footer, and the same bytes say the same again.
func FuzzReader(f *testing.F) {
	for i, carrier := range bill.Defaults() {
		for _, encoding := range []bill.Encoding{bill.GBK, bill.Auto} {
			m := mapping(f, carrier)
			m.Encoding = encoding
			var file bytes.Buffer
			require.NoError(f, bill.Write(&file, m, seq([]bill.Line{
				{CarrierNo: "A1", ClientNo: "1001", Kind: bill.Fee, Amount: 123450, At: noon},
				{CarrierNo: "A1", ClientNo: "1001", Kind: bill.Refund, Amount: 50, At: noon},
				{CarrierNo: `"A",2`, Kind: bill.Penalty, Amount: 300, At: noon.AddDate(0, 0, 1)},
			})))
			f.Add(byte(i), file.Bytes())
			f.Add(byte(i), file.Bytes()[:file.Len()/2])
			f.Add(byte(i), append(file.Bytes(), file.Bytes()...))
			f.Add(byte(i), bytes.ReplaceAll(file.Bytes(), []byte("3"), []byte("-9.999")))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, file []byte) {
		m := mapping(t, bill.Defaults()[int(which)%len(bill.Defaults())])
		got, r := read(t, m, bytes.NewReader(file))
		again, _ := read(t, m, iotest.HalfReader(bytes.NewReader(file)))
		require.Equal(t, got, again)

		net := soundLines(t, got)
		var refused *bill.FileError
		if errors.As(got.end, &refused) {
			require.NotEmpty(t, refused.Detail)
			return
		}
		require.Equal(t, io.EOF, got.end)
		sum := sha256.Sum256(file)
		require.Equal(t, hex.EncodeToString(sum[:]), r.Sum())
		require.Equal(t, int64(len(file)), r.Offset())
		if !slices.ContainsFunc(got.bad, func(e *bill.LineError) bool { return !certain(e) }) {
			require.Equal(t, net, r.Footer().Net)
		}
		if !m.Wide() {
			require.Equal(t, len(got.lines)+len(got.bad), r.Footer().Rows)
		}
		rewritten(t, m, got.lines)
	})
}

// certain tells whether the amount of a bad line is beyond doubt: it is in the total.
func certain(e *bill.LineError) bool {
	return slices.Contains([]bill.Reason{bill.ReasonDate, bill.ReasonTime, bill.ReasonNumber}, e.Reason) && e.Kind.Known() && e.Amount > 0
}

// soundLines checks every line, and adds up what is certain.
func soundLines(t *testing.T, got outcome) (net money.Fen) {
	t.Helper()
	last := 1
	for _, l := range got.lines {
		require.Positive(t, l.Amount)
		require.True(t, l.Kind.Known())
		require.NotEmpty(t, l.CarrierNo)
		require.LessOrEqual(t, max(len(l.CarrierNo), len(l.ClientNo)), 64)
		require.GreaterOrEqual(t, l.No, last)
		require.False(t, l.At.Before(shanghai("00:00:00")) || l.At.After(shanghai("23:59:59").Add(time.Second-1)), l.At)
		last = l.No
		net += l.Kind.Net(l.Amount)
	}
	for _, e := range got.bad {
		require.NotEmpty(t, e.Reason)
		require.NotEmpty(t, e.Detail)
		require.Greater(t, e.No, 1)
		require.GreaterOrEqual(t, e.Amount, money.Fen(0))
		require.LessOrEqual(t, len(e.Raw), 512)
		require.True(t, utf8.ValidString(e.Raw+e.CarrierNo+e.ClientNo))
		if certain(e) {
			net += e.Kind.Net(e.Amount)
		}
	}
	return net
}

// rewritten writes lines that were read, and reads them again.
func rewritten(t *testing.T, m bill.Mapping, lines []bill.Line) {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, bill.Write(&file, m, seq(lines)))
	got, _ := read(t, m, &file)
	require.Equal(t, io.EOF, got.end)
	require.Len(t, got.lines, len(lines))
	for i, l := range got.lines {
		want := lines[i]
		require.Equal(t, []any{want.CarrierNo, want.ClientNo, want.Kind, want.Amount}, []any{l.CarrierNo, l.ClientNo, l.Kind, l.Amount})
	}
}

// FuzzMapping reads whatever text for a mapping: one that passes is written the same again, and
// a bill in that form is read or refused.
func FuzzMapping(f *testing.F) {
	for _, carrier := range bill.Defaults() {
		raw, err := json.Marshal(mapping(f, carrier))
		require.NoError(f, err)
		f.Add(raw)
		f.Add(bytes.Replace(raw, []byte(`"comma":","`), []byte(`"comma":"|"`), 1))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := bill.Parse(raw)
		if err != nil {
			return
		}
		again, err := json.Marshal(m)
		require.NoError(t, err)
		same, err := bill.Parse(again)
		require.NoError(t, err)
		require.Equal(t, m, same)

		var file bytes.Buffer
		for _, k := range bill.Kinds {
			lines := []bill.Line{{CarrierNo: "A1", Kind: k, Amount: 1, At: noon}, {CarrierNo: "A2", Kind: k, Amount: 123456789, At: noon}}
			file.Reset()
			if err := bill.Write(&file, m, seq(lines)); err != nil {
				continue // no word for the kind, or none of GBK
			}
			got, _ := read(t, m, &file)
			soundLines(t, got)
		}
	})
}
