package dada

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// endpoint is one call: its name in faults and books, and what it does with its body.
type endpoint struct {
	call string
	do   func(s *Service, body []byte) (any, error)
}

// Prefix is where the calls live.
const Prefix = "/api/"

var endpoints = map[string]endpoint{
	"order/queryDeliverFee":      {"quote", (*Service).queryDeliverFee},
	"order/addAfterQuery":        {"place", (*Service).addAfterQuery},
	"order/addTip":               {"tip", (*Service).addTip},
	"order/formalCancel":         {"cancel", (*Service).formalCancel},
	"order/cancel/reasons":       {"cancel_reasons", (*Service).cancelReasons},
	"order/confirm/goods":        {"confirm_return", (*Service).confirmGoods},
	"order/status/query":         {"query", (*Service).statusQuery},
	"order/transporter/position": {"position", (*Service).transporterPosition},
	"balance/query":              {"balance", (*Service).balanceQuery},
}

// Handler answers at the paths of the real service.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, e := range endpoints {
		mux.HandleFunc("POST "+Prefix+path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, e) })
	}
	return mux
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request, e endpoint) {
	body, err := s.verify(w, r)
	if err != nil {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		_, _ = w.Write(failure(err))
		return
	}
	s.gate.Serve(w, r, e.call, s.orderOf(body), func() []byte {
		result, err := e.do(s, body)
		if err != nil {
			return failure(err)
		}
		return world.JSON(envelope{Status: "success", Result: result, Msg: "成功", Success: true})
	})
}

// call is what every request looks like. The business parameters are a JSON text.
type call struct {
	AppKey    string     `json:"app_key"`
	Body      string     `json:"body"`
	Format    string     `json:"format"`
	SourceID  world.Text `json:"source_id"`
	Timestamp world.Text `json:"timestamp"` // Unix seconds
	V         string     `json:"v"`
	Signature string     `json:"signature"`
}

// verify checks who signed the call and when, and returns its body.
func (s *Service) verify(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	raw, err := world.ReadBody(w, r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	c, err := decode[call](raw)
	if err != nil {
		return nil, err
	}
	at, err := c.Timestamp.Int(0)
	switch {
	case c.AppKey != s.creds.AppKey:
		return nil, errAppKey
	case string(c.SourceID) != s.creds.SourceID:
		return nil, errSource
	case c.Format != "json" || c.V != "1.0":
		return nil, fmt.Errorf("%w: format须为json, v须为1.0", errFormat)
	case !world.Same(c.Signature, s.creds.Sign(c.Body, string(c.Timestamp))):
		return nil, errSign
	case err != nil || !world.Fresh(time.Unix(int64(at), 0), s.options.System(), s.options.SignatureWindow):
		return nil, errTimestamp
	}
	return []byte(c.Body), nil
}

// orderOf is the client's number of the order that a call is about, which decides faults only.
func (s *Service) orderOf(body []byte) string {
	var b struct {
		OriginID   world.Text   `json:"origin_id"`
		OrderID    world.Text   `json:"order_id"`
		DeliveryNo string       `json:"deliveryNo"`
		OrderIDs   []world.Text `json:"orderIds"`
	}
	_ = json.Unmarshal(body, &b) // what is wrong with it the call itself will say
	switch {
	case b.DeliveryNo != "":
		return s.fleet.ClientNo(b.DeliveryNo)
	case len(b.OrderIDs) > 0:
		return string(b.OrderIDs[0])
	}
	return string(either(b.OriginID, b.OrderID))
}

// ask finds the order of a call by the client's number and enters the call in its books.
func (s *Service) ask(call string, body []byte) (world.Job, error) {
	ref, err := decode[struct {
		OrderID world.Text `json:"order_id"`
	}](body)
	if err != nil {
		return world.Job{}, err
	}
	if ref.OrderID == "" {
		return world.Job{}, fmt.Errorf("%w: order_id不能为空", errFormat)
	}
	return s.fleet.Ask(call, "", string(ref.OrderID))
}

func decode[T any](body []byte) (T, error) {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return v, fmt.Errorf("%w: %w", errFormat, err)
	}
	return v, nil
}

// envelope is every answer of 达达. HTTP says 200 always.
type envelope struct {
	Status    string `json:"status"` // success, fail
	Result    any    `json:"result"`
	Code      int    `json:"code"` // 0 is success
	Msg       string `json:"msg"`
	Success   bool   `json:"success"`
	Fail      bool   `json:"fail"`
	ErrorCode *int   `json:"errorCode,omitempty"` // the same as code
}

var (
	errFormat      = errors.New("请求接口参数异常")
	errAppKey      = errors.New("app_key无效")
	errSource      = errors.New("source_id值不正确")
	errSign        = errors.New("签名错误")
	errTimestamp   = errors.New("timestamp已失效")
	errShop        = errors.New("门店不存在")
	errCargo       = errors.New("参数类型不正确, cargo_type值不在展示的列表中")
	errQuoted      = errors.New("该订单已发单,不能查询运费")
	errPlaced      = errors.New("不能重复发单")
	errDelivering  = errors.New("订单配送中,无法取消")
	errDelivered   = errors.New("订单已完成配送,无法取消")
	errCancelled   = errors.New("订单已取消,无法重复取消")
	errReason      = errors.New("取消失败[cancel_reason_id不在取消原因列表中]")
	errNoReason    = errors.New("订单取消原因ID对应其他,取消原因不能为空")
	errTipSmall    = errors.New("小费额度不能少于1元")
	errTipLess     = errors.New("新增小费不能小于原来订单小费的值")
	errTipLate     = errors.New("只有在待接单的情况下才能加小费")
	errTipTooMuch  = errors.New("小费金额不能大于订单金额")
	errNotReturned = errors.New("订单状态不是妥投异常")
)

// codes is what a failure is answered with; the first row that matches counts. A code that
// no document lists is a GAP and begins with 9.
var codes = []struct {
	err  error
	code int
	msg  string // empty: the error's own text
}{
	{errAppKey, 2001, ""},
	{errSign, 2003, ""},
	{errTimestamp, 9001, ""},
	{errSource, 2131, ""},
	{errFormat, 2013, ""},
	{errShop, 2402, ""},
	{errCargo, 2414, ""},
	{errQuoted, 2130, ""},
	{errPlaced, 2105, ""},
	{world.ErrQuoteExpired, 2062, "订单价格信息已过期,请重新查询后发单"},
	{world.ErrQuoteUnknown, 2005, "订单不存在,请核查订单号"},
	{world.ErrOrderUnknown, 2005, "订单不存在,请核查订单号"},
	{world.ErrBalance, 2155, "余额不足，请充值"},
	{errReason, 2457, ""},
	{errNoReason, 2049, ""},
	{errDelivering, 2050, ""},
	{errDelivered, 2051, ""},
	{errCancelled, 2076, ""},
	{errTipSmall, 2055, ""},
	{errTipLess, 2057, ""},
	{errTipLate, 2059, ""},
	{errTipTooMuch, 2077, ""},
	{errNotReturned, 9002, ""},
	{world.ErrState, 2460, "取消失败[订单状态不为待接单和待取货]"},
	{world.ErrRefused, 9003, "当前区域运力不足,暂不接单"},
}

func failure(err error) []byte {
	code, msg := -1, "系统异常"
	for _, row := range codes {
		if errors.Is(err, row.err) {
			code, msg = row.code, either(row.msg, err.Error())
			break
		}
	}
	return world.JSON(envelope{Status: "fail", Code: code, Msg: msg, Fail: true, ErrorCode: &code})
}
