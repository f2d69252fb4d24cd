package emulator_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
)

// Every carrier that the functions can serve is simulated, whether or not a strategy names it.
func TestEveryCarrierIsSimulated(t *testing.T) {
	t.Parallel()
	require.Equal(t, slices.Sorted(slices.Values(carriers.Names())), emulator.CarrierNames())
}
