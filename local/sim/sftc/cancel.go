package sftc

import (
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// cancelCodes are the reasons that a client may give; none is 313 其他.
var cancelCodes = map[world.Text]string{
	"300": "计划有变", "302": "填错信息", "303": "骑士要求取消", "304": "暂无法提供物品",
	"306": "重复下单", "309": "上门太久", "312": "无人接单换平台", "313": "商家发起取消", "": "商家发起取消",
}

type cancelRequest struct {
	CancelCode   world.Text `json:"cancel_code"`
	CancelReason string     `json:"cancel_reason"`
}

// precancelorder tells what a cancel would cost now.
func (s *Service) precancelorder(body []byte) (any, error) {
	job, err := s.ask("cancel_fee", body)
	if err != nil {
		return nil, err
	}
	fee, err := s.fleet.CancelFee(job.CarrierNo)
	if err != nil && !errors.Is(err, world.ErrState) {
		return nil, err
	}
	expected := job.Placed.Add(s.takes(job.Metres))
	free, times := s.fleet.Profile().Penalty.FreePerDay, s.fleet.CancelsToday()
	return m{
		"sf_order_id": s.wire(job.CarrierNo), "shop_order_id": job.ClientNo, "could_cancel": err == nil,
		"is_deduction_fee": fee.Kept > 0, "deduction_fee": fee.Kept, "shop_cancel_times": times, "free_cancel_times": free,
		"is_over_free_cancel_times": times >= free, "is_cancel_charge_price_rule": false, "cancel_charge_price_rule": []m{},
		"promise_delivery_time": int(expected.Sub(job.Placed) / time.Minute), "delivery_type": 1, "expect_time": expected.Unix(),
	}, nil
}

// deduction is what a cancel cost. shop_cancel_times counts it already.
type deduction struct {
	Fee   money.Fen `json:"deduction_fee"`
	Times int       `json:"shop_cancel_times"`
	Free  int       `json:"free_cancel_times"`
}

// cancelorder ends an order at once, until the goods are picked up.
func (s *Service) cancelorder(body []byte) (any, error) {
	req, err := decode[cancelRequest](body)
	if err != nil {
		return nil, err
	}
	text, known := cancelCodes[req.CancelCode]
	if !known {
		return nil, fmt.Errorf("%w: cancel_code %s", errFormat, string(req.CancelCode))
	}
	job, err := s.ask("cancel", body)
	if err != nil {
		return nil, err
	}
	if job.State == world.Cancelled {
		return nil, errCancelled
	}
	_, fee, err := s.fleet.Cancel(job.CarrierNo, either(req.CancelReason, text), false)
	if err != nil {
		return nil, err
	}
	return m{
		"sf_order_id": s.wire(job.CarrierNo), "shop_order_id": job.ClientNo, "push_time": s.pushTime(),
		"deduction_detail": deduction{fee.Kept, s.fleet.CancelsToday(), s.fleet.Profile().Penalty.FreePerDay},
	}, nil
}
