package shansong

import "github.com/chuandao/qianfan/local/sim/world"

// status is a state in 闪送's numbers and words.
type status struct {
	code, sub    int
	desc, detail string
}

// statuses are 闪送's codes of the states that its orders reach.
var statuses = map[world.State]status{
	world.Waiting:     {20, 1, "派单中", "派单中"},
	world.Reassigning: {20, 2, "派单中", "转单改派中"},
	world.Accepted:    {30, 1, "待取货", "待取货"},
	world.Arrived:     {30, 2, "待取货", "已就位"},
	world.PickedUp:    {40, 1, "闪送中", "闪送中"},
	world.CancelAsked: {40, 2, "闪送中", "申请取消中"},
	world.Returning:   {40, 3, "闪送中", "物品送回中"},
	world.Disputed:    {40, 4, "闪送中", "取消单客服介入中"},
	world.Delivered:   {50, 1, "已完成", "已完成"},
	world.Cancelled:   {60, 0, "已取消", "已取消"},
}
