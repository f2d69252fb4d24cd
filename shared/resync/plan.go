// Package resync rebuilds, after the database was restored to an earlier moment, what happened
// since then from what carriers know: they are asked by our own numbers, and their bills are
// read for waybills that no query finds. What was found is handed to the state machine; what
// cannot be known is said.
package resync

import (
	"slices"

	"github.com/chuandao/qianfan/shared/order"
)

// perRound is how many attempt numbers a quote round has: (round-1)*8 + place of the carrier in
// the order's strategy, from 1.
const perRound = 8

// probe is a number under which a carrier may know an attempt that we do not. A number is one
// carrier's, but a bill may claim anything.
type probe struct {
	n       int
	carrier string
}

// firstRound is the earliest round from which an order can have placed after the restore's
// moment: the quotes of earlier ones are not used any more. 0 = none, it was over.
func firstRound(o *order.Aggregate) int {
	if o.State.Final() {
		return 0
	}
	return max(1, o.Round)
}

// probes are the numbers that a round minted, but for those that the order has. possible are
// the carriers with which it can have been placed. An order that came with its number only, and
// of which nothing else is known yet, may have been placed with any of them in any place.
func probes(o *order.Aggregate, round int, possible []string) []probe {
	var out []probe
	add := func(place int, name string) {
		n := (round-1)*perRound + place + 1
		if o.Attempt(n) == nil && slices.Contains(possible, name) {
			out = append(out, probe{n, name})
		}
	}
	if !planned(o) {
		for place := range perRound {
			for _, name := range possible {
				add(place, name)
			}
		}
		return out
	}
	for place, name := range o.Strategy.Carriers[:min(perRound, len(o.Strategy.Carriers))] {
		add(place, name)
	}
	return out
}

// has reports whether an attempt of a round is known.
func has(o *order.Aggregate, round int) bool {
	return slices.ContainsFunc(o.Attempts, func(a *order.Attempt) bool { return (a.N-1)/perRound+1 == round })
}

// planned reports whether the order's content, and with it its strategy and price, is known.
func planned(o *order.Aggregate) bool { return o.Strategy.Name != "" }
