package sftc

import "github.com/chuandao/qianfan/local/sim/world"

type status struct {
	code int
	desc string
}

// statuses are 顺丰同城's codes of the states that its orders reach.
var statuses = map[world.State]status{
	world.Waiting:     {1, "订单创建"},
	world.Reassigning: {22, "配送员撤单"},
	world.Accepted:    {10, "配送员确认"},
	world.Arrived:     {12, "配送员到店"},
	world.PickedUp:    {15, "配送中"},
	world.Delivered:   {17, "配送员点击完成"},
	world.Cancelled:   {2, "订单取消"},
	world.Exception:   {91, "骑士上报异常"},
}
