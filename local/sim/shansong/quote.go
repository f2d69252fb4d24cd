package shansong

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// quoteRequest is the data of orderCalculate, as far as it matters here.
type quoteRequest struct {
	CityName        string     `json:"cityName"`
	AppointType     world.Text `json:"appointType"`     // 0 now, 1 预约
	AppointmentDate string     `json:"appointmentDate"` // yyyy-MM-dd HH:mm
	StoreID         world.Text `json:"storeId"`         // one of the merchant's stores
	LbsType         world.Text `json:"lbsType"`         // 0 BD-09, 1 GCJ-02
	Sender          struct {
		FromAddress   string     `json:"fromAddress"`
		FromName      string     `json:"fromSenderName"`
		FromMobile    string     `json:"fromMobile"`
		FromLatitude  world.Text `json:"fromLatitude"`
		FromLongitude world.Text `json:"fromLongitude"`
	} `json:"sender"`
	ReceiverList []receiver `json:"receiverList"`
}

type receiver struct {
	OrderNo     string     `json:"orderNo"`
	ToAddress   string     `json:"toAddress"`
	ToLatitude  world.Text `json:"toLatitude"`
	ToLongitude world.Text `json:"toLongitude"`
	ToName      string     `json:"toReceiverName"`
	ToMobile    string     `json:"toMobile"` // 隐私号: number#extension
	GoodType    world.Text `json:"goodType"`
	Weight      world.Text `json:"weight"`      // kg
	AdditionFee world.Text `json:"additionFee"` // 分
}

// goodTypes are the kinds of goods that 闪送 carries.
var goodTypes = map[world.Text]bool{
	"1": true, "3": true, "5": true, "6": true, "7": true, "9": true, "10": true,
	"12": true, "13": true, "15": true, "16": true,
}

// priceAnswer is the money block of orderCalculate and orderPlace, in 分 and m.
type priceAnswer struct {
	TotalDistance         int        `json:"totalDistance"`
	TotalWeight           int        `json:"totalWeight"`
	OrderNumber           string     `json:"orderNumber"`
	FeeInfoList           []feeInfo  `json:"feeInfoList"`
	TotalAmount           money.Fen  `json:"totalAmount"`
	CouponSaveFee         money.Fen  `json:"couponSaveFee"`
	TotalFeeAfterSave     money.Fen  `json:"totalFeeAfterSave"`
	InterestDtoList       []struct{} `json:"interestDtoList"`
	EstimateGrabSecond    int        `json:"estimateGrabSecond"`
	EstimateReceiveSecond int        `json:"estimateReceiveSecond"`
}

type feeInfo struct {
	Type int       `json:"type"`
	Des  string    `json:"des"`
	Fee  money.Fen `json:"fee"`
}

// feeTypes are 闪送's types and texts of the lines of a price. The start price is part
// of 里程, peak and weather are 溢价.
var feeTypes = map[string]feeInfo{
	world.LineStart:    {Type: 1, Des: "里程费"},
	world.LineDistance: {Type: 1, Des: "里程费"},
	world.LineWeight:   {Type: 2, Des: "续重费"},
	world.LineNight:    {Type: 7, Des: "夜间费"},
	world.LineTip:      {Type: 9, Des: "加价费"},
	world.LinePeak:     {Type: 10, Des: "溢价费"},
	world.LineWeather:  {Type: 10, Des: "溢价费"},
}

// orderCalculate prices a delivery and mints its 闪送单号, valid for 30 minutes.
func (s *Service) orderCalculate(data []byte) (any, error) {
	req, err := decode[quoteRequest](data)
	if err != nil {
		return nil, err
	}
	q, err := s.read(req)
	if err != nil {
		return nil, err
	}
	q.Token = s.number()
	return s.price(s.fleet.Quote(q)), nil
}

