package uupt

import (
	"errors"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

type feeAnswer struct {
	OrderCode string    `json:"orderCode"`
	OriginID  string    `json:"originId"`
	CancelFee money.Fen `json:"cancelFee"`
}

// cancelFee tells what a cancel would cost now.
func (s *Service) cancelFee(biz []byte) (any, error) {
	job, err := s.ask("cancel_fee", biz)
	if err != nil {
		return nil, err
	}
	fee, err := s.fleet.CancelFee(job.CarrierNo)
	if err != nil {
		return nil, err
	}
	return feeAnswer{OrderCode: job.CarrierNo, OriginID: job.ClientNo, CancelFee: fee.Kept}, nil
}

type cancelAnswer struct {
	CanCancel int       `json:"canCancel"` // 0: the cancel quota is used up and the order lives on
	DeductFee money.Fen `json:"deductFee"`
}

// cancelOrder ends an order at once, after pickup, too: then the goods come back.
func (s *Service) cancelOrder(biz []byte) (any, error) {
	req, err := decode[struct {
		Reason string `json:"reason"`
	}](biz)
	if err != nil {
		return nil, err
	}
	job, err := s.ask("cancel", biz)
	if err != nil {
		return nil, err
	}
	_, fee, err := s.fleet.Cancel(job.CarrierNo, req.Reason, false)
	switch {
	case errors.Is(err, world.ErrQuota):
		return cancelAnswer{}, nil
	case err != nil:
		return nil, err
	}
	return cancelAnswer{CanCancel: 1, DeductFee: fee.Kept}, nil
}
