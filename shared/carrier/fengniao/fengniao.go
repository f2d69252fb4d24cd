// Package fengniao speaks 蜂鸟即配's open platform v3: POST JSON whose `business_data` is
// itself JSON text, signed by SHA-256 over the secret and the sorted fields; pushes are
// signed the same way. Every call carries an access token of the merchant (see Tokens).
//
// Quote (preCreateOrder) and placement (createOrder) are independent: a quote names
// products with their prices, the placement names the product again and takes our number
// as partner_order_code, which 蜂鸟 knows only once. Coordinates are GCJ-02, weights
// kilograms, money 分.
//
// Money is booked cumulatively. Charged is order_actual_amount_cent, tips included, while
// an order lives and when it is delivered; no push states it and the placement does not
// either, so that a delivery waits for a query (Facts.PriceAtEnd). The detail states no
// 违约金: it is the cost that our cancel agreed to, which 蜂鸟 refuses when it is not the
// present one.
package fengniao

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
const Name = "fengniao"

// Adapter is 蜂鸟 as a carrier.Adapter. It is safe for concurrent use.
type Adapter struct {
	cfg      Config
	http     *http.Client
	system   func() time.Time
	refusals carrier.Refusals
	tokens   *purse
}

var (
	_ carrier.Adapter = (*Adapter)(nil)
	_ carrier.Tipper  = (*Adapter)(nil)
	_ carrier.Locator = (*Adapter)(nil)
)

// New checks the settings and makes the adapter, whose tokens are kept in store; nil
// keeps them in this process only, which costs every instance a token of its own.
// Development credentials without Config.AllowDev are settings.ErrDevCredentials.
func New(cfg Config, deps settings.Deps, store TokenStore) (*Adapter, error) {
	if err := errors.Join(deps.Check(), cfg.check()); err != nil {
		return nil, fmt.Errorf("fengniao: %w", err)
	}
	if store == nil {
		store = NewMemoryTokens()
	}
	a := &Adapter{
		cfg: cfg.withDefaults(), http: deps.HTTP, system: deps.System,
		refusals: append(append(carrier.Refusals{}, cfg.Refusals...), refusals...),
	}
	a.tokens = newPurse(a, store)
	return a, nil
}

// Name is "fengniao".
func (a *Adapter) Name() string { return Name }

// Facts are 蜂鸟's habits. A waybill that was picked up cannot be cancelled, so nothing
// ever comes back by our own act.
func (a *Adapter) Facts() carrier.Facts {
	return carrier.Facts{
		Account:    a.cfg.Account,
		SignedPush: true,
		QuietFine:  true,
		PriceAtEnd: true,
		TipUnit:    1, // 分; whether less than 1 元 is taken is not published
		QuoteTTL:   time.Duration(a.cfg.QuoteTTL),
	}
}

// refusals classify failed answers. The codes are version 2's, since nobody publishes
// those of version 3; the texts are for what has another code there. Rows that mean doubt
// stand first: a wrong doubt costs a query, a wrong certainty an order. A call whose
// sender was not believed was not processed, which says nothing about the waybill.
var refusals = carrier.Refusals{
	{Code: "40000", Kind: carrier.KindTemporary},
	{Code: "50011", Kind: carrier.KindDuplicate},
	{Code: "50018", Kind: carrier.KindTemporary},
	{Code: "50019", Kind: carrier.KindTemporary},
	{Code: "50025", Kind: carrier.KindTemporary}, // 订单 not made yet
	{Code: "50026", Kind: carrier.KindTemporary}, // 运单 not made yet
	{Text: "重复", Kind: carrier.KindDuplicate},
	{Text: "系统异常", Kind: carrier.KindTemporary},
	{Text: "系统错误", Kind: carrier.KindTemporary},
	{Text: "系统繁忙", Kind: carrier.KindTemporary},
	{Code: "40001", Kind: carrier.KindRateLimited},
	{Code: "40002", Kind: carrier.KindRateLimited},
	{Code: "40003", Kind: carrier.KindRateLimited},
	{Code: "40004", Kind: carrier.KindRateLimited},
	{Text: "频繁", Kind: carrier.KindRateLimited},
	{Text: "限流", Kind: carrier.KindRateLimited},
	{Code: "50037", Kind: carrier.KindNotFound},
	{Text: "订单不存在", Kind: carrier.KindNotFound},
	{Text: "余额", Kind: carrier.KindBalanceLow},
	{Code: "500060", Kind: carrier.KindOutOfArea},
	{Code: "500070", Kind: carrier.KindNoCapacity},
	{Text: "运力", Kind: carrier.KindNoCapacity},
	{Text: "未开通", Kind: carrier.KindOutOfArea},
	{Text: "不在服务", Kind: carrier.KindOutOfArea},
	{Text: "超出配送范围", Kind: carrier.KindOutOfArea},
	{Text: "超出服务范围", Kind: carrier.KindOutOfArea},
}

// refused fails a call that was never sent because 蜂鸟 could not take it.
func refused(op string, err error) error {
	return &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindRefused, Err: err}
}

// ConfirmReturn always fails: 蜂鸟 has no such call (see Facts).
func (a *Adapter) ConfirmReturn(context.Context, carrier.Ref) error {
	return refused("confirm_return", errors.New("there is no such call"))
}
