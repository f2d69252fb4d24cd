package store

import (
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/tariff"
)

// Why is how an order got its terms: which strategy, and how its fee came about. It is stored
// with the order, so that it can be explained when strategies and tariffs have changed.
type Why struct {
	strategy.Why
	Tariff tariff.Price `json:"tariff,omitzero"` // zero = from before it was kept
}
