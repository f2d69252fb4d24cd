package shansong

import (
	"fmt"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// orderRef names an order by 闪送's number or, where a call allows it, by the client's.
type orderRef struct {
	IssOrderNo   string `json:"issOrderNo"`
	ThirdOrderNo string `json:"thirdOrderNo"`
}

type placeAnswer struct {
	priceAnswer
	DynamicSubsidyAmount money.Fen   `json:"dynamicSubsidyAmount"`
	ExpectReceiveTime    int64       `json:"expectReceiveTime"` // ms
	OrderInfoList        []orderInfo `json:"orderInfoList"`
}

type orderInfo struct {
	OrderNo string `json:"orderNo"`
}

// orderPlace makes a quote an order and takes the money. The price is taken anew, so
// the answer and not the quote says what was charged.
func (s *Service) orderPlace(data []byte) (any, error) {
	req, err := decode[orderRef](data)
	if err != nil {
		return nil, err
	}
	job, err := s.fleet.Place(req.IssOrderNo, req.IssOrderNo, nil)
	if err != nil {
		return nil, err
	}
	q := world.Quote{Token: job.CarrierNo, Metres: job.Metres, Kg: job.Kg, Lines: job.Lines}
	a := placeAnswer{priceAnswer: s.price(q), OrderInfoList: []orderInfo{{OrderNo: job.ClientNo}}}
	a.ExpectReceiveTime = job.Placed.Add(time.Duration(a.EstimateReceiveSecond) * time.Second).UnixMilli()
	return a, nil
}

type tipRequest struct {
	orderRef
	AdditionAmount world.Text `json:"additionAmount"` // 分, the increment
}

// addition adds to the tip: whole 元, at most 100 元 at a time.
func (s *Service) addition(data []byte) (any, error) {
	req, err := decode[tipRequest](data)
	if err != nil {
		return nil, err
	}
	amount, err := req.AdditionAmount.Int(0)
	if err != nil || amount <= 0 || amount > 10000 || amount%100 != 0 {
		return nil, fmt.Errorf("%w: additionAmount须为100的整数倍且不超过10000", errFormat)
	}
	if _, err := s.fleet.Ask("tip", req.IssOrderNo, ""); err != nil {
		return nil, err
	}
	_, err = s.fleet.Tip(req.IssOrderNo, money.Fen(amount))
	return nil, err
}
