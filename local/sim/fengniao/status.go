package fengniao

import "github.com/chuandao/qianfan/local/sim/world"

type status struct {
	code int
	text string
}

// statuses are 蜂鸟's codes of the states that its orders reach. A 改派 shows 1 again.
var statuses = map[world.State]status{
	world.Waiting:     {1, "系统已接单"},
	world.Reassigning: {1, "改派中"},
	world.Accepted:    {20, "骑手已接单"},
	world.Arrived:     {80, "骑手已到店"},
	world.PickedUp:    {2, "配送中"},
	world.Delivered:   {3, "已送达"},
}

var (
	cancelled = status{4, "已取消"}
	exception = status{5, "配送异常"}
)

// fault is why an order ended undelivered.
type fault struct {
	status
	code   string // error_code of a callback, abnormal_code of the detail
	words  string
	reason int // cancel_reason: 1 用户, 2 商家, 0 neither
}

var (
	noRider = fault{exception, "NO_CARRIER_ERROR", "超时无骑手接单", 0}
	faults  = map[world.Actor]fault{
		world.ByClient:  {cancelled, "MERCHANT_CANCEL", "商户取消", 2},
		world.ByRider:   {cancelled, "CARRIER_CANCEL", "骑手取消", 0},
		world.BySystem:  {cancelled, "SYSTEM_CANCEL", "系统取消", 0},
		world.ByService: {cancelled, "SYSTEM_CANCEL", "系统取消", 0},
	}
)

// faultOf is the end of a cancelled order, nothing for any other.
func faultOf(job world.Job) fault {
	switch {
	case job.State != world.Cancelled:
		return fault{status: statuses[job.State]}
	case job.End.NoRider:
		return noRider
	}
	return faults[job.End.By]
}
