package sftc

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// Sign makes 顺丰同城's signature over the exact bytes of a body: Base64 of the 32
// lower-case hex digits of MD5 over body, dev_id and dev_key, joined by &. Requests and
// pushes use the same. Such a text has neither + nor /.
func Sign(body []byte, devID int64, devKey string) string {
	text := append(append([]byte{}, body...), "&"+strconv.FormatInt(devID, 10)+"&"+devKey...)
	sum := md5.Sum(text)
	return base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:])))
}

// call sends one request; its body must hold dev_id and push_time.
func (a *Adapter) call(ctx context.Context, op, name string, request any) (*carrier.Object, error) {
	body, err := carrier.EncodeJSON(request)
	if err != nil {
		return nil, refused(op, err)
	}
	answer, err := carrier.Call{
		Carrier: Name, Op: op,
		URL:    a.cfg.BaseURL + name + "?sign=" + url.QueryEscape(Sign(body, a.cfg.DevID, a.cfg.DevKey)),
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body:   body,
	}.Send(ctx, a.http)
	if err != nil {
		return nil, err
	}
	return a.open(op, answer)
}

func (a *Adapter) now() int64 { return a.system().Unix() }

// success is the one error_code that means success.
const success = "0"

// open reads the envelope. A decoded error_code other than 0 is a refusal; anything
// that cannot be decoded leaves the outcome in doubt.
func (a *Adapter) open(op string, answer []byte) (*carrier.Object, error) {
	envelope, err := carrier.ParseObject(answer)
	if err != nil {
		return nil, undecodable(op, err)
	}
	code, msg := envelope.Need("error_code"), envelope.Text("error_msg")
	if err := envelope.Err(); err != nil {
		return nil, undecodable(op, err)
	}
	if code != success {
		return nil, &carrier.Error{Carrier: Name, Op: op, Kind: a.refusals.Kind(code, msg), Code: code, Message: msg}
	}
	result := envelope.Object("result")
	if err := envelope.Err(); err != nil {
		return nil, undecodable(op, err)
	}
	return result, nil
}

func undecodable(op string, err error) error {
	return &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindTemporary, Message: "the answer cannot be read", Err: err}
}

// amount is one amount that an answer must state.
func amount(op string, result *carrier.Object, field string, read func(string) *money.Fen) (money.Fen, error) {
	v := read(field)
	if err := result.Err(); err != nil {
		return 0, undecodable(op, err)
	}
	if v == nil {
		return 0, undecodable(op, errors.New("result."+field+" is missing"))
	}
	return *v, nil
}

// The kinds of an order's number.
const (
	byCarrierNo = 1
	byOurNo     = 2 // the shop must be named, too
)

// named begins a request about one order: by its sf_order_id or, while that is not
// known, by our number and the shop.
type named struct {
	DevID     int64  `json:"dev_id"`
	OrderID   string `json:"order_id"`
	OrderType int    `json:"order_type"`
	ShopID    string `json:"shop_id,omitempty"`
	ShopType  int    `json:"shop_type,omitempty"`
}

// stamp ends a request.
type stamp struct {
	PushTime int64 `json:"push_time"` // Unix seconds
}

func (a *Adapter) stamp() stamp { return stamp{a.now()} }

func (a *Adapter) name(op string, ref carrier.Ref) (named, error) {
	if ref.CarrierNo != "" {
		return named{DevID: a.cfg.DevID, OrderID: ref.CarrierNo, OrderType: byCarrierNo}, nil
	}
	if ref.OurNo != "" {
		return named{DevID: a.cfg.DevID, OrderID: ref.OurNo, OrderType: byOurNo, ShopID: either(ref.Store, a.cfg.ShopID), ShopType: a.cfg.ShopType}, nil
	}
	return named{}, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindNotSent, Message: "no order number is known"}
}

// about is a request that says nothing but which order it is about.
type about struct {
	named
	stamp
}

// ask makes such a request.
func (a *Adapter) ask(ctx context.Context, op, name string, ref carrier.Ref) (*carrier.Object, error) {
	who, err := a.name(op, ref)
	if err != nil {
		return nil, err
	}
	return a.call(ctx, op, name, about{who, a.stamp()})
}
