// Package meituan simulates 美团外卖 (waimaiopen.meituan.com/api/v1) as it looks from
// the other side: it pushes paid orders and cancels, signed over the registered URL,
// and takes the report-back of self-delivery, with books of its own.
//
// What no public source states is marked GAP where it is decided, and can be
// configured.
package meituan
