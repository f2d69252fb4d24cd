// Package shansong speaks 闪送's open platform v5 as a 自营商户: POST forms with one JSON
// field `data`, signed by MD5 over the secret and the sorted fields.
//
// The quote (orderCalculate) mints the carrier's number, issOrderNo, and takes ours as
// receiverList[0].orderNo; placing (orderPlace) names only the issOrderNo. Placing one
// twice is not known to be harmless, so an answer that says "already placed" is doubt.
//
// Money is booked cumulatively. Charged is the fee, tips included, that 闪送 took and has
// not given back, without 违约金: totalFeeAfterSave − drawback while an order lives and
// when it is delivered; zero once it is cancelled and the 违约金 is stated, because what
// is kept then is Penalty = deductAmount + sendBackFee.
package shansong

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/settings"
)

// Name is the carrier's key.
const Name = "shansong"

// Adapter is 闪送 as a carrier.Adapter. It is safe for concurrent use.
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
		return nil, fmt.Errorf("shansong: %w", err)
	}
	cfg = cfg.withDefaults()
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	return &Adapter{
		cfg: cfg, http: deps.HTTP, system: deps.System,
		refusals: append(append(carrier.Refusals{}, cfg.Refusals...), refusals...),
	}, nil
}

// Name is "shansong".
func (a *Adapter) Name() string { return Name }

// Facts are 闪送's habits.
func (a *Adapter) Facts() carrier.Facts {
	return carrier.Facts{
		Account:       a.cfg.Account,
		SignedPush:    false,
		ConfirmReturn: true,
		QuoteTTL:      time.Duration(a.cfg.QuoteTTL),
		CancelReturns: true,
		TipUnit:       tipUnit,
	}
}

// refusals classify the text of a failed answer, since 闪送 publishes no codes. Rows
// that mean doubt stand first: a wrong doubt costs a query, a wrong certainty an order.
var refusals = carrier.Refusals{
	{Text: "重复", Kind: carrier.KindDuplicate},
	{Text: "已提交", Kind: carrier.KindDuplicate},
	{Text: "已支付", Kind: carrier.KindDuplicate},
	{Text: "已下单", Kind: carrier.KindDuplicate},
	{Text: "系统异常", Kind: carrier.KindTemporary},
	{Text: "系统错误", Kind: carrier.KindTemporary},
	{Text: "频繁", Kind: carrier.KindRateLimited},
	{Text: "余额", Kind: carrier.KindBalanceLow},
	{Text: "timestamp", Kind: carrier.KindRefused}, // of a signature, not of a quote
	{Text: "过期", Kind: carrier.KindExpired},
	{Text: "失效", Kind: carrier.KindExpired},
	{Text: "订单不存在", Kind: carrier.KindNotFound},
	{Text: "运力", Kind: carrier.KindNoCapacity},
	{Text: "无可用闪送员", Kind: carrier.KindNoCapacity},
	{Text: "未开通", Kind: carrier.KindOutOfArea},
	{Text: "不在服务", Kind: carrier.KindOutOfArea},
	{Text: "超出配送范围", Kind: carrier.KindOutOfArea},
	{Text: "超出服务范围", Kind: carrier.KindOutOfArea},
}

// refused fails a call that was never sent because 闪送 could not take it.
func refused(op string, err error) error {
	return &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindRefused, Err: err}
}

// needNumber wants the carrier's number, without which most calls cannot be made.
func needNumber(op string, ref carrier.Ref) error {
	if ref.CarrierNo != "" {
		return nil
	}
	return &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindNotSent, Message: "issOrderNo is not known"}
}

type numbered struct {
	IssOrderNo string `json:"issOrderNo"`
}

// ConfirmReturn says that the goods are back at the shop (confirmGoodsReturn).
func (a *Adapter) ConfirmReturn(ctx context.Context, ref carrier.Ref) error {
	const op = "confirm_return"
	if err := needNumber(op, ref); err != nil {
		return err
	}
	_, err := a.call(ctx, op, "confirmGoodsReturn", numbered{ref.CarrierNo})
	return err
}
