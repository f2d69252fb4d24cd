package uupt

import "github.com/chuandao/qianfan/local/sim/world"

type status struct {
	code int
	text string
}

// statuses are UU's codes of the states that its orders reach.
var statuses = map[world.State]status{
	world.Waiting:     {1, "下单成功"},
	world.Reassigning: {2, "跑男取消"},
	world.Accepted:    {3, "跑男抢单"},
	world.Arrived:     {4, "已到达"},
	world.PickedUp:    {5, "已取件"},
	world.AtCustomer:  {6, "到达目的地"},
	world.Delivered:   {10, "收件人已收货"},
}

// cancelled are the three ways in which an order can be over.
var (
	byClient  = status{-1, "订单取消"}
	byService = status{-2, "客服取消"}
	noRider   = status{-3, "超时无人接单取消"}
)

// statusOf is an order's state in UU's numbers. UU has no code for a rider who takes
// an order down for good: 客服 cancels it then.
func statusOf(job world.Job) status {
	switch {
	case job.State != world.Cancelled:
		return statuses[job.State]
	case job.End.NoRider:
		return noRider
	case job.End.By == world.ByClient:
		return byClient
	}
	return byService
}
