package world_test

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
	"github.com/chuandao/qianfan/shared/money"
)

const today = "2026-03-04"

// plain is the least that a form can be.
var plain = world.BillForm{
	ContentType: "text/csv", Header: []string{"no", "ours", "kind", "amount", "at"},
	Rows: world.RowEach(func(l world.BillLine) []string {
		return []string{l.CarrierNo, l.ClientNo, string(l.Kind), l.Yuan(), l.At.In(world.Shanghai).Format(time.DateTime)}
	}),
	Footer: func(t world.BillTotals) []string {
		return []string{"total", fmt.Sprint(t.Rows), "", t.Net().Yuan(), ""}
	},
}

// together has a row for a waybill and cannot name a kind.
var together = world.BillForm{
	Header: []string{"no", "ours", "charges"},
	Rows: world.RowTogether(func(row []world.BillLine) []string {
		var charges []string
		for _, l := range row {
			charges = append(charges, string(l.Kind)+" "+l.Yuan())
		}
		return []string{row[0].CarrierNo, row[0].ClientNo, strings.Join(charges, "+")}
	}),
	Footer: func(t world.BillTotals) []string { return []string{"total", fmt.Sprint(t.Rows), ""} },
	Cannot: map[world.MistakeKind]string{world.MistakeKindName: "no column"},
}

// busy is a fleet after a day on which n orders ended: two thirds delivered, every other one of
// these with a tip, the rest cancelled, half of them with 违约金. One is still under way.
func busy(t *testing.T, n int) *world.Fleet {
	t.Helper()
	clock := worldtest.NewClock(noon)
	profile := world.Profile{
		Tariff: world.Tariff{Start: 1000, StartKm: 3, PerKm: 100}, Penalty: world.Penalty{AfterAccept: []world.PenaltyStep{{Fee: 200}}}, RoadPercent: 100,
		SpeedMinMPS: 5, SpeedMaxMPS: 5, ApproachMaxM: 100, NoRiderAfterS: 86400,
	}
	f := world.NewFleet(world.FleetOptions{
		Party: "plain", Clock: clock, System: func() time.Time { return noon }, Faults: world.None(), Profile: profile, Balance: 1_000_000_00,
		Callback: func(world.Job) world.Callback { return world.Callback{} },
	})
	t.Cleanup(f.Close)
	f.Hold(true)
	for i := range n + 1 {
		our, no := fmt.Sprintf("QF1%06d", i), fmt.Sprintf("C20260304%06d", i)
		_, err := f.PlaceUnquoted(world.Quote{ClientNo: our, Pickup: home, Dropoff: home.Away(float64(1000+7*i), 1)}, no)
		require.NoError(t, err)
		if i == n {
			break
		}
		if i%6 == 0 {
			_, err := f.Tip(no, 100)
			require.NoError(t, err)
		}
		if i%3 == 2 {
			if i%2 == 0 {
				require.NoError(t, f.Direct(our, world.ActAccept))
			}
			_, _, err := f.Cancel(no, "", false)
			require.NoError(t, err)
			continue
		}
		clock.Advance(time.Second)
		for _, act := range []world.Act{world.ActAccept, world.ActPickUp, world.ActDeliver} {
			require.NoError(t, f.Direct(our, act))
		}
	}
	return f
}

var home = world.Point{Lng: 120.1551, Lat: 30.2741}

// rows are those of a bill's file, header and footer included.
func rows(t *testing.T, b world.Bill) [][]string {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(string(b.Body))).ReadAll()
	require.NoError(t, err)
	return all
}

func TestABillHasWhatIsFinal(t *testing.T) {
	t.Parallel()
	f := busy(t, 60)
	require.Equal(t, []string{today}, f.BillDays())
	b, err := f.Bill(today, world.Mistakes{}, plain)
	require.NoError(t, err)
	books, charged, lines := f.Books(), money.Fen(0), 0
	for _, o := range books.Orders {
		if !o.State.Final() {
			continue
		}
		charged += o.Charged
		for _, amount := range []money.Fen{o.Fee * fen(o.State == world.Delivered), o.Tips * fen(o.State == world.Delivered), o.Penalty} {
			if amount > 0 {
				lines++
			}
		}
	}
	require.Positive(t, lines)
	require.Equal(t, lines, b.Lines)
	require.Equal(t, charged, b.Totals.Net())
	require.Len(t, rows(t, b), lines+2)
	require.Equal(t, []string{"total", fmt.Sprint(lines), "", charged.Yuan(), ""}, rows(t, b)[lines+1])
}

