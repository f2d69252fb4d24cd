package meituan

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Prefix is where the calls of the platform live.
const Prefix = "/api/v1/"

// endpoint is one call: its name in faults, and what it does with the parameters.
type endpoint struct {
	call string
	do   func(s *Service, params map[string]string) error
}

var endpoints = map[string]endpoint{
	"ecommerce/order/logistics/sync":          {"report", (*Service).logisticsSync},
	"ecommerce/order/syncEstimateArrivalTime": {"estimate", (*Service).estimate},
	"order/syncEstimateArrivalTime":           {"estimate", (*Service).estimate},
	"order/delivering":                        {"report", simple("20")},
	"order/arrived":                           {"report", simple("40")},
}

// Handler answers at the paths of the real service.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(Prefix+"{name...}", s.serve)
	return mux
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	e, ok := endpoints[r.PathValue("name")]
	params, err := s.verify(w, r)
	if err == nil && !ok {
		err = fmt.Errorf("%w: %s", errNoSuchCall, r.PathValue("name"))
	}
	if err != nil {
		answer(w, failure(err))
		return
	}
	s.gate.Serve(w, r, e.call, params["order_id"], func() []byte {
		if err := e.do(s, params); err != nil {
			return failure(err)
		}
		return []byte(`{"data":"ok"}`)
	})
}

func answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_, _ = w.Write(body)
}

// verify checks who signed the call and when, and returns its parameters, decoded.
func (s *Service) verify(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	body, err := world.ReadBody(w, r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errParams, err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errParams, err)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errParams, err)
	}
	params := map[string]string{}
	for _, values := range []url.Values{query, form} {
		for k, v := range values {
			params[k] = v[0]
		}
	}
	base := s.options.PublicBase
	if base == "" {
		base = "http://" + r.Host
	}
	switch {
	case params["app_id"] == "" || params["timestamp"] == "" || params["sig"] == "":
		return nil, fmt.Errorf("%w: app_id, timestamp, sig", errParams)
	case params["app_id"] != s.creds.AppID:
		return nil, errApp
	case !world.Same(params["sig"], Sign(base+r.URL.Path, params, s.creds.Secret)):
		return nil, errSig
	}
	at, err := strconv.ParseInt(params["timestamp"], 10, 64)
	if err != nil || !world.Fresh(time.Unix(at, 0), s.options.System(), s.options.SignatureWindow) {
		return nil, errTimestamp
	}
	return params, nil
}

// estimate takes a new estimated time of arrival.
func (s *Service) estimate(params map[string]string) error {
	if _, err := strconv.ParseInt(params["estimate_arrival_time"], 10, 64); err != nil {
		return fmt.Errorf("%w: estimate_arrival_time", errParams)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[params["order_id"]]
	if !ok {
		return errNoOrder
	}
	o.estimates++
	return nil
}

// simple is a state move that names no rider.
func simple(status string) func(*Service, map[string]string) error {
	return func(s *Service, params map[string]string) error {
		params["logistics_status"] = status
		return s.logisticsSync(params)
	}
}

var (
	errNoSuchCall = errors.New("接口不存在")
	errParams     = errors.New("缺少参数，数据不完整")
	errApp        = errors.New("app_id不存在")
	errSig        = errors.New("签名验证错误")
	errTimestamp  = errors.New("时间戳已失效")
	errNoOrder    = errors.New("不存在此订单")
	errStatus     = errors.New("logistics_status不合法")
)

// Codes is what a failure is answered with; the first row that matches counts. GAP:
// the platform's list is not part of the public sources, so the numbers are assumed.
var Codes = []struct {
	Err  error
	Code int
}{
	{errParams, 701},
	{errApp, 702},
	{errSig, 703},
	{errTimestamp, 704},
	{errNoSuchCall, 705},
	{errNoOrder, 808},
	{errStatus, 809},
}

type errorBody struct {
	Data  string `json:"data"`
	Error struct {
		Code int    `json:"code"`
		Msg  string `json:"msg"`
	} `json:"error"`
}

func failure(err error) []byte {
	body := errorBody{Data: "ng"}
	body.Error.Code, body.Error.Msg = 1, err.Error()
	for _, row := range Codes {
		if errors.Is(err, row.Err) {
			body.Error.Code = row.Code
			break
		}
	}
	return world.JSON(body)
}
