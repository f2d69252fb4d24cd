package uupt

import (
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

type detailAnswer struct {
	OrderCode          string    `json:"orderCode"`
	OriginID           string    `json:"originId"`
	FromAddress        string    `json:"fromAddress"`
	ToAddress          string    `json:"toAddress"`
	FromLocation       string    `json:"fromLocation"` // "lng,lat", BD-09
	ToLocation         string    `json:"toLocation"`
	Distance           int       `json:"distance"`
	OrderPrice         money.Fen `json:"orderPrice"` // tips included
	PriceOff           money.Fen `json:"priceOff"`
	FeeDetailList      []fee     `json:"feeDetailList"`
	Note               string    `json:"note"`
	State              int       `json:"state"`
	AddTime            string    `json:"addTime"`
	FinishTime         string    `json:"finishTime"`
	CancelTime         string    `json:"cancelTime"`
	DriverName         string    `json:"driverName"`
	DriverMobile       string    `json:"driverMobile"`
	DriverLastLoc      string    `json:"driverLastLoc"`
	ExpectedArriveTime string    `json:"expectedArriveTime"`
	ConfirmCode        string    `json:"confirmCode"`
	PickupCode         string    `json:"pickupCode"`
}

// orderDetail tells everything about one order, found by either number.
func (s *Service) orderDetail(biz []byte) (any, error) {
	job, err := s.ask("query", biz)
	if err != nil {
		return nil, err
	}
	d := job.Data.(details)
	a := detailAnswer{
		OrderCode: job.CarrierNo, OriginID: job.ClientNo, FromAddress: d.fromAddress, ToAddress: d.toAddress,
		FromLocation: location(job.Pickup), ToLocation: location(job.Dropoff), Distance: job.Metres,
		OrderPrice: job.Fee + job.Tips, FeeDetailList: fees(job.Itemised()), Note: d.note,
		State: statusOf(job).code, AddTime: localTime(job.Placed),
	}
	switch job.State {
	case world.Delivered:
		a.FinishTime = localTime(job.Changed())
	case world.Cancelled:
		a.CancelTime = localTime(job.Changed())
	}
	if job.Rider != nil {
		a.DriverName, a.DriverMobile = job.Rider.Name, job.Rider.Mobile
	}
	if where, ok := s.fleet.Position(job.CarrierNo); ok {
		a.DriverLastLoc = location(where)
	}
	return a, nil
}

func location(p world.Point) string {
	bd := p.BD09()
	return bd.LngText() + "," + bd.LatText()
}

func localTime(t time.Time) string { return t.In(world.Shanghai).Format(time.DateTime) }

type trackAnswer struct {
	DriverName  string `json:"driver_name"`
	DriverPhone string `json:"driver_phone"`
	Longitude   string `json:"longitude"` // BD-09
	Latitude    string `json:"latitude"`
	Distance    int    `json:"distance"` // m left to the next stop
}

// driverTrack tells where the rider is; the fields are empty before acceptance.
func (s *Service) driverTrack(biz []byte) (any, error) {
	job, err := s.ask("position", biz)
	if err != nil {
		return nil, err
	}
	where, ok := s.fleet.Position(job.CarrierNo)
	if !ok || job.Rider == nil {
		return trackAnswer{}, nil
	}
	stop := job.Dropoff
	if job.State == world.Accepted || job.State == world.Arrived {
		stop = job.Pickup
	}
	bd := where.BD09()
	return trackAnswer{job.Rider.Name, job.Rider.Mobile, bd.LngText(), bd.LatText(), s.fleet.Profile().RoadMetres(where, stop)}, nil
}

// account tells the balance.
func (s *Service) account([]byte) (any, error) {
	return map[string]money.Fen{"balance": s.fleet.Balance()}, nil
}

type openCity struct {
	CityName   string `json:"cityName"`
	CountyName string `json:"countyName"`
}

// openCityList tells where UU rides.
func (s *Service) openCityList([]byte) (any, error) {
	return map[string][]openCity{"openCityList": {
		{"杭州市", "上城区"}, {"上海市", "黄浦区"}, {"广州市", "越秀区"}, {"北京市", "东城区"}, {"郑州市", "金水区"},
	}}, nil
}
