package jd

import (
	"context"
	"encoding/json"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
)

const queryPath = "order/es/query"

// query asks for one order, on one page.
type query struct {
	OrderID  string `json:"orderId"`
	PageNo   string `json:"pageNo"`
	PageSize string `json:"pageSize"`
}

// Fetch asks for an order's detail (order/es/query), which the push only names. NotFound
// may be the search's delay behind the push. An order that is cancelled already, or that
// the customer fetches (自提), is Refused.
func (a *Adapter) Fetch(ctx context.Context, no string) (upstream.Create, error) {
	d, err := a.detail(ctx, no)
	if err != nil {
		return upstream.Create{}, err
	}
	create, fault := a.create(d)
	if fault != nil {
		return upstream.Create{}, fault
	}
	return create, nil
}

// detail is the order with this number.
func (a *Adapter) detail(ctx context.Context, no string) (detail, error) {
	result, err := a.call(ctx, queryPath, query{OrderID: no, PageNo: "1", PageSize: "1"})
	if err != nil {
		return detail{}, err
	}
	var page struct {
		List []json.RawMessage `json:"resultList"`
	}
	if result == nil || json.Unmarshal(result, &page) != nil {
		return detail{}, unreadable(nil)
	}
	if len(page.List) == 0 {
		return detail{}, upstream.Refuse(upstream.NotFound, "", "京东 has no order %s", no)
	}
	var d detail
	if fault := decode(page.List[0], "resultList", &d); fault != nil {
		return detail{}, fault
	}
	if string(d.OrderID) != no {
		return detail{}, upstream.Refuse(upstream.BadField, "orderId", "another order than the one that was asked for")
	}
	return d, nil
}

// create is the order that the detail describes.
func (a *Adapter) create(d detail) (upstream.Create, *upstream.Error) {
	if string(d.OrderStatus) == cancelled {
		return upstream.Create{}, upstream.Refuse(upstream.Refused, "orderStatus", "the order is cancelled")
	}
	if string(d.DeliveryType) == selfPickup {
		return upstream.Create{}, upstream.Refuse(upstream.Refused, "deliveryType", "the customer fetches the order (自提)")
	}
	r := reader{detail: d, cfg: a.cfg}
	create := upstream.Create{
		ShopCode: r.shop(),
		Detail: order.Detail{
			To: r.recipient(),
			Goods: order.Goods{
				Category: "food", WeightG: r.weight(), Value: r.value(), Remark: r.plain("orderExtend.orderBuyerRemark", d.Extend.Remark),
			},
			ExpectedAt: r.expectedAt(),
		},
	}
	if r.fault != nil {
		return upstream.Create{}, r.fault
	}
	return create, nil
}
