package turn_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/turn"
)

// A push that proves nothing gives an attempt no other number at the carrier, which would be
// queried and cancelled from then on, and no time to come, which would make the truth too late.
func TestAnUnsignedPushMisleadsNobody(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*carrier.Status){
		"another number": func(s *carrier.Status) { s.CarrierNo = "somebody-elses" },
		"a time to come": func(s *carrier.Status) { s.At = s.At.AddDate(100, 0, 0) },
	} {
		d := newDesk(t, "shansong")
		quoted()(d)
		okPlace(1)(d)
		number := d.agg.Attempt(1).CarrierNo
		require.NotEmpty(t, number)
		s := d.status(1, carrier.Accepted)
		s.Carrier, s.Verified, s.CarrierNo, s.At = "shansong", false, number, d.now
		spoil(&s)
		d.turn(func(t *turn.Turn) { t.Signal(1, s) })
		a := d.agg.Attempt(1)
		require.Equal(t, number, a.CarrierNo, name)
		require.False(t, a.LastAt.After(d.now), name)
		require.Equal(t, order.Placed, a.State, name)
		require.Equal(t, order.CallQuery, d.calls[len(d.calls)-1].Kind, "%s: the carrier is asked", name)
	}
}

// A tip that the carrier does not take is refused before anything is held or called: it
// must not use up the carrier's patience with tips.
func TestATipInTheWrongUnitIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "uupt")
	f := d.carriers["uupt"]
	f.TipUnit = 100
	d.carriers["uupt"] = f
	for _, s := range []step{quoted(), okPlace(1), pass(time.Second), wants("k", order.CommandTip, order.CommandArgs{Add: 250})} {
		s(d)
	}
	require.Contains(t, d.decided["k"], "refused: ")
	require.Equal(t, money.Fen(800), d.agg.Attempt(1).Held)
	require.False(t, d.agg.Attempt(1).Want.NoTips)
	wants("l", order.CommandTip, order.CommandArgs{Add: 200})(d)
	require.Equal(t, order.Applied, d.decided["l"])
}
