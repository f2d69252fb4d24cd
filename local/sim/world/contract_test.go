package world_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

func TestWhatAPlatformHasAgreedToPay(t *testing.T) {
	t.Parallel()
	ten := time.Date(2026, 3, 4, 22, 0, 0, 0, world.Shanghai)
	for _, x := range []struct {
		metres float64
		grams  int
		at     time.Time
		want   money.Fen
	}{
		{0, 0, noon, 1500}, {2999, 5000, noon, 1500}, {3002, 5000, noon, 1700}, {4500, 5001, noon, 2050},
		{100, 1, ten, 1900}, {100, 1, ten.Add(-time.Second), 1500}, {100, 1, ten.Add(8*time.Hour - 1), 1900}, {100, 1, ten.Add(8 * time.Hour), 1500},
	} {
		require.Equal(t, x.want, world.Agreed.Price(home, home.Away(x.metres, 0), x.grams, x.at), "%+v", x)
	}
}
