// Package dada speaks 达达's open platform (newopen.imdada.cn): POST JSON whose business
// parameters are one JSON text `body`, signed by MD5 over the secret and the sorted
// fields.
//
// A quote (queryDeliverFee) takes our number as origin_id and gives a deliveryNo, which
// addAfterQuery places at that price, once. Every later call names our number. 达达's own
// one, client_id, is told by pushes only, if at all: a placement has none. Where the rider
// goes is the shop that is registered under shop_no. Coordinates are GCJ-02, weights
// kilograms, money 元 with decimals, which never pass through a float.
//
// A push is signed without a secret and so proves nothing about its sender: final states
// and money wait for a query. There is no call that asks what a cancel would cost.
//
// Money is booked cumulatively. Charged is the fee, tips included, that 达达 took and has
// not given back, without 违约金; zero once an order is cancelled and the 违约金 is stated,
// because what is kept then is Penalty. The answers to a placement and to a tip state
// nothing; a query does.
package dada

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/settings"
)

// Name is the carrier's key.
const Name = "dada"

// Variable is the environment variable that holds the carrier's settings; see Config.
const Variable = "QIANFAN_DADA"

// Adapter is 达达 as a carrier.Adapter. It is safe for concurrent use.
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

// Make reads the settings of Variable and makes the adapter, for the table of carriers.
// dev lets the development credentials pass.
func Make(raw []byte, dev bool, deps settings.Deps) (carrier.Adapter, error) {
	cfg, err := ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	a, err := New(cfg, deps)
	if err != nil {
		return nil, err
	}
	return a, nil
}

// New checks the settings and makes the adapter. Development credentials without
// Config.AllowDev are settings.ErrDevCredentials.
func New(cfg Config, deps settings.Deps) (*Adapter, error) {
	if err := errors.Join(deps.Check(), cfg.check()); err != nil {
		return nil, fmt.Errorf("dada: %w", err)
	}
	cfg = cfg.withDefaults()
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	return &Adapter{
		cfg: cfg, http: deps.HTTP, system: deps.System,
		refusals: append(append(carrier.Refusals{}, cfg.Refusals...), refusals...),
	}, nil
}

// Name is "dada".
func (a *Adapter) Name() string { return Name }

// Facts are 达达's habits. Once the goods are picked up a cancel is refused; goods that
// could not be handed over (妥投异常) come back to the shop by 达达's own doing, and that is
// confirmed by a call.
func (a *Adapter) Facts() carrier.Facts {
	return carrier.Facts{
		Account:       a.cfg.Account,
		SignedPush:    false,
		ConfirmReturn: true,
		QuoteTTL:      time.Duration(a.cfg.QuoteTTL),
		CancelReturns: false,
		TipTotals:     true,
		TipUnit:       tipUnit,
	}
}

// refusals classify 达达's codes. What is not listed was decided: KindRefused. Texts stand
// last, for codes that are newer than this table. A wrong doubt costs a query, a wrong
// certainty an order: what may have been placed is doubt.
var refusals = carrier.Refusals{
	{Code: "-1", Kind: carrier.KindTemporary},   // 系统异常
	{Code: "2012", Kind: carrier.KindTemporary}, // 订单正在处理中
	{Code: "2047", Kind: carrier.KindTemporary}, // 运费服务不可用
	{Code: "2429", Kind: carrier.KindTemporary}, // 查询余额失败
	{Code: "2455", Kind: carrier.KindTemporary},
	{Code: "2063", Kind: carrier.KindDuplicate}, // 该订单已发布
	{Code: "2065", Kind: carrier.KindDuplicate}, // 该平台订单编号已处理
	{Code: "2066", Kind: carrier.KindDuplicate},
	{Code: "2105", Kind: carrier.KindDuplicate},   // 不能重复发单
	{Code: "2130", Kind: carrier.KindDuplicate},   // 该订单已发单,不能查询运费
	{Code: "2067", Kind: carrier.KindRateLimited}, // 该订单运费已查询,请稍后再试
	{Code: "2062", Kind: carrier.KindExpired},     // 订单价格信息已过期
	{Code: "2005", Kind: carrier.KindNotFound},
	{Code: "2011", Kind: carrier.KindNotFound},
	{Code: "2155", Kind: carrier.KindBalanceLow},
	{Code: "999", Kind: carrier.KindNoCapacity}, // 系统维护中,暂时不能发单
	{Code: "2044", Kind: carrier.KindOutOfArea}, // 城市尚未开通
	{Text: "重复", Kind: carrier.KindDuplicate},
	{Text: "系统异常", Kind: carrier.KindTemporary},
	{Text: "频繁", Kind: carrier.KindRateLimited},
	{Text: "余额不足", Kind: carrier.KindBalanceLow},
	{Text: "运力", Kind: carrier.KindNoCapacity},
	{Text: "未开通", Kind: carrier.KindOutOfArea},
	{Text: "超出配送范围", Kind: carrier.KindOutOfArea},
	{Text: "超出服务范围", Kind: carrier.KindOutOfArea},
}

// refused fails a call that was never sent because 达达 could not take it.
func refused(op string, err error) error {
	return &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindRefused, Err: err}
}

// CancelFee always fails: 达达 has no such call. What a cancel costs is the rule's (违约金
// as data) until the cancel's own answer states it.
func (a *Adapter) CancelFee(_ context.Context, ref carrier.Ref) (money.Fen, error) {
	const op = "cancel_fee"
	if _, err := name(op, ref); err != nil {
		return 0, err
	}
	return 0, refused(op, errors.New("there is no such call"))
}

// ConfirmReturn says that the goods are back at the shop (confirm/goods).
func (a *Adapter) ConfirmReturn(ctx context.Context, ref carrier.Ref) error {
	const op = "confirm_return"
	who, err := name(op, ref)
	if err != nil {
		return err
	}
	_, err = a.call(ctx, op, "order/confirm/goods", who)
	return err
}

// named is a request that says nothing but which order it is about: always by our number.
type named struct {
	OrderID string `json:"order_id"`
}

func name(op string, ref carrier.Ref) (named, error) {
	if ref.OurNo == "" {
		return named{}, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindNotSent, Message: "our number is not known"}
	}
	return named{ref.OurNo}, nil
}
