// Package client speaks the canonical API of 千帆 (GET /upstream/v1/openapi.json describes it):
// have an order carried, ask what it would cost, follow it, tip, change, cancel. It needs
// nothing but the standard library.
//
// Every call may be made again: an order is known by its number, a command by its key. So the
// client repeats by itself what got no decided answer (a broken connection, a timeout, HTTP 429
// and 5xx), the same bytes under a new signature, and a repeat that had been heard changes
// nothing. A decided refusal is an *Error with its code and the field at fault.
//
// Money is whole 分, weights are grams, points are GCJ-02 degrees.
package client
