package fengniao

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Prefix is where the open platform lives.
const Prefix = "/anubis-webapi/"

// endpoint is one method: its name in faults and books, and what it does with
// business_data.
type endpoint struct {
	call string
	do   func(s *Service, data []byte) (any, error)
}

var endpoints = map[string]endpoint{
	"preCreateOrder":      {"quote", (*Service).preCreateOrder},
	"createOrder":         {"place", (*Service).createOrder},
	"addTip":              {"tip", (*Service).addTip},
	"getCancelReasonList": {"cancel_reasons", (*Service).getCancelReasonList},
	"preCancelOrder":      {"cancel_fee", (*Service).preCancelOrder},
	"cancelOrder":         {"cancel", (*Service).cancelOrder},
	"getOrderDetail":      {"query", (*Service).getOrderDetail},
	"getKnightInfo":       {"position", (*Service).getKnightInfo},
	"getAmount":           {"balance", (*Service).getAmount},
}

// Handler answers at the paths of the real service.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Prefix+"openapi/{call}", s.serveToken)
	mux.HandleFunc("POST "+Prefix+"v3/invoke/{method}", s.serveCall)
	return mux
}

func (s *Service) serveToken(w http.ResponseWriter, r *http.Request) {
	call := r.PathValue("call")
	if _, ok := grantTypes[call]; !ok {
		answer(w, failure(fmt.Errorf("%w: %s", errNoSuchCall, call)))
		return
	}
	f, err := s.verify(w, r)
	if err != nil {
		answer(w, failure(err))
		return
	}
	s.gate.Serve(w, r, "token", "", func() []byte { return result(s.token(call, f)) })
}

func (s *Service) serveCall(w http.ResponseWriter, r *http.Request) {
	e, ok := endpoints[r.PathValue("method")]
	if !ok {
		answer(w, failure(fmt.Errorf("%w: %s", errNoSuchCall, r.PathValue("method"))))
		return
	}
	f, err := s.verify(w, r)
	if err == nil {
		err = s.authorised(f)
	}
	if err != nil {
		answer(w, failure(err))
		return
	}
	data := []byte(f.text("business_data"))
	s.gate.Serve(w, r, e.call, s.orderOf(data), func() []byte { return result(e.do(s, data)) })
}

func answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_, _ = w.Write(body)
}

// fields are the members of a call's body, all of which are text or numbers.
type fields map[string]world.Text

func (f fields) text(name string) string { return string(f[name]) }

// verify checks who signed the call and when, and returns its fields.
func (s *Service) verify(w http.ResponseWriter, r *http.Request) (fields, error) {
	body, err := world.ReadBody(w, r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	var f fields
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	signed := make(map[string]string, len(f))
	for name, value := range f {
		signed[name] = string(value)
	}
	ms, err := strconv.ParseInt(f.text("timestamp"), 10, 64)
	switch {
	case f.text("app_id") != s.creds.AppID:
		return nil, errApp
	case f.text("merchant_id") != s.creds.MerchantID:
		return nil, errMerchant
	case !world.Same(f.text("signature"), Sign(s.creds.Secret, signed)):
		return nil, errSign
	case err != nil || !world.Fresh(time.UnixMilli(ms), s.options.System(), s.options.SignatureWindow):
		return nil, errTimestamp
	}
	return f, nil
}

// authorised checks what a business call has besides.
func (s *Service) authorised(f fields) error {
	switch {
	case !s.grants.holds(f.text("access_token"), s.options.System()):
		return errToken
	case f.text("version") != "1.0":
		return fmt.Errorf("%w: version须为1.0", errFormat)
	}
	return nil
}

// orderRef names an order by 蜂鸟's number or the client's.
type orderRef struct {
	OrderID          world.Text `json:"order_id"`
	PartnerOrderCode string     `json:"partner_order_code"`
}

// orderOf is the client's number of the order that a call is about; empty if it is about
// none. It decides faults only.
func (s *Service) orderOf(data []byte) string {
	var ref orderRef
	_ = json.Unmarshal(data, &ref) // what is wrong with it the call itself will say
	if ref.OrderID != "" {
		return s.fleet.ClientNo(string(ref.OrderID))
	}
	return ref.PartnerOrderCode
}

// ask enters a call about one order in the books.
func (s *Service) ask(call string, ref orderRef) (world.Job, error) {
	return s.fleet.Ask(call, string(ref.OrderID), ref.PartnerOrderCode)
}

func decode[T any](data []byte) (T, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%w: business_data: %w", errFormat, err)
	}
	return v, nil
}

// envelope is every answer of 蜂鸟; business_data is JSON in a string.
type envelope struct {
	Sign         string `json:"sign"`
	Code         string `json:"code"`
	Msg          string `json:"msg"`
	BusinessData string `json:"business_data"`
}

func result(v any, err error) []byte {
	if err != nil {
		return failure(err)
	}
	e := envelope{Code: "200", Msg: "success"}
	if v != nil {
		e.BusinessData = string(world.JSON(v))
	}
	return world.JSON(e)
}

var (
	errNoSuchCall = errors.New("接口不存在")
	errFormat     = errors.New("参数错误")
	errApp        = errors.New("appid不存在")
	errMerchant   = errors.New("merchant_id不存在")
	errSign       = errors.New("签名错误")
	errTimestamp  = errors.New("timestamp已失效")
	errToken      = errors.New("token错误或已过期")
	errStore      = errors.New("门店未绑定")
	errProduct    = errors.New("服务商品未购买或已下线")
	errDistance   = errors.New("超出配送范围")
	errWeight     = errors.New("超出重量限制")
	errPast       = errors.New("预约时间早于当前时间")
)

// Codes is what a failure is answered with: version 2's numbers, since those of version 3
// are a GAP. The first row that matches counts; an empty text is the error's own.
var Codes = []struct {
	Err  error
	Code string
	Msg  string
}{
	{errNoSuchCall, "40000", ""},
	{errApp, "40001", ""},
	{errMerchant, "40001", ""},
	{errSign, "40002", ""},
	{errTimestamp, "40002", ""},
	{errToken, "40004", ""},
	{errCode, "40004", ""},
	{errRefresh, "40004", ""},
	{errFormat, "50010", ""},
	{errPast, "50012", ""},
	{errProduct, "50110", ""},
	{errDistance, "500060", ""},
	{errStore, "500080", ""},
	{errWeight, "500100", ""},
	{world.ErrDuplicate, "50011", "订单号重复"},
	{world.ErrOrderUnknown, "50037", "订单不存在"},
	{world.ErrFeeMoved, "50101", "取消费用已变化，请重新查询"},
	{world.ErrState, "50102", "当前订单状态不允许该操作"},
	{world.ErrRefused, "500070", "该区域暂无运力"},
	{world.ErrBalance, "50200", "账户余额不足"},
}

func failure(err error) []byte {
	e := envelope{Code: "40000", Msg: err.Error()}
	for _, row := range Codes {
		if errors.Is(err, row.Err) {
			e.Code = row.Code
			if row.Msg != "" {
				e.Msg = row.Msg
			}
			break
		}
	}
	return world.JSON(e)
}
