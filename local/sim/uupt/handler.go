package uupt

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Prefix is where the calls of v3 live.
const Prefix = "/openapi/v3/"

// endpoint is one call: its name in faults and books, and what it does with biz.
type endpoint struct {
	call string
	do   func(s *Service, biz []byte) (any, error)
}

var endpoints = map[string]endpoint{
	"order/openCityList": {"cities", (*Service).openCityList},
	"order/orderPrice":   {"quote", (*Service).orderPrice},
	"order/addOrder":     {"place", (*Service).addOrder},
	"order/orderDetail":  {"query", (*Service).orderDetail},
	"order/cancelFee":    {"cancel_fee", (*Service).cancelFee},
	"order/cancelOrder":  {"cancel", (*Service).cancelOrder},
	"order/addGratuity":  {"tip", (*Service).addGratuity},
	"order/driverTrack":  {"position", (*Service).driverTrack},
	"user/account":       {"balance", (*Service).account},
}

// Handler answers at the paths of the real service.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Prefix+"{name...}", s.serve)
	return mux
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	e, ok := endpoints[r.PathValue("name")]
	if !ok {
		answer(w, failure(fmt.Errorf("%w: %s", errNoSuchCall, r.PathValue("name"))))
		return
	}
	biz, err := s.verify(w, r)
	if err != nil {
		answer(w, failure(err))
		return
	}
	s.gate.Serve(w, r, e.call, s.orderOf(biz), func() []byte {
		body, err := e.do(s, biz)
		if err != nil {
			return failure(err)
		}
		return world.JSON(reply(success, "操作成功", body))
	})
}

func answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_, _ = w.Write(body)
}

// signed is the envelope of calls and callbacks; biz is JSON in a string.
type signed struct {
	OpenID    string `json:"openId"`
	Timestamp int64  `json:"timestamp"`
	Biz       string `json:"biz"`
	Sign      string `json:"sign"`
}

// verify checks who signed the call and when, and returns its biz.
func (s *Service) verify(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := world.ReadBody(w, r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	var call signed
	if err := json.Unmarshal(body, &call); err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	switch {
	case r.Header.Get("X-App-Id") != s.creds.AppID:
		return nil, errApp
	case call.OpenID != s.creds.OpenID:
		return nil, errOpenID
	case !world.Same(call.Sign, Sign(call.Biz, s.creds.AppKey, call.Timestamp)):
		return nil, errSign
	case !world.Fresh(time.Unix(call.Timestamp, 0), s.options.System(), s.options.SignatureWindow):
		return nil, errTimestamp
	}
	return []byte(call.Biz), nil
}

// orderRef names an order by UU's number or the client's; the official command line
// tool writes order_code.
type orderRef struct {
	OrderCode  string `json:"orderCode"`
	OrderSnake string `json:"order_code"`
	OriginID   string `json:"originId"`
}

func (o orderRef) code() string {
	if o.OrderCode != "" {
		return o.OrderCode
	}
	return o.OrderSnake
}

// orderOf is the client's number of the order that a call is about; empty if it is
// about none. It decides faults only.
func (s *Service) orderOf(biz []byte) string {
	var b struct {
		orderRef
		PriceToken string `json:"priceToken"`
	}
	_ = json.Unmarshal(biz, &b) // what is wrong with it the call itself will say
	switch {
	case b.PriceToken != "":
		return s.fleet.ClientNo(b.PriceToken)
	case b.code() != "":
		return s.fleet.ClientNo(b.code())
	}
	return b.OriginID
}

// ask decodes a call about one order and enters it in the books.
func (s *Service) ask(call string, biz []byte) (world.Job, error) {
	ref, err := decode[orderRef](biz)
	if err != nil {
		return world.Job{}, err
	}
	return s.fleet.Ask(call, ref.code(), ref.OriginID)
}

func decode[T any](biz []byte) (T, error) {
	var v T
	if err := json.Unmarshal(biz, &v); err != nil {
		return v, fmt.Errorf("%w: biz: %w", errFormat, err)
	}
	return v, nil
}

// envelope is every answer of UU; code 1 is success.
type envelope struct {
	Code  int    `json:"code"`
	State string `json:"state"`
	Msg   string `json:"msg"`
	Body  any    `json:"body"`
	Total int    `json:"total"`
}

const success = 1

func reply(code int, msg string, body any) envelope {
	if body == nil {
		body = struct{}{}
	}
	return envelope{Code: code, State: strconv.Itoa(code), Msg: msg, Body: body}
}

var (
	errNoSuchCall = errors.New("接口不存在")
	errFormat     = errors.New("参数格式错误")
	errApp        = errors.New("appId不存在")
	errOpenID     = errors.New("openId不存在")
	errSign       = errors.New("签名错误")
	errTimestamp  = errors.New("timestamp已失效")
)

// Codes is what a failure is answered with. Only 88100031 is public, the other numbers
// are a GAP; the first row that matches counts.
var Codes = []struct {
	Err  error
	Code int
	Msg  string // empty: the error's own text
}{
	{errNoSuchCall, 88000404, ""},
	{errFormat, 88000101, ""},
	{errApp, 88000103, ""},
	{errOpenID, 88000105, ""},
	{errSign, 88000104, ""},
	{errTimestamp, 88000102, ""},
	{world.ErrQuoteExpired, 88100031, "priceToken已过期，请重新询价"},
	{world.ErrQuoteUnknown, 88100032, "priceToken无效"},
	{world.ErrQuoteUsed, 88100033, "priceToken已使用"},
	{world.ErrOrderUnknown, 88100041, "订单不存在"},
	{world.ErrState, 88100042, "当前订单状态不支持该操作"},
	{world.ErrBalance, 88100051, "账户余额不足"},
	{world.ErrRefused, 88100061, "当前区域运力不足，暂不接单"},
}

func failure(err error) []byte {
	for _, row := range Codes {
		if errors.Is(err, row.Err) {
			msg := row.Msg
			if msg == "" {
				msg = err.Error()
			}
			return world.JSON(reply(row.Code, msg, nil))
		}
	}
	return world.JSON(reply(88000500, err.Error(), nil))
}
