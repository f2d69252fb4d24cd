package sftc

import (
	"fmt"
	"unicode/utf8"

	"github.com/chuandao/qianfan/local/sim/world"
)

type createRequest struct {
	terms
	ShopOrderID string     `json:"shop_order_id"`
	OrderTime   world.Text `json:"order_time"`
	Remark      string     `json:"remark"`
	Version     world.Text `json:"version"`
	Receive     struct {
		UserName    string     `json:"user_name"`
		UserPhone   string     `json:"user_phone"` // 虚拟号: number_extension
		UserAddress string     `json:"user_address"`
		UserLng     world.Text `json:"user_lng"`
		UserLat     world.Text `json:"user_lat"`
	} `json:"receive"`
	OrderDetail struct {
		ProductType world.Text `json:"product_type"`
		WeightGram  world.Text `json:"weight_gram"`
	} `json:"order_detail"`
}

const (
	maxOrderID = 64
	maxRemark  = 512
)

func (r createRequest) check() error {
	var what string
	switch {
	case r.ShopOrderID == "" || len(r.ShopOrderID) > maxOrderID:
		what = "shop_order_id须为1至64个字符"
	case r.Receive.UserName == "" || r.Receive.UserPhone == "":
		what = "收件人姓名和电话不能为空"
	case r.OrderTime == "":
		what = "order_time不能为空"
	case r.Version != "17" && r.Version != "19":
		what = "version须为17或19"
	case utf8.RuneCountInString(r.Remark) > maxRemark:
		what = "remark过长"
	default:
		return nil
	}
	return fmt.Errorf("%w: %s", errFormat, what)
}

// createorder prices a delivery anew, makes it an order and takes the money.
func (s *Service) createorder(body []byte) (any, error) {
	req, err := decode[createRequest](body)
	if err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	to, what := req.Receive, req.OrderDetail
	q, err := s.read(req.terms, goods{to.UserAddress, to.UserLng, to.UserLat, what.WeightGram, what.ProductType})
	if err != nil {
		return nil, err
	}
	q.ClientNo = req.ShopOrderID
	job, err := s.fleet.PlaceUnquoted(q, s.number())
	if err != nil {
		return nil, err
	}
	q.Metres = job.Metres
	a := m{
		"sf_order_id": s.wire(job.CarrierNo), "shop_order_id": job.ClientNo, "push_time": s.pushTime(),
		"pickup_code": "", "complete_code": "", "overflow_fee": overflow(job.Lines),
	}
	return s.optional(a, req.ReturnFlag, job.Lines, q), nil
}
