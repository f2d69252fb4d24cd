package bill_test

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
)

// day is the business day of all bills here, and noon an instant of it.
const day = "2026-11-23"

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

// dayOf is a day with so many fees, a second between every two.
func dayOf(n int) iter.Seq[bill.Line] {
	return func(yield func(bill.Line) bool) {
		for i := range n {
			l := bill.Line{
				CarrierNo: fmt.Sprintf("UU20261123%010d", i), ClientNo: fmt.Sprintf("%019d001", i),
				Kind: bill.Fee, Amount: money.Fen(500 + i%900), At: noon.Add(time.Duration(i%3600) * time.Second),
			}
			if !yield(l) {
				return
			}
		}
	}
}

// BenchmarkReader reads a line of each carrier's form per operation.
func BenchmarkReader(b *testing.B) {
	for _, carrier := range bill.Defaults() {
		b.Run(carrier, func(b *testing.B) {
			m, err := bill.Default(carrier)
			require.NoError(b, err)
			if carrier == "shansong" {
				m.Encoding = bill.GBK
			}
			var file bytes.Buffer
			require.NoError(b, bill.Write(&file, m, dayOf(b.N)))
			r, err := bill.Open(&file, m, day)
			require.NoError(b, err)
			b.SetBytes(int64(file.Len()) / int64(b.N))
			runtime.GC()
			b.ReportAllocs()
			b.ResetTimer()
			n := 0
			for err == nil {
				if _, err = r.Next(); err == nil {
					n++
				}
			}
			b.StopTimer()
			require.ErrorIs(b, err, io.EOF)
			require.Equal(b, b.N, n)
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