func fen(b bool) money.Fen {
	if b {
		return 1
	}
	return 0
}

func TestChargesAfterTheEndHaveTheirOwnLine(t *testing.T) {
	t.Parallel()
	f := busy(t, 3)
	b := f.Books()
	delivered, open := b.Orders[0], b.Orders[3]
	require.NoError(t, f.ChargeLater(delivered.CarrierNo, world.BillCompensation, 500))
	require.NoError(t, f.ChargeLater(delivered.CarrierNo, world.BillPenalty, 300))
	require.ErrorIs(t, f.ChargeLater(open.CarrierNo, world.BillPenalty, 1), world.ErrState)
	require.ErrorIs(t, f.ChargeLater(delivered.CarrierNo, world.BillPenalty, 2_000_000_00), world.ErrBalance)
	require.ErrorIs(t, f.ChargeLater("nobody's", world.BillPenalty, 1), world.ErrOrderUnknown)
	for _, bad := range []world.BillKind{world.BillOther, "", "fees"} {
		require.Error(t, f.ChargeLater(delivered.CarrierNo, bad, 1))
	}
	require.Error(t, f.ChargeLater(delivered.CarrierNo, world.BillPenalty, 0))
	after := f.Books()
	require.Equal(t, delivered.Charged-200, after.Orders[0].Charged)
	require.Equal(t, money.Fen(300), after.Orders[0].Penalty)
	require.Equal(t, b.Balance+200, after.Balance)
	bill, err := f.Bill(today, world.Mistakes{}, plain)
	require.NoError(t, err)
	taken := after.Opening - after.Balance - open.Charged
	require.Equal(t, taken, bill.Totals.Net())
}

