// Package taobao simulates 淘宝闪购 · 饿了么 餐饮 (open.shop.ele.me) as it looks from the
// other side: it pushes orders and cancels as signed JSON, keeps those that did not get
// through to be pulled, and takes the report-back of self-delivery, with books of its own.
//
// What no public source states is marked GAP where it is decided, and can be
// configured.
package taobao
