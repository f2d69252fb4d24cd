// Package uupt speaks UU跑腿's open platform v3: POST JSON whose `biz` is itself JSON
// text, signed by MD5 over biz, appKey and timestamp; pushes are signed the same way.
//
// A quote (orderPrice) takes our number as originId and gives a priceToken, which
// addOrder consumes. Coordinates are BD-09, weights kilograms, money 分.
//
// Money is booked cumulatively. Charged is orderPrice (tips included) − priceOff while
// an order lives and when it is delivered. UU跑腿's order detail states neither 违约金 nor
// what a cancel gave back, so both are nil for a cancelled order; the figure comes from
// the answer to our cancel (deductFee).
package uupt

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
const Name = "uupt"

// Adapter is UU跑腿 as a carrier.Adapter. It is safe for concurrent use.
type Adapter struct {
	cfg      Config
	http     *http.Client
	system   func() time.Time
	refusals carrier.Refusals
}

var (
	_ carrier.Adapter = (*Adapter)(nil)
	_ carrier.Tipper  = (*Adapter)(nil)
	_ carrier.Locator = (*Adapter)(nil)
)

// New checks the settings and makes the adapter. Development credentials without
// Config.AllowDev are settings.ErrDevCredentials.
func New(cfg Config, deps settings.Deps) (*Adapter, error) {
	if err := errors.Join(deps.Check(), cfg.check()); err != nil {
		return nil, fmt.Errorf("uupt: %w", err)
	}
	return &Adapter{
		cfg: cfg.withDefaults(), http: deps.HTTP, system: deps.System,
		refusals: append(append(carrier.Refusals{}, cfg.Refusals...), refusals...),
	}, nil
}

// Name is "uupt".
func (a *Adapter) Name() string { return Name }

// Facts are UU跑腿's habits. A cancel after pickup has no returning state and nothing to
// confirm: the order is simply cancelled.
func (a *Adapter) Facts() carrier.Facts {
	return carrier.Facts{
		Account:       a.cfg.Account,
		SignedPush:    true,
		QuietFine:     true,
		ConfirmReturn: false,
		QuoteTTL:      time.Duration(a.cfg.QuoteTTL),
		CancelReturns: false,
		TipUnit:       wholeYuan,
	}
}

// refusals classify failed answers. Version 3 publishes one code of use; the rest is
// told by its text. Code 0 means success to one official client and failure to the
// others, so it is doubt. Rows that mean doubt stand first.
var refusals = carrier.Refusals{
	{Code: "0", Kind: carrier.KindTemporary},
	{Code: "88100031", Kind: carrier.KindExpired},
	{Text: "重复", Kind: carrier.KindDuplicate},
	{Text: "已下单", Kind: carrier.KindDuplicate},
	{Text: "已使用", Kind: carrier.KindDuplicate},
	{Text: "系统异常", Kind: carrier.KindTemporary},
	{Text: "系统错误", Kind: carrier.KindTemporary},
	{Text: "频繁", Kind: carrier.KindRateLimited},
	{Text: "余额", Kind: carrier.KindBalanceLow},
	{Text: "过期", Kind: carrier.KindExpired},
	{Text: "失效", Kind: carrier.KindExpired},
	{Text: "订单不存在", Kind: carrier.KindNotFound},
	{Text: "运力", Kind: carrier.KindNoCapacity},
	{Text: "未开通", Kind: carrier.KindOutOfArea},
	{Text: "不在服务", Kind: carrier.KindOutOfArea},
	{Text: "超出配送范围", Kind: carrier.KindOutOfArea},
	{Text: "超出服务范围", Kind: carrier.KindOutOfArea},
}

// refused fails a call that was never sent because UU跑腿 could not take it.
func refused(op string, err error) error {
	return &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindRefused, Err: err}
}

// named is a request about one order: by its orderCode or, while that is not known,
// by our originId.
type named struct {
	OrderCode string `json:"orderCode,omitempty"`
	OriginID  string `json:"originId,omitempty"`
}

func name(op string, ref carrier.Ref) (named, error) {
	if ref.CarrierNo != "" {
		return named{OrderCode: ref.CarrierNo}, nil
	}
	if ref.OurNo != "" {
		return named{OriginID: ref.OurNo}, nil
	}
	return named{}, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindNotSent, Message: "no order number is known"}
}

// ConfirmReturn always fails: UU跑腿 has no such call (see Facts).
func (a *Adapter) ConfirmReturn(context.Context, carrier.Ref) error {
	return refused("confirm_return", errors.New("there is no such call"))
}
