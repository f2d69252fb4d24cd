package emulator

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/store"
)

// A day closes only when every mistake and every late charge has its own item by its name, and
// nothing else has one.
func TestItemsAreHeldAgainstTheTruth(t *testing.T) {
	t.Parallel()
	bills := []imported{{id: 3, day: "2026-11-24", mistakes: []world.Mistake{
		{Kind: world.MistakeAmount, Line: 4, CarrierNo: "c4"},
		{Kind: world.MistakeMissing, CarrierNo: "c9", ClientNo: order.OurNo(900, 2)},
	}}}
	late := []world.BillLine{{Kind: world.BillRefund, ClientNo: order.OurNo(700, 1)}}
	over := store.Item{ID: 1, SourceID: 3, LineNo: 4, Kind: string(reconcile.Overbilled)}
	missing := store.Item{ID: 2, SourceID: 3, OrderID: 900, N: 2, Kind: string(reconcile.NotBilled)}
	refund := store.Item{ID: 3, SourceID: 3, LineNo: 7, OrderID: 700, N: 1, Kind: string(reconcile.GivenMore)}
	cut := store.Item{ID: 4, SourceID: 3, LineNo: 8, OrderID: 500, N: 1, Kind: string(reconcile.CutOff)}

	s := sortItems([]store.Item{refund, cut, missing, over}, bills, late)
	require.Empty(t, s.problems)
	require.Equal(t, []truth{{over, world.MistakeAmount}, {missing, world.MistakeMissing}, {item: refund}}, s.truths)
	require.Equal(t, []string{"cut_off"}, s.explained)

	change := func(x store.Item, how func(*store.Item)) store.Item { how(&x); return x }
	for says, items := range map[string][]store.Item{
		"mistake amount at line 4, waybill c4 (0.00元 → 0.00元) was not found": {missing, refund},
		"nobody made the mistake of item 9":                                  {over, missing, refund, change(over, func(x *store.Item) { x.ID = 9 })},
		"nobody made the mistake of item 1: / duplicate at line 4":           {missing, refund, change(over, func(x *store.Item) { x.Kind = string(reconcile.Duplicate) })},
		"nobody made the mistake of item 1: / overbilled at line 5":          {missing, refund, change(over, func(x *store.Item) { x.LineNo = 5 })},
		"mistake missing at line 0, waybill c9":                              {over, refund, change(missing, func(x *store.Item) { x.N = 1 })},
		"charged for":                                                        {over, missing},
	} {
		s := sortItems(items, bills, late)
		require.NotEmpty(t, s.problems, says)
		found := ""
		for _, p := range s.problems {
			found += p + "\n"
		}
		require.Contains(t, found, says)
	}
}

// We heard of an end after midnight: the carrier's line is on one day's bill, our booking on the
// next. A mistake in that line shows on both, and is one mistake.
func TestAMistakeAcrossMidnightIsOneMistake(t *testing.T) {
	t.Parallel()
	ours := order.OurNo(900, 2)
	lacking := func(amount money.Fen) store.Item {
		return store.Item{ID: 2, SourceID: 4, OrderID: 900, N: 2, Ours: amount, Kind: string(reconcile.NotBilled)}
	}
	of := func(m world.Mistake) []imported {
		m.Line, m.ClientNo, m.Before = 4, ours, 1100
		return []imported{{id: 3, day: "2026-11-24", mistakes: []world.Mistake{m}}, {id: 4, day: "2026-11-25"}}
	}
	bad, covered := store.Item{ID: 1, SourceID: 3, LineNo: 4, Kind: string(reconcile.Unreadable)}, lacking(1100)
	covered.Kind = string(reconcile.Unread)
	s := sortItems([]store.Item{bad, covered}, of(world.Mistake{Kind: world.MistakeFraction}), nil)
	require.Empty(t, s.problems)
	require.Equal(t, []string{string(reconcile.Unread)}, s.explained)
	s = sortItems([]store.Item{bad, lacking(1100)}, of(world.Mistake{Kind: world.MistakeFraction}), nil)
	require.Len(t, s.problems, 1, "it is one question, not two")

	low := store.Item{ID: 1, SourceID: 3, LineNo: 4, OrderID: 900, N: 2, Kind: string(reconcile.Overbilled), Resolution: store.ResolvedBilledLater}
	tip := store.Item{ID: 3, SourceID: 3, LineNo: 5, OrderID: 900, N: 2, Kind: string(reconcile.TipNotPromised), Resolution: store.ResolvedBilledLater}
	s = sortItems([]store.Item{tip, low, lacking(200)}, of(world.Mistake{Kind: world.MistakeUnder, After: 900}), nil)
	require.Empty(t, s.problems)
	require.Equal(t, []truth{{lacking(200), world.MistakeUnder}}, s.truths)
	low.Resolution = ""
	s = sortItems([]store.Item{low, lacking(200)}, of(world.Mistake{Kind: world.MistakeUnder, After: 900}), nil)
	require.Len(t, s.problems, 3)
}
