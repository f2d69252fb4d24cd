package emulator_test

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sim/world"
)

// dayOrders is how many orders the day has that every run of the tests closes. A whole day is
// QIANFAN_DAY_ORDERS=5000 here, with a longer -timeout, or `qianfan bench day-close --orders 5000`;
// QIANFAN_DAY_SEED repeats a run.
const dayOrders = 90

func fromEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// A day around midnight with every strategy, every platform, every carrier, a second account and
// the standard faults. All bills come with 1 % mistakes of each kind and some charges that no
// call ever told: reconciliation finds exactly these and names each, and when each is settled as
// the truth is, our books are the carriers' and the platforms' own to the fen.
func TestASimulatedDayReconcilesToTheFen(t *testing.T) {
	t.Parallel()
	orders := fromEnv(t, "QIANFAN_DAY_ORDERS", dayOrders)
	if testing.Short() {
		orders = min(orders, 60)
	}
	r := start(t, emulator.DayOptions(emulator.Options{Orders: orders, Seed: int64(fromEnv(t, "QIANFAN_DAY_SEED", 20261125))}))
	d, err := r.RunDay(t.Context(), r.log)
	require.NoError(t, err, "%s", r.dump())
	said, err := json.MarshalIndent(d, "", "  ")
	require.NoError(t, err)
	t.Logf("%s", said)
	require.Empty(t, d.Problems)

	require.Equal(t, orders, d.Orders.Pushed)
	require.Len(t, d.Days, 2, "midnight is in the middle")
	require.Equal(t, 6, d.Accounts, "every prepaid account ties")
	r.calm()
	r.tieOnTheWire(d.Accounts)
	require.GreaterOrEqual(t, d.Bills, d.Accounts)
	require.Len(t, d.Mistakes, len(world.MistakeKinds()), "every kind of mistake was made")
	made, named, real := 0, 0, 0
	for _, n := range d.Mistakes {
		made += n
	}
	for _, n := range d.Named {
		named += n
	}
	for _, n := range d.Real {
		real += n
	}
	require.Equal(t, made, named, "every mistake has its name")
	require.Greater(t, d.Charged, 2*d.Accounts, "an account has three of them when it delivered three orders")
	require.Equal(t, d.Charged, real, "and so has every charge that nobody had told")
	require.Len(t, d.Statement, 3)
	for platform, sum := range d.Statement {
		require.Positive(t, sum, platform)
	}
}
