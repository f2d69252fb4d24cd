package sftc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Prefix is where the calls live.
const Prefix = "/open/api/external/"

// endpoint is one call: its name in faults and books, and what it does with its body.
type endpoint struct {
	call string
	do   func(s *Service, body []byte) (any, error)
}

var endpoints = map[string]endpoint{
	"precreateorder":        {"quote", (*Service).precreateorder},
	"createorder":           {"place", (*Service).createorder},
	"precancelorder":        {"cancel_fee", (*Service).precancelorder},
	"cancelorder":           {"cancel", (*Service).cancelorder},
	"addordergratuityfee":   {"tip", (*Service).addordergratuityfee},
	"getordergratuityfee":   {"tips", (*Service).getordergratuityfee},
	"getorderstatus":        {"query", (*Service).getorderstatus},
	"listorderfeed":         {"feed", (*Service).listorderfeed},
	"riderlatestposition":   {"position", (*Service).riderlatestposition},
	"riderviewv2":           {"view", (*Service).riderviewv2},
	"getcallbackinfo":       {"callbacks", (*Service).getcallbackinfo},
	"reminderorder":         {"remind", (*Service).reminderorder},
	"getshopaccountbalance": {"balance", (*Service).getshopaccountbalance},
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
	body, err := s.verify(w, r)
	if err != nil {
		answer(w, failure(err))
		return
	}
	s.gate.Serve(w, r, e.call, s.orderOf(body), func() []byte {
		result, err := e.do(s, body)
		if err != nil {
			return failure(err)
		}
		return world.JSON(envelope{Result: result})
	})
}

func answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_, _ = w.Write(body)
}

// verify checks who signed the call and when, and returns its body.
func (s *Service) verify(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := world.ReadBody(w, r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	call, err := decode[struct {
		DevID    world.Text `json:"dev_id"`
		PushTime world.Text `json:"push_time"`
	}](body)
	if err != nil {
		return nil, err
	}
	pushed, err := call.PushTime.Int(0)
	switch {
	case string(call.DevID) != s.creds.DevID:
		return nil, errDev
	case !world.Same(r.URL.Query().Get("sign"), Sign(body, s.creds.DevID, s.creds.DevKey)):
		return nil, errSign
	case err != nil || !world.Fresh(time.Unix(int64(pushed), 0), s.options.System(), s.options.SignatureWindow):
		return nil, errPushTime
	}
	return body, nil
}

// orderRef names an order by 顺丰's number or, together with the shop, by the client's.
type orderRef struct {
	OrderID   world.Text `json:"order_id"`
	OrderType world.Text `json:"order_type"` // 1 顺丰's, 2 the client's
	shopRef
}

// shopRef names the shop.
type shopRef struct {
	ShopID   world.Text `json:"shop_id"`
	ShopType world.Text `json:"shop_type"` // 1 顺丰's number (default), 2 the client's own
}

// whole fills in the default.
func (r shopRef) whole() shopRef {
	r.ShopType = either(r.ShopType, "1")
	return r
}

// orderOf is the client's number of the order that a call is about, which decides
// faults only. A quote names none: its faults go by where the goods are to be brought.
func (s *Service) orderOf(body []byte) string {
	var b struct {
		orderRef
		ShopOrderID world.Text `json:"shop_order_id"`
		UserLng     world.Text `json:"user_lng"`
		UserLat     world.Text `json:"user_lat"`
	}
	_ = json.Unmarshal(body, &b) // what is wrong with it the call itself will say
	switch {
	case b.ShopOrderID != "":
		return string(b.ShopOrderID)
	case b.OrderType == "1":
		return s.fleet.ClientNo(string(b.OrderID))
	case b.OrderID != "":
		return string(b.OrderID)
	case b.UserLng != "":
		return string(b.UserLng + "," + b.UserLat)
	}
	return ""
}

// ask decodes a call about one order and enters it in the books.
func (s *Service) ask(call string, body []byte) (world.Job, error) {
	ref, err := decode[orderRef](body)
	if err != nil {
		return world.Job{}, err
	}
	switch {
	case ref.OrderID == "":
		return world.Job{}, fmt.Errorf("%w: order_id不能为空", errFormat)
	case ref.OrderType == "1":
		return s.fleet.Ask(call, string(ref.OrderID), "")
	case ref.OrderType != "2":
		return world.Job{}, fmt.Errorf("%w: order_type须为1或2", errFormat)
	}
	if err := s.known(ref.shopRef); err != nil {
		return world.Job{}, err
	}
	job, err := s.fleet.Ask(call, "", string(ref.OrderID))
	if err == nil && job.Data.(freight).shop != ref.whole() { // the client's number is unique per shop only
		return world.Job{}, fmt.Errorf("%w: %s", world.ErrOrderUnknown, string(ref.OrderID))
	}
	return job, err
}

// known checks that the shop is the developer's. Its own numbers for shops are taken as
// they come.
func (s *Service) known(shop shopRef) error {
	own := shop.ShopType == "2" && shop.ShopID != ""
	id := string(shop.ShopID)
	if own || (shop.ShopType == "" || shop.ShopType == "1") && (id == s.creds.ShopID || slices.Contains(s.options.Shops, id)) {
		return nil
	}
	return errShop
}

func decode[T any](body []byte) (T, error) {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return v, fmt.Errorf("%w: %w", errFormat, err)
	}
	return v, nil
}

// envelope is every answer of 顺丰同城; error_code 0 is success. HTTP says 200 always.
type envelope struct {
	Code   int    `json:"error_code"`
	Msg    string `json:"error_msg"`
	Data   any    `json:"error_data"`
	Result any    `json:"result"`
}

var (
	errNoSuchCall = errors.New("接口不存在")
	errFormat     = errors.New("参数错误")
	errDev        = errors.New("dev_id不存在")
	errShop       = errors.New("店铺不存在")
	errSign       = errors.New("签名错误")
	errPushTime   = errors.New("push_time已失效")
	errCancelled  = errors.New("订单已取消")
)

// Codes is what a failure is answered with. Only 3302 is public, the other numbers are
// a GAP; the first row that matches counts.
var Codes = []struct {
	Err  error
	Code int
	Msg  string // empty: the error's own text
}{
	{errNoSuchCall, 2000, ""},
	{errDev, 2001, ""},
	{errSign, 2002, ""},
	{errPushTime, 2003, ""},
	{errFormat, 2004, ""},
	{errShop, 2005, ""},
	{world.ErrDuplicate, 2101, "商家订单号重复"},
	{world.ErrOrderUnknown, 2102, "订单不存在"},
	{errCancelled, 2103, ""},
	{world.ErrState, 2104, "当前订单状态不支持该操作"},
	{world.ErrQuota, 2105, "今日取消次数已用完"},
	{world.ErrRefused, 2201, "当前区域运力不足，暂不接单"},
	{world.ErrBalance, 3302, "账户余额不足"},
}

func failure(err error) []byte {
	for _, row := range Codes {
		if errors.Is(err, row.Err) {
			return world.JSON(envelope{Code: row.Code, Msg: either(row.Msg, err.Error())})
		}
	}
	return world.JSON(envelope{Code: 5000, Msg: err.Error()})
}
