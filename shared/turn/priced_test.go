package turn_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// What a carrier told before a cancel that has not come to an end is kept with its instant, for
// as long as it counts.
func TestWhenTheCarrierToldItsPrice(t *testing.T) {
	t.Parallel()
	priced := func() *desk {
		d := newDesk(t, "sftc")
		run(t, d, quoted(), okPlace(1), says(1, carrier.Accepted), pass(time.Minute), withdraws("k"), feeButDoubt(1, 150))
		return d
	}
	d := priced()
	told := d.now
	require.Equal(t, money.Fen(150), *d.agg.Attempt(1).CancelFee)
	run(t, d, pass(2*time.Second))
	require.True(t, d.now.After(told))
	require.Equal(t, told, d.agg.Attempt(1).Want.Priced)

	run(t, d, shows(1, carrier.Accepted), cancelRefused(1))
	require.Nil(t, d.agg.Attempt(1).CancelFee, "it is asked anew before the next cancel")
	require.Zero(t, d.agg.Attempt(1).Want.Priced)

	d = priced()
	run(t, d, pass(2*time.Second), shows(1, carrier.Reassigning), says(1, carrier.Accepted))
	require.Nil(t, d.agg.Attempt(1).CancelFee, "it was the price of another rider")
	require.Zero(t, d.agg.Attempt(1).Want.Priced)
}
