package emulator

import (
	"fmt"
	"slices"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/store"
)

// mistakeNames say what reconciliation has to call each mistake.
var mistakeNames = map[world.MistakeKind][]reconcile.Why{
	world.MistakeAmount:    {reconcile.Overbilled},
	world.MistakeUnder:     {reconcile.Underbilled},
	world.MistakeDuplicate: {reconcile.Duplicate},
	world.MistakeMissing:   {reconcile.NotBilled, reconcile.NotYetBilled}, // late in the day it may come tomorrow
	world.MistakeUnknown:   {reconcile.UnknownWaybill},
	world.MistakePenalty:   {reconcile.PenaltyNone},
	world.MistakeTip:       {reconcile.TipNotPromised},
	world.MistakeFraction:  {reconcile.Unreadable},
	world.MistakeKindName:  {reconcile.Unreadable},
	world.MistakeDate:      {reconcile.OtherDay},
}

// realNames say what it has to call a charge after the end.
var realNames = map[world.BillKind][]reconcile.Why{
	world.BillPenalty:      {reconcile.PenaltyNone, reconcile.Overbilled, reconcile.AlreadyBilled},
	world.BillRefund:       {reconcile.GivenMore},
	world.BillCompensation: {reconcile.GivenMore},
}

// harmless are names of differences that are nobody's mistake.
var harmless = []reconcile.Why{reconcile.CutOff, reconcile.OwnFigure, reconcile.NotYetBilled, reconcile.Unread}

// acrossMidnight is a mistake under another day's name: the carrier's line stands on one day's bill,
// and we heard of the end after midnight. So the bill of the next day has no line for what we booked,
// and the line that explains most of that is too low.
const acrossMidnight = "not_billed after midnight"

// truth is why an account has an item.
type truth struct {
	item    store.Item
	mistake world.MistakeKind // the carrier's slip; empty: a charge after the end
}

// sorted tells the items of an account's bills apart: each mistake and each late charge must have
// exactly one item, under its name and line, and no item may be left but harmless ones.
type sorted struct {
	left      []store.Item
	truths    []truth
	explained []string // names of what is nobody's mistake
	problems  []string
}

func (s *sorted) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// take finds an item and takes it off the rest.
func (s *sorted) take(names []reconcile.Why, fits func(store.Item) bool) (store.Item, bool) {
	at := slices.IndexFunc(s.left, func(i store.Item) bool { return slices.Contains(names, reconcile.Why(i.Kind)) && fits(i) })
	if at < 0 {
		return store.Item{}, false
	}
	found := s.left[at]
	s.left = slices.Delete(s.left, at, at+1)
	return found, true
}

// about reports whether an item is about the attempt that has our number.
func about(i store.Item, ours string) bool {
	id, n, err := order.ParseOurNo(ours)
	return err == nil && i.OrderID == id && i.N == n
}

func sortItems(items []store.Item, bills []imported, late []world.BillLine) sorted {
	s := sorted{left: slices.Clone(items)}
	for _, b := range bills {
		for _, m := range b.mistakes {
			item, ok := s.take(mistakeNames[m.Kind], func(i store.Item) bool {
				if m.Line == 0 { // no line, and perhaps another day: ours, if we heard of the end after midnight
					return i.LineNo == 0 && about(i, m.ClientNo)
				}
				return i.SourceID == b.id && i.LineNo == m.Line
			})
			if !ok && m.Kind == world.MistakeUnder {
				item, ok = s.underAcrossMidnight(b, m)
			}
			if !ok {
				s.problem("%s %s: mistake %s at line %d, waybill %s (%s → %s) was not found", b.party(), b.day, m.Kind, m.Line, m.CarrierNo, m.Before, m.After)
				continue
			}
			s.truths = append(s.truths, truth{item, m.Kind})
		}
	}
	for _, l := range late {
		item, ok := s.take(realNames[l.Kind], func(i store.Item) bool { return about(i, l.ClientNo) })
		if !ok {
			s.problem("%s of %s, charged for %s after its end, was not found", l.Kind, l.Amount, l.CarrierNo)
			continue
		}
		s.truths = append(s.truths, truth{item: item})
	}
	for _, i := range s.left {
		if slices.Contains(harmless, reconcile.Why(i.Kind)) {
			s.explained = append(s.explained, i.Kind)
			continue
		}
		s.problem("nobody made the mistake of item %d: %s/%s %s at line %d, waybill %s, order %d/%d, theirs %s, ours %s: %s", i.ID, i.Party, i.Account, i.Kind, i.LineNo, i.CarrierNo, i.OrderID, i.N, i.Theirs, i.Ours, i.Raw)
	}
	return s
}

// underAcrossMidnight finds what a line that is too low comes to when we booked the waybill a day
// later: all lines of the waybill seem too much, until the next bill takes that back and lacks the rest.
func (s *sorted) underAcrossMidnight(b imported, m world.Mistake) (store.Item, bool) {
	seems := []reconcile.Why{reconcile.Overbilled, reconcile.TipNotPromised, reconcile.CutOff}
	back := func(i store.Item) bool {
		return i.SourceID == b.id && i.LineNo > 0 && about(i, m.ClientNo) && i.Resolution == store.ResolvedBilledLater
	}
	if _, ok := s.take(seems, func(i store.Item) bool { return i.LineNo == m.Line && back(i) }); !ok {
		return store.Item{}, false
	}
	for ok := true; ok; {
		_, ok = s.take(seems, back)
	}
	s.explained = append(s.explained, acrossMidnight)
	return s.take(mistakeNames[world.MistakeMissing], func(i store.Item) bool {
		return i.LineNo == 0 && i.SourceID != b.id && about(i, m.ClientNo) && i.Ours-i.Theirs == m.Before-m.After
	})
}