// Each row says what a mistake of a kind does to the file.
func TestMistakes(t *testing.T) {
	t.Parallel()
	f := busy(t, 300)
	right, err := f.Bill(today, world.Mistakes{}, plain)
	require.NoError(t, err)
	good := rows(t, right)
	known := map[string]bool{}
	for _, o := range f.Books().Orders {
		known[o.CarrierNo], known[o.ClientNo] = true, true
	}
	for kind, check := range map[world.MistakeKind]func(t *testing.T, m world.Mistake, row []string){
		world.MistakeAmount: func(t *testing.T, m world.Mistake, row []string) {
			require.Greater(t, m.After, m.Before)
			require.Equal(t, m.After.Yuan(), row[3])
			require.Contains(t, good, []string{m.CarrierNo, m.ClientNo, "fee", m.Before.Yuan(), row[4]})
		},
		world.MistakeUnder: func(t *testing.T, m world.Mistake, row []string) {
			require.Less(t, m.After, m.Before)
			require.Positive(t, m.After)
			require.Equal(t, m.After.Yuan(), row[3])
		},
		world.MistakeDuplicate: func(t *testing.T, m world.Mistake, row []string) {
			require.Contains(t, good, row)
			require.Zero(t, m.Before)
		},
		world.MistakeMissing: func(t *testing.T, m world.Mistake, row []string) {
			require.Nil(t, row)
			require.Positive(t, m.Before)
			require.Zero(t, m.After)
		},
		world.MistakeUnknown: func(t *testing.T, m world.Mistake, row []string) {
			require.False(t, known[m.CarrierNo] || known[m.ClientNo])
			require.Len(t, m.CarrierNo, len("C20260304000000"))
		},
		world.MistakePenalty: func(t *testing.T, m world.Mistake, row []string) {
			require.Equal(t, world.BillPenalty, m.Fee)
			require.True(t, known[m.CarrierNo] && known[m.ClientNo])
			require.False(t, slices.ContainsFunc(good, func(r []string) bool { return r[0] == m.CarrierNo && r[2] == "penalty" }))
		},
		world.MistakeTip: func(t *testing.T, m world.Mistake, row []string) {
			require.Equal(t, world.BillTip, m.Fee)
			require.False(t, slices.ContainsFunc(good, func(r []string) bool { return r[0] == m.CarrierNo && r[2] == "tip" }))
		},
		world.MistakeFraction: func(t *testing.T, m world.Mistake, row []string) {
			require.Equal(t, m.Before.Yuan()+"5", row[3])
			_, err := money.ParseYuan(row[3])
			require.ErrorIs(t, err, money.ErrFraction)
		},
		world.MistakeKindName: func(t *testing.T, _ world.Mistake, row []string) { require.Equal(t, "other", row[2]) },
		world.MistakeDate: func(t *testing.T, m world.Mistake, row []string) {
			require.Less(t, row[4], today)
			require.Equal(t, today, m.At.In(world.Shanghai).Format(time.DateOnly))
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := world.Mistakes{Seed: 7, Share: map[world.MistakeKind]float64{kind: 0.02}}
			b, err := f.Bill(today, m, plain)
			require.NoError(t, err)
			want := (right.Lines + 25) / 50
			require.Len(t, b.Mistakes, want)
			all := rows(t, b)
			wrong := map[int]bool{}
			for _, x := range b.Mistakes {
				require.Equal(t, kind, x.Kind)
				var row []string
				if x.Line > 0 {
					row = all[x.Line-1]
					require.Equal(t, []string{x.CarrierNo, x.ClientNo}, row[:2])
					wrong[x.Line-1] = true
				}
				check(t, x, row)
			}
			for i, row := range all[1 : len(all)-1] {
				require.True(t, wrong[i+1] || slices.ContainsFunc(good, func(r []string) bool { return slices.Equal(r, row) }), "line %d is neither right nor told: %v", i+2, row)
			}
			again, err := f.Bill(today, m, plain)
			require.NoError(t, err)
			require.Equal(t, b, again, "one seed makes one bill")
			m.Seed = 8
			other, err := f.Bill(today, m, plain)
			require.NoError(t, err)
			require.NotEqual(t, b.Mistakes, other.Mistakes)
		})
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	f := busy(t, 600)
	for name, form := range map[string]world.BillForm{"plain": plain, "together": together} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := world.ParseMistakes("all:0.02,missing:0.05", 3)
			require.NoError(t, err)
			b, err := f.Bill(today, m, form)
			require.NoError(t, err)
			made, hit := map[world.MistakeKind]int{}, map[string]bool{}
			all := rows(t, b)
			for _, x := range b.Mistakes {
				made[x.Kind]++
				require.False(t, hit[x.CarrierNo], "two mistakes hit %s", x.CarrierNo)
				hit[x.CarrierNo] = true
				if x.Line > 0 {
					require.Equal(t, x.CarrierNo, all[x.Line-1][0])
				}
			}
			require.Len(t, made, len(world.MistakeKinds())-len(form.Cannot))
			require.Greater(t, made[world.MistakeMissing], 2*made[world.MistakeTip])
			require.Equal(t, fmt.Sprint(len(all)-2), all[len(all)-1][1], "the footer counts rows")
		})
	}
}

func TestBillsThatCannotBe(t *testing.T) {
	t.Parallel()
	f := busy(t, 6)
	for _, day := range []string{"", "2026-3-4", "2026-02-30", "today"} {
		_, err := f.Bill(day, world.Mistakes{}, plain)
		require.ErrorIs(t, err, world.ErrBadDay, day)
	}
	_, err := f.Bill("2026-03-05", world.Mistakes{}, plain)
	require.ErrorIs(t, err, world.ErrNoBill)
	_, err = f.Bill(today, world.Mistakes{Share: map[world.MistakeKind]float64{world.MistakeKindName: 1}}, together)
	require.ErrorIs(t, err, world.ErrMistakes)
	_, err = f.Bill(today, world.Mistakes{Share: map[world.MistakeKind]float64{"typo": 1}}, plain)
	require.ErrorIs(t, err, world.ErrMistakes)
	for _, text := range []string{"amount", "amount:", "amount:0", "amount:-1", "amount:1.1", "amount:NaN", "amount:x", "amount:0.1,:"} {
		_, err := world.ParseMistakes(text, 1)
		require.ErrorIs(t, err, world.ErrMistakes, text)
	}
	none, err := world.ParseMistakes("", 1)
	require.NoError(t, err)
	b, err := f.Bill(today, none, plain)
	require.NoError(t, err)
	require.Empty(t, b.Mistakes)
}
