package shansong

import (
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// courier is a rider as 闪送 describes him: BD-09 and, in fields of their own, GCJ-02.
type courier struct {
	ID                    string   `json:"id"`
	Name                  string   `json:"name"`
	Mobile                string   `json:"mobile"`
	Latitude              string   `json:"latitude"`
	Longitude             string   `json:"longitude"`
	GCJ02Lat              string   `json:"gcj02Lat"`
	GCJ02Lng              string   `json:"gcj02Lng"`
	Time                  string   `json:"time"`
	Type                  int      `json:"type"`
	OrderCount            int      `json:"orderCount"`
	HeadIcon              string   `json:"headIcon"`
	Blacklisted           int      `json:"blacklisted"`
	DeliveryProcessTrail  []string `json:"deliveryProcessTrail"`
	GCJ02Trail            []string `json:"gcj02Trail"`
	EstimateDeliveryTime  string   `json:"estimateDeliveryTimeTip"`
	PickupTimeoutAnnounce bool     `json:"pickupTimeout"`
}

// courierOf describes an order's rider; nil while it has none. where is zero in a
// callback, whose positions are empty.
func (s *Service) courierOf(job world.Job, where world.Point) *courier {
	if job.Rider == nil {
		return nil
	}
	c := &courier{
		ID: job.Rider.ID, Name: job.Rider.Name, Mobile: job.Rider.Mobile, Type: 1, OrderCount: 1,
		Time: localTime(s.options.Clock.Now()), DeliveryProcessTrail: []string{}, GCJ02Trail: []string{},
	}
	if where != (world.Point{}) {
		bd := where.BD09()
		c.Longitude, c.Latitude = bd.LngText(), bd.LatText()
		c.GCJ02Lng, c.GCJ02Lat = where.LngText(), where.LatText()
	}
	return c
}

func localTime(t time.Time) string { return t.In(world.Shanghai).Format(time.DateTime) }

type statusChange struct {
	OrderStatus int    `json:"orderStatus"`
	UpdateTime  string `json:"updateTime"`
}

type abortInfo struct {
	DeductAmount money.Fen `json:"deductAmount"`
	AbortType    int       `json:"abortType"`
	PunishType   int       `json:"punishType"`
	AbortReason  string    `json:"abortReason"`
}

func abortOf(job world.Job) abortInfo {
	return abortInfo{
		DeductAmount: job.Kept, AbortType: abortTypes[job.End.By],
		PunishType: punishTypes[job.End.Fault], AbortReason: job.End.Reason,
	}
}

type infoAnswer struct {
	OrderNo            string         `json:"orderNo"`
	IssOrderNo         string         `json:"issOrderNo"`
	OrderStatus        int            `json:"orderStatus"`
	OrderStatusDesc    string         `json:"orderStatusDesc"`
	SubOrderStatus     int            `json:"subOrderStatus"`
	SubOrderStatusDesc string         `json:"subOrderStatusDesc"`
	PickupPassword     string         `json:"pickupPassword"`
	DeliveryPassword   string         `json:"deliveryPassword"`
	Courier            *courier       `json:"courier"`
	StatusChangeLog    []statusChange `json:"statusChangeLog"`
	AbortInfo          *abortInfo     `json:"abortInfo"`
	FeeInfoList        []feeInfo      `json:"feeInfoList"`
	TotalAmount        money.Fen      `json:"totalAmount"`
	CouponSaveFee      money.Fen      `json:"couponSaveFee"`
	TotalFeeAfterSave  money.Fen      `json:"totalFeeAfterSave"`
	Drawback           money.Fen      `json:"drawback"`
	SendBackFee        money.Fen      `json:"sendBackFee"`
}

// orderInfo tells everything about one order, found by either number. Tips given later
// are part of the amounts.
func (s *Service) orderInfo(data []byte) (any, error) {
	req, err := decode[orderRef](data)
	if err != nil {
		return nil, err
	}
	job, err := s.fleet.Ask("query", req.IssOrderNo, req.ThirdOrderNo)
	if err != nil {
		return nil, err
	}
	st := statuses[job.State]
	where, _ := s.fleet.Position(job.CarrierNo)
	a := infoAnswer{
		OrderNo: job.ClientNo, IssOrderNo: job.CarrierNo,
		OrderStatus: st.code, OrderStatusDesc: st.desc, SubOrderStatus: st.sub, SubOrderStatusDesc: st.detail,
		Courier: s.courierOf(job, where), FeeInfoList: fees(job.Itemised()),
		TotalAmount: job.Fee + job.Tips, TotalFeeAfterSave: job.Fee + job.Tips,
		Drawback: job.Refund, SendBackFee: job.Extra,
	}
	for _, c := range job.Log {
		a.StatusChangeLog = append(a.StatusChangeLog, statusChange{statuses[c.State].code, localTime(c.At)})
	}
	if job.End.By != "" {
		info := abortOf(job)
		a.AbortInfo = &info
	}
	return a, nil
}

// courierInfo tells who carries the order and where he is; null before acceptance.
func (s *Service) courierInfo(data []byte) (any, error) {
	req, err := decode[orderRef](data)
	if err != nil {
		return nil, err
	}
	job, err := s.fleet.Ask("position", req.IssOrderNo, "")
	if err != nil {
		return nil, err
	}
	where, _ := s.fleet.Position(job.CarrierNo)
	return s.courierOf(job, where), nil
}

// getUserAccount tells the balance. GAP: the fields of the real answer are not public.
func (s *Service) getUserAccount([]byte) (any, error) {
	return map[string]money.Fen{"balance": s.fleet.Balance()}, nil
}

// openCity is one city. GAP: the fields of the real answer are not public.
type openCity struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// openCitiesLists tells where 闪送 rides.
func (s *Service) openCitiesLists([]byte) (any, error) {
	return []openCity{{1101, "北京市"}, {3101, "上海市"}, {3301, "杭州市"}, {4401, "广州市"}}, nil
}
