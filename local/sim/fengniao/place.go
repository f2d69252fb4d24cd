package fengniao

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

type createAnswer struct {
	OrderID json.Number `json:"order_id"`
}

// createOrder makes an order and takes the money, at the price of now. The client's
// number is taken once.
func (s *Service) createOrder(data []byte) (any, error) {
	req, err := decode[deliveryRequest](data)
	if err != nil {
		return nil, err
	}
	q, err := s.read(req)
	if err != nil {
		return nil, err
	}
	switch {
	case req.ReceiverName == "" || req.ReceiverPrimaryPhone == "":
		return nil, fmt.Errorf("%w: receiver_name与receiver_primary_phone不能为空", errFormat)
	case req.ServiceGoodsID != "" && string(req.ServiceGoodsID) != strconv.Itoa(sold.ServiceGoodsID):
		return nil, errProduct
	}
	if err := s.within(q); err != nil {
		return nil, err
	}
	job, err := s.fleet.PlaceUnquoted(q, s.orderID())
	if err != nil {
		return nil, err
	}
	return createAnswer{json.Number(job.CarrierNo)}, nil
}

type tipRequest struct {
	orderRef
	AddTipAmount world.Text `json:"add_tip_amount_cent"` // the increment
	ThirdIndexID string     `json:"third_index_id"`
}

// addTip adds to the tip. A third_index_id that came before is a repeat and changes nothing.
func (s *Service) addTip(data []byte) (any, error) {
	req, err := decode[tipRequest](data)
	if err != nil {
		return nil, err
	}
	amount, err := req.AddTipAmount.Int(0)
	switch {
	case err != nil || amount < 1:
		return nil, fmt.Errorf("%w: add_tip_amount_cent须为正整数分", errFormat)
	case req.ThirdIndexID == "":
		return nil, fmt.Errorf("%w: third_index_id不能为空", errFormat)
	}
	job, err := s.ask("tip", req.orderRef)
	if err != nil {
		return nil, err
	}
	return nil, s.tip(job.CarrierNo, req.ThirdIndexID, money.Fen(amount))
}

// tip gives each tip once, however often and at the same time it is asked for.
func (s *Service) tip(orderID, key string, amount money.Fen) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key = orderID + "/" + key
	if s.tips[key] {
		return nil
	}
	if _, err := s.fleet.Tip(orderID, amount); err != nil {
		return err
	}
	s.tips[key] = true
	return nil
}

// reason is one of the list of getCancelReasonList. GAP: the real list depends on the order
// and is not public; 6 and 32 have been seen.
type reason struct {
	Code int    `json:"code"`
	Desc string `json:"desc"`
}

var reasons = []reason{{6, "骑手取货慢"}, {32, "顾客取消"}}

func known(code world.Text) bool {
	for _, r := range reasons {
		if strconv.Itoa(r.Code) == string(code) {
			return true
		}
	}
	return false
}

// getCancelReasonList tells which codes a cancel may name.
func (s *Service) getCancelReasonList(data []byte) (any, error) {
	ref, err := decode[orderRef](data)
	if err != nil {
		return nil, err
	}
	if _, err := s.ask("cancel_reasons", ref); err != nil {
		return nil, err
	}
	return reasons, nil
}

type cancelRequest struct {
	orderRef
	OrderCancelCode        world.Text `json:"order_cancel_code"`
	ActualCancelCost       world.Text `json:"actual_cancel_cost_cent"`
	OrderCancelOtherReason string     `json:"order_cancel_other_reason"`
	OrderCancelRole        world.Text `json:"order_cancel_role"` // 1 商户, 2 用户
}

type costAnswer struct {
	ActualCancelCost money.Fen `json:"actual_cancel_cost_cent"`
}

func (s *Service) cancelCall(call string, data []byte) (cancelRequest, world.Job, error) {
	req, err := decode[cancelRequest](data)
	if err != nil {
		return req, world.Job{}, err
	}
	if !known(req.OrderCancelCode) {
		return req, world.Job{}, fmt.Errorf("%w: order_cancel_code %q", errFormat, string(req.OrderCancelCode))
	}
	job, err := s.ask(call, req.orderRef)
	return req, job, err
}

// preCancelOrder tells what a cancel would cost now.
func (s *Service) preCancelOrder(data []byte) (any, error) {
	_, job, err := s.cancelCall("cancel_fee", data)
	if err != nil {
		return nil, err
	}
	fee, err := s.fleet.CancelFee(job.CarrierNo)
	if err != nil {
		return nil, err
	}
	return costAnswer{fee.Kept}, nil
}

// maxReason is how many characters order_cancel_other_reason may have.
const maxReason = 20

// cancelOrder ends an order that is not picked up yet, at exactly the cost that the client
// names.
func (s *Service) cancelOrder(data []byte) (any, error) {
	req, job, err := s.cancelCall("cancel", data)
	if err != nil {
		return nil, err
	}
	cost, err := req.ActualCancelCost.Int(-1)
	switch {
	case err != nil || cost < 0:
		return nil, fmt.Errorf("%w: actual_cancel_cost_cent须为整数分", errFormat)
	case utf8.RuneCountInString(req.OrderCancelOtherReason) > maxReason:
		return nil, fmt.Errorf("%w: order_cancel_other_reason不能超过20字", errFormat)
	case req.OrderCancelRole != "1" && req.OrderCancelRole != "2":
		return nil, fmt.Errorf("%w: order_cancel_role须为1或2", errFormat)
	}
	_, _, err = s.fleet.CancelAt(job.CarrierNo, req.OrderCancelOtherReason, money.Fen(cost))
	return nil, err
}
