package shansong

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Prefix is where the calls of a 自营商户 live.
const Prefix = "/openapi/merchants/v5/"

// endpoint is one call: its name in faults and books, and what it does with data.
type endpoint struct {
	call string
	do   func(s *Service, data []byte) (any, error)
}

var endpoints = map[string]endpoint{
	"openCitiesLists":    {"cities", (*Service).openCitiesLists},
	"orderCalculate":     {"quote", (*Service).orderCalculate},
	"orderPlace":         {"place", (*Service).orderPlace},
	"orderInfo":          {"query", (*Service).orderInfo},
	"courierInfo":        {"position", (*Service).courierInfo},
	"addition":           {"tip", (*Service).addition},
	"preAbortOrder":      {"cancel_fee", (*Service).preAbortOrder},
	"abortOrder":         {"cancel", (*Service).abortOrder},
	"confirmGoodsReturn": {"confirm_return", (*Service).confirmGoodsReturn},
	"getUserAccount":     {"balance", (*Service).getUserAccount},
}

// Handler answers at the paths of the real service.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Prefix+"{name}", s.serve)
	return mux
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	e, ok := endpoints[r.PathValue("name")]
	if !ok {
		answer(w, failure(fmt.Errorf("%w: %s", errNoSuchCall, r.PathValue("name"))))
		return
	}
	data, err := s.verify(w, r)
	if err != nil {
		answer(w, failure(err))
		return
	}
	s.gate.Serve(w, r, e.call, s.orderOf(data), func() []byte {
		result, err := e.do(s, data)
		if err != nil {
			return failure(err)
		}
		return world.JSON(envelope{Status: 200, Data: result})
	})
}

func answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_, _ = w.Write(body)
}

// verify checks who signed the call and when, and returns its data.
func (s *Service) verify(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := world.ReadBody(w, r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	params := map[string]string{}
	for k, v := range form {
		params[k] = v[0]
	}
	switch {
	case params["clientId"] != s.creds.ClientID:
		return nil, errClient
	case params["shopId"] != s.creds.ShopID:
		return nil, errShop
	// One of the seven public clients sends lower case, so the case is not looked at.
	case !world.Same(strings.ToUpper(params["sign"]), Sign(s.creds.Secret, params)):
		return nil, errSign
	}
	signed, err := instant(params["timestamp"])
	if err != nil || !world.Fresh(signed, s.options.System(), s.options.SignatureWindow) {
		return nil, errTimestamp
	}
	return []byte(params["data"]), nil
}

// instant reads a timestamp in milliseconds, or in seconds as some clients send it.
func instant(text string) (time.Time, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	if n < 1e11 {
		return time.Unix(n, 0), nil
	}
	return time.UnixMilli(n), nil
}

// orderOf is the client's number of the order that a call is about; empty if it is
// about none. It decides faults only.
func (s *Service) orderOf(data []byte) string {
	var d struct {
		IssOrderNo   string `json:"issOrderNo"`
		ThirdOrderNo string `json:"thirdOrderNo"`
		ReceiverList []struct {
			OrderNo string `json:"orderNo"`
		} `json:"receiverList"`
	}
	_ = json.Unmarshal(data, &d) // what is wrong with it the call itself will say
	switch {
	case len(d.ReceiverList) > 0:
		return d.ReceiverList[0].OrderNo
	case d.IssOrderNo != "":
		return s.fleet.ClientNo(d.IssOrderNo)
	}
	return d.ThirdOrderNo
}

// decode reads a call's data into a request.
func decode[T any](data []byte) (T, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%w: data: %w", errFormat, err)
	}
	return v, nil
}

// envelope is every answer of 闪送; 200 is success, anything else is a failure.
type envelope struct {
	Status int    `json:"status"`
	Msg    string `json:"msg"`
	Data   any    `json:"data"`
}

var (
	errNoSuchCall = errors.New("接口不存在")
	errFormat     = errors.New("参数格式错误")
	errClient     = errors.New("clientId不存在")
	errShop       = errors.New("shopId与clientId不匹配")
	errStore      = errors.New("门店不存在")
	errSign       = errors.New("签名错误")
	errTimestamp  = errors.New("timestamp已失效")
)

// Statuses is what a failure is answered with. GAP: no list of codes is public, every
// known client looks only for 200 and shows msg; the first row that matches counts.
var Statuses = []struct {
	Err    error
	Status int
	Msg    string // empty: the error's own text
}{
	{errNoSuchCall, 404, ""},
	{errFormat, 400, ""},
	{errClient, 401, ""},
	{errShop, 401, ""},
	{errStore, 2010, ""},
	{errSign, 401, ""},
	{errTimestamp, 401, ""},
	{world.ErrQuoteUnknown, 2001, "订单不存在"},
	{world.ErrOrderUnknown, 2001, "订单不存在"},
	{world.ErrQuoteUsed, 2002, "订单已提交，请勿重复提交"},
	{world.ErrQuoteExpired, 2003, "订单计费已过期，请重新计费"},
	{world.ErrBalance, 2004, "账户余额不足"},
	{world.ErrRefused, 2005, "当前区域运力不足，暂不接单"},
	{world.ErrState, 2006, "当前订单状态不支持该操作"},
	{world.ErrExtraFee, 2007, "取消费用超过已支付金额，需确认扣款"},
	{world.ErrQuota, 2008, "今日取消次数已用完"},
}

func failure(err error) []byte {
	for _, row := range Statuses {
		if errors.Is(err, row.Err) {
			msg := row.Msg
			if msg == "" {
				msg = err.Error()
			}
			return world.JSON(envelope{Status: row.Status, Msg: msg})
		}
	}
	return world.JSON(envelope{Status: 500, Msg: err.Error()})
}