// read checks a request for a quote.
func (s *Service) read(req quoteRequest) (world.Quote, error) {
	bad := func(what string) (world.Quote, error) {
		return world.Quote{}, fmt.Errorf("%w: %s", errFormat, what)
	}
	if !strings.HasSuffix(req.CityName, "市") {
		return bad("cityName须以市结尾")
	}
	if req.StoreID != "" && !slices.Contains(s.options.Stores, string(req.StoreID)) {
		return world.Quote{}, errStore
	}
	if len(req.ReceiverList) != 1 {
		return bad("receiverList须有且仅有一个收件人")
	}
	r := req.ReceiverList[0]
	kg, err := r.Weight.Int(0)
	if err != nil || kg < 1 || kg > 999 {
		return bad("weight须为1至999的整数")
	}
	tip, err := r.AdditionFee.Int(0)
	if err != nil || tip < 0 || tip > 10000 || tip%100 != 0 {
		return bad("additionFee须为100的整数倍且不超过10000")
	}
	switch {
	case r.OrderNo == "":
		return bad("orderNo不能为空")
	case r.ToMobile == "" || req.Sender.FromMobile == "":
		return bad("收发件人手机号不能为空")
	case r.ToAddress == "" || req.Sender.FromAddress == "":
		return bad("收发件地址不能为空")
	case !goodTypes[r.GoodType]:
		return bad("goodType无效")
	}
	from, err := point(req.LbsType, req.Sender.FromLongitude, req.Sender.FromLatitude)
	if err != nil {
		return bad("发件" + err.Error())
	}
	to, err := point(req.LbsType, r.ToLongitude, r.ToLatitude)
	if err != nil {
		return bad("收件" + err.Error())
	}
	begin, err := s.appointment(req)
	if err != nil {
		return bad(err.Error())
	}
	return world.Quote{ClientNo: r.OrderNo, Pickup: from, Dropoff: to, Kg: kg, Tip: money.Fen(tip), NotBefore: begin}, nil
}

// point reads coordinates, which are BD-09 unless lbsType is 1.
func point(lbsType, lng, lat world.Text) (world.Point, error) {
	p, err := world.ParsePoint(string(lng), string(lat))
	if err != nil {
		return world.Point{}, err
	}
	if lbsType == "1" {
		return p, nil
	}
	return world.FromBD09(p), nil
}

// appointmentLead is how long before an appointment riders are sought. GAP.
const appointmentLead = 40 * time.Minute

// appointment is when riders will be offered the order: zero for now.
func (s *Service) appointment(req quoteRequest) (time.Time, error) {
	if req.AppointType == "" || req.AppointType == "0" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", req.AppointmentDate, world.Shanghai)
	if err != nil {
		return time.Time{}, fmt.Errorf("appointmentDate %q", req.AppointmentDate)
	}
	if ahead := at.Sub(s.options.Clock.Now()); ahead < time.Hour || ahead > 48*time.Hour {
		return time.Time{}, fmt.Errorf("appointmentDate须在1小时至2天之内")
	}
	return at.Add(-appointmentLead), nil
}

func (s *Service) price(q world.Quote) priceAnswer {
	return priceAnswer{
		TotalDistance: q.Metres, TotalWeight: q.Kg, OrderNumber: q.Token, FeeInfoList: fees(q.Lines),
		TotalAmount: q.Total(), TotalFeeAfterSave: q.Total(), InterestDtoList: []struct{}{},
		EstimateGrabSecond: int(s.fleet.Profile().Accept.MedianS), EstimateReceiveSecond: s.receiveSeconds(q.Metres),
	}
}

// receiveSeconds is a guess at the whole delivery by middling figures.
func (s *Service) receiveSeconds(metres int) int {
	p := s.fleet.Profile()
	riding := (float64(metres) + (p.ApproachMinM+p.ApproachMaxM)/2) / ((p.SpeedMinMPS + p.SpeedMaxMPS) / 2)
	return int(p.Accept.MedianS + p.Pickup.MedianS + p.Handover.MedianS + riding)
}

// fees itemises a price; lines of one type become one.
func fees(lines []world.Line) []feeInfo {
	list := []feeInfo{}
	index := map[int]int{}
	for _, l := range lines {
		t := feeTypes[l.Kind]
		i, seen := index[t.Type]
		if !seen {
			i = len(list)
			index[t.Type] = i
			list = append(list, t)
		}
		list[i].Fee += l.Fee
	}
	return list
}
