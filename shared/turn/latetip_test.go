package turn_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
)

// A tip that the carrier confirms after the delivery was booked without it is a tip still.
func TestATipConfirmedAfterTheDeliveryIsATip(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	run(t, d, tipping, once, quoted(), okPlace(1), pass(time.Minute), says(1, carrier.Delivered))
	seen := len(d.facts)
	run(t, d, okTip(1, 100))
	require.Equal(t, "Dr carrier:uupt:u:held 1.00, Cr carrier:uupt:u:prepaid 1.00; Dr expense:tip:uupt 1.00, Cr carrier:uupt:u:held 1.00", posted(t, d, d.facts[seen:]))
}
