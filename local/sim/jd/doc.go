// Package jd simulates 京东秒送 (openapi.jddj.com/djapi) as it looks from the other side:
// it pushes thin messages about orders, signed over the raw text, answers queries for
// their detail, and takes the report-back of self-delivery (商家自送), with books of its
// own.
//
// What no public source states is marked GAP where it is decided, and can be
// configured.
package jd
