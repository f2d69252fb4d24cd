package dada

import "github.com/chuandao/qianfan/local/sim/world"

type status struct {
	code int
	msg  string
}

// statuses are 达达's codes of the states that its orders reach.
var statuses = map[world.State]status{
	world.Waiting:     {1, "待接单"},
	world.Reassigning: {1, "待接单"},
	world.Accepted:    {2, "待取货"},
	world.Arrived:     {100, "骑士到店"},
	world.PickedUp:    {3, "配送中"},
	world.AtCustomer:  {3, "配送中"},
	world.CancelAsked: {3, "配送中"},
	world.Disputed:    {3, "配送中"},
	world.Returning:   {9, "妥投异常之物品返回中"},
	world.Delivered:   {4, "已完成"},
	world.Cancelled:   {5, "已取消"},
}

// returned is the end of an order whose goods went back to the shop.
var returned = status{10, "妥投异常之物品返回完成"}

func statusOf(job world.Job) status {
	if job.State == world.Cancelled && job.End.Returned {
		return returned
	}
	return statuses[job.State]
}
