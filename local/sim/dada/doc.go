// Package dada simulates 达达: the paths, the signatures, the envelopes, the states, the
// prices and the 违约金 of the real service, with books of its own.
//
// What no public source states is marked GAP where it is decided, and can be
// configured.
package dada
