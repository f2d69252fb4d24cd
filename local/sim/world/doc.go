// Package world holds the mechanics that all simulated parties share: chance that a
// seed decides, faults, places, prices, riders, books, and HTTP that can fail on
// purpose.
//
// The parties themselves (闪送, UU跑腿, 美团 …) live beside this package and add what
// is their own: paths, signatures, envelopes, codes and units. Nothing here is shared
// with the adapters that talk to the real parties, so that two books which match have
// been kept twice.
package world
