// Package sftc speaks 顺丰同城's open platform: POST JSON whose bytes are signed into the
// query (Base64 of the MD5's hex text over body, dev_id and dev_key); pushes are signed
// the same way.
//
// A quote (precreateorder) and a placement (createorder) know nothing of each other: the
// quote has no token, and the placement's answer says what was really taken. Our number
// is shop_order_id, unique per shop, so that a placement in doubt is found by it.
// Coordinates are GCJ-02 unless configured, weights grams, money 分.
//
// Money is booked cumulatively. What createorder takes is stated by its answer and what
// a cancel keeps (违约金) by the cancel's; the order's status states neither, so both are
// nil there.
package sftc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/settings"
)

// Name is the carrier's key.
const Name = "sftc"

// Adapter is 顺丰同城 as a carrier.Adapter. It is safe for concurrent use.
type Adapter struct {
	cfg      Config
	http     *http.Client
	system   func() time.Time
	refusals carrier.Refusals
}

var (
	_ carrier.Adapter   = (*Adapter)(nil)
	_ carrier.Tipper    = (*Adapter)(nil)
	_ carrier.TipTeller = (*Adapter)(nil)
	_ carrier.Locator   = (*Adapter)(nil)
)

// New checks the settings and makes the adapter. Development credentials without
// Config.AllowDev are settings.ErrDevCredentials.
func New(cfg Config, deps settings.Deps) (*Adapter, error) {
	if err := errors.Join(deps.Check(), cfg.check()); err != nil {
		return nil, fmt.Errorf("sftc: %w", err)
	}
	return &Adapter{
		cfg: cfg.withDefaults(), http: deps.HTTP, system: deps.System,
		refusals: append(append(carrier.Refusals{}, cfg.Refusals...), refusals...),
	}, nil
}

// Name is "sftc".
func (a *Adapter) Name() string { return Name }

// Facts are 顺丰同城's habits. Once the goods are picked up a cancel is normally refused,
// and there is no call that confirms a return.
func (a *Adapter) Facts() carrier.Facts {
	return carrier.Facts{
		Account:       a.cfg.Account,
		SignedPush:    true,
		QuietFine:     true,
		ConfirmReturn: false,
		QuoteTTL:      time.Duration(a.cfg.QuoteTTL),
		CancelReturns: false,
		TipUnit:       minTip, // the least; above it any amount would do
	}
}

// refusals classify failed answers. One code is public; the rest is told by its text.
// Rows that mean doubt stand first.
var refusals = carrier.Refusals{
	{Code: "3302", Kind: carrier.KindBalanceLow},
	{Text: "重复", Kind: carrier.KindDuplicate},
	{Text: "已存在", Kind: carrier.KindDuplicate},
	{Text: "系统异常", Kind: carrier.KindTemporary},
	{Text: "系统错误", Kind: carrier.KindTemporary},
	{Text: "系统繁忙", Kind: carrier.KindTemporary},
	{Text: "频繁", Kind: carrier.KindRateLimited},
	{Text: "余额", Kind: carrier.KindBalanceLow},
	{Text: "订单不存在", Kind: carrier.KindNotFound},
	{Text: "运力", Kind: carrier.KindNoCapacity},
	{Text: "未开通", Kind: carrier.KindOutOfArea},
	{Text: "不在服务", Kind: carrier.KindOutOfArea},
	{Text: "超出配送范围", Kind: carrier.KindOutOfArea},
	{Text: "超出服务范围", Kind: carrier.KindOutOfArea},
}

// refused fails a call that was never sent because 顺丰同城 could not take it.
func refused(op string, err error) error {
	return &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindRefused, Err: err}
}

// ConfirmReturn always fails: 顺丰同城 has no such call (see Facts).
func (a *Adapter) ConfirmReturn(context.Context, carrier.Ref) error {
	return refused("confirm_return", errors.New("there is no such call"))
}
