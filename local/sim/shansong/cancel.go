package shansong

import (
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// abortType says who cancelled, punishType who is at fault.
var (
	abortTypes  = map[world.Actor]int{world.ByClient: 1, world.ByRider: 3, world.BySystem: 10, world.ByService: 10}
	punishTypes = map[world.Actor]int{world.ByClient: 1, world.ByService: 2, world.ByRider: 3, world.BySystem: 10}
)

// abortAnswer is the fee block of a cancel, in 分: what is kept of the money paid, and
// what is taken beyond it.
type abortAnswer struct {
	SendBackFee  money.Fen `json:"sendBackFee"`
	DeductAmount money.Fen `json:"deductAmount"`
	AbortType    int       `json:"abortType"`
	PunishType   int       `json:"punishType"`
	AbortReason  string    `json:"abortReason"`
}

const clientReason = "客户取消"

func clientAbort(fee world.CancelFee) abortAnswer {
	return abortAnswer{
		SendBackFee: fee.Extra, DeductAmount: fee.Kept, AbortReason: clientReason,
		AbortType: abortTypes[world.ByClient], PunishType: punishTypes[world.ByClient],
	}
}

// preAbortOrder tells what a cancel would cost now.
func (s *Service) preAbortOrder(data []byte) (any, error) {
	req, err := decode[orderRef](data)
	if err != nil {
		return nil, err
	}
	if _, err := s.fleet.Ask("cancel_fee", req.IssOrderNo, ""); err != nil {
		return nil, err
	}
	fee, err := s.fleet.CancelFee(req.IssOrderNo)
	if err != nil {
		return nil, err
	}
	return clientAbort(fee), nil
}

type abortRequest struct {
	orderRef
	DeductFlag bool `json:"deductFlag"` // the client agrees to pay sendBackFee
}

// abortOrder cancels: at once before pickup; after it the rider is asked to come back.
func (s *Service) abortOrder(data []byte) (any, error) {
	req, err := decode[abortRequest](data)
	if err != nil {
		return nil, err
	}
	if _, err := s.fleet.Ask("cancel", req.IssOrderNo, ""); err != nil {
		return nil, err
	}
	_, fee, err := s.fleet.Cancel(req.IssOrderNo, clientReason, req.DeductFlag)
	if err != nil {
		return nil, err
	}
	return clientAbort(fee), nil
}

// confirmGoodsReturn says that the goods are back; only while they are on their way.
func (s *Service) confirmGoodsReturn(data []byte) (any, error) {
	req, err := decode[orderRef](data)
	if err != nil {
		return nil, err
	}
	if _, err := s.fleet.Ask("confirm_return", req.IssOrderNo, ""); err != nil {
		return nil, err
	}
	_, err = s.fleet.ConfirmReturn(req.IssOrderNo)
	return nil, err
}
