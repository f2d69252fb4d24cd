package uupt

import (
	"cmp"
	"fmt"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// addRequest is the biz of addOrder, as far as it matters here. Addresses and price
// come from the quote.
type addRequest struct {
	PriceToken    string `json:"priceToken"`
	Receiver      string `json:"receiver"`
	ReceiverPhone string `json:"receiverPhone"` // 虚拟号: number_extension
	ReceiverSnake string `json:"receiver_phone"`
	Note          string `json:"note"`
	CallbackURL   string `json:"callbackUrl"`
	PushType      string `json:"pushType"`
	PayType       string `json:"payType"`
}

// The values that addOrder knows. An empty pushType is a real order, an empty payType
// the balance.
var (
	pushTypes = map[string]bool{"": true, "OPEN_ORDER": true, "TEST_ORDER": true}
	payTypes  = map[string]bool{"": true, "BALANCE_PAY": true, "ENTERPRISE_PAY": true}
)

type addAnswer struct {
	OrderCode string `json:"orderCode"`
	OriginID  string `json:"originId"`
	OrderURL  string `json:"orderUrl"`
}

// addOrder makes a quote an order and takes the money.
func (s *Service) addOrder(biz []byte) (any, error) {
	req, err := decode[addRequest](biz)
	if err != nil {
		return nil, err
	}
	switch {
	case req.ReceiverPhone == "" && req.ReceiverSnake == "":
		return nil, fmt.Errorf("%w: receiverPhone不能为空", errFormat)
	case !pushTypes[req.PushType]:
		return nil, fmt.Errorf("%w: pushType %s", errFormat, req.PushType)
	case !payTypes[req.PayType]:
		return nil, fmt.Errorf("%w: payType %s", errFormat, req.PayType)
	}
	quote, ok := s.fleet.Quoted(req.PriceToken)
	if !ok {
		return nil, world.ErrQuoteUnknown
	}
	d := quote.Data.(details)
	d.note, d.callbackURL, d.recipient = req.Note, req.CallbackURL, cmp.Or(req.ReceiverPhone, req.ReceiverSnake)
	job, err := s.fleet.Place(req.PriceToken, s.orderCode(), d)
	if err != nil {
		return nil, err
	}
	return addAnswer{OrderCode: job.CarrierNo, OriginID: job.ClientNo}, nil
}

type tipRequest struct {
	orderRef
	Fee world.Text `json:"fee"` // 元
}

// addGratuity adds whole 元 to the tip.
func (s *Service) addGratuity(biz []byte) (any, error) {
	req, err := decode[tipRequest](biz)
	if err != nil {
		return nil, err
	}
	yuan, err := req.Fee.Int(0)
	if err != nil || yuan < 1 || yuan > 1000 {
		return nil, fmt.Errorf("%w: fee须为不小于1的整数元", errFormat)
	}
	job, err := s.fleet.Ask("tip", req.code(), req.OriginID)
	if err != nil {
		return nil, err
	}
	_, err = s.fleet.Tip(job.CarrierNo, money.Fen(yuan*100))
	return nil, err
}
