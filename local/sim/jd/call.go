package jd

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Prefix is where the calls of the platform live.
const Prefix = "/djapi/"

// call is the business content of a call, of whichever kind.
type call struct {
	OrderID world.Text `json:"orderId"`

	// order/es/query
	PageNo   world.Text `json:"pageNo"`
	PageSize world.Text `json:"pageSize"`

	// 商家自送跟踪. GAP: the names of its fields are not public.
	Status      world.Text `json:"deliveryStatus"`
	BillNo      string     `json:"deliveryBillNo"`
	CarrierName string     `json:"deliveryCarrierName"`
	ManName     string     `json:"deliveryManName"`
	ManPhone    string     `json:"deliveryManPhone"`

	// ocs/orderCancelOperate
	IsAgreed *bool  `json:"isAgreed"`
	Remark   string `json:"remark"`
}

// endpoint is one call: its name in faults, and what it does to an order, s.mu held. after
// is run without it.
type endpoint struct {
	name string
	do   func(s *Service, o *order, c call) (result any, after func(), err error)
}

var endpoints = map[string]endpoint{
	"order/es/query": {"detail", (*Service).query},
	"ThirdPartyLogisticsService/receiveLogisticInfosForOpenApiPlatform": {"report", (*Service).track},
	"bm/open/api/order/OrderSerllerDelivery":                            {"report", (*Service).deliver},
	"ocs/deliveryEndOrder":                                              {"report", (*Service).finish},
	"bm/order/finishOrder":                                              {"report", (*Service).finish},
	"ocs/orderCancelOperate":                                            {"report", (*Service).decide},
	"orderStatus/cancelAndRefund":                                       {"report", (*Service).refund},
	"order/confirmReceiveGoods":                                         {"report", (*Service).receive},
}

// Handler answers at the paths of the real service.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(Prefix+"{name...}", s.serve)
	return mux
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	e, ok := endpoints[r.PathValue("name")]
	content, err := s.verify(w, r)
	if err == nil && !ok {
		err = errNoSuchCall
	}
	var c call
	if err == nil && json.Unmarshal([]byte(content), &c) != nil {
		err = fmt.Errorf("%w: jd_param_json", errParams)
	}
	if err != nil {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		_, _ = w.Write(refusal(err))
		return
	}
	s.gate.Serve(w, r, e.name, string(c.OrderID), func() []byte {
		result, err := s.carryOut(e, c)
		return reply(result, err)
	})
}

func (s *Service) carryOut(e endpoint, c call) (any, error) {
	s.mu.Lock()
	o, ok := s.orders[string(c.OrderID)]
	if !ok && e.name != "detail" {
		s.strange = append(s.strange, Violation{s.options.Clock.Now(), string(c.OrderID), "unknown order"})
		s.mu.Unlock()
		return nil, errNoOrder
	}
	result, after, err := e.do(s, o, c)
	s.mu.Unlock()
	if after != nil {
		after()
	}
	return result, err
}

// query shows an order, or an empty page.
func (s *Service) query(o *order, _ call) (any, func(), error) {
	list := []detail{}
	if o != nil {
		o.pulls++
	}
	if o != nil && !s.hidden(o) {
		list = append(list, s.detail(o))
	}
	return map[string]any{"pageNo": 1, "pageSize": 1, "totalCount": len(list), "resultList": list}, nil, nil
}

// hidden says that the order is not shown yet: pushes may be ahead of what can be read.
func (s *Service) hidden(o *order) bool {
	hit, _ := s.options.Faults.StrikeScripted(s.chance, world.DetailMissing, o.no, "detail")
	return hit
}

// verify checks who signed the call and when, and returns its content.
func (s *Service) verify(w http.ResponseWriter, r *http.Request) (string, error) {
	body, err := world.ReadBody(w, r)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errParams, err)
	}
	params := map[string]string{}
	for _, part := range []string{r.URL.RawQuery, string(body)} {
		values, err := url.ParseQuery(part)
		if err != nil {
			return "", fmt.Errorf("%w: %w", errParams, err)
		}
		for k, v := range values {
			params[k] = v[0]
		}
	}
	for _, name := range []string{"token", "app_key", "sign", "timestamp", "format", "v", "jd_param_json"} {
		if params[name] == "" {
			return "", fmt.Errorf("%w: %s", errParams, name)
		}
	}
	at, err := time.ParseInLocation(layout, params["timestamp"], world.Shanghai)
	switch {
	case params["app_key"] != s.creds.AppKey:
		return "", errApp
	case !world.Same(params["token"], s.creds.Token):
		return "", errToken
	case !world.Same(params["sign"], Sign(params, s.creds.Secret)):
		return "", errSign
	case err != nil || !world.Fresh(at, s.options.System(), s.options.SignatureWindow):
		return "", errTimestamp
	}
	return params["jd_param_json"], nil
}

// What is wrong with a call itself, and with what it wants of an order.
var (
	errNoSuchCall = errors.New("请求的接口不存在")
	errParams     = errors.New("缺少参数")
	errApp        = errors.New("无效的app_key")
	errToken      = errors.New("无效的token")
	errSign       = errors.New("无效的签名")
	errTimestamp  = errors.New("无效的时间戳")
	errNoOrder    = errors.New("订单不存在")
	errState      = errors.New("订单状态不允许此操作")
	errNoRequest  = errors.New("没有待处理的取消申请")
	errStatus     = errors.New("配送状态不合法")
)

// Codes is what a failure is answered with; the first row that matches counts. GAP: the
// platform's list is not part of the public sources, so the numbers are assumed.
var Codes = []struct {
	Err  error
	Code string
}{
	{errParams, "10005"},
	{errApp, "10011"},
	{errToken, "10013"},
	{errSign, "10014"},
	{errTimestamp, "10015"},
	{errNoSuchCall, "10018"},
	{errNoOrder, "30001"},
	{errState, "30002"},
	{errNoRequest, "30003"},
	{errStatus, "30004"},
}

func code(err error) string {
	for _, row := range Codes {
		if errors.Is(err, row.Err) {
			return row.Code
		}
	}
	return "-1"
}

// outer is what the platform wraps every answer in; data is a text that holds JSON.
type outer struct {
	Code string `json:"code"`
	Msg  string `json:"msg"`
	Data string `json:"data"`
}

// inner is the answer of the service behind it.
type inner struct {
	Code    string `json:"code"`
	Msg     string `json:"msg"`
	Success bool   `json:"success"`
	Result  any    `json:"result,omitempty"`
}

const done = "操作成功"

// refusal answers a call that never reached its service.
func refusal(err error) []byte { return world.JSON(outer{Code: code(err), Msg: err.Error()}) }

// reply answers what a service did or refused.
func reply(result any, err error) []byte {
	in := inner{Code: "0", Msg: done, Success: true, Result: result}
	if err != nil {
		in = inner{Code: code(err), Msg: err.Error()}
	}
	return world.JSON(outer{Code: "0", Msg: done, Data: string(world.JSON(in))})
}
