package dada

import (
	"errors"
	"fmt"
	"slices"

	"github.com/chuandao/qianfan/local/sim/world"
)

// addAfterQuery makes a quote an order at its price and takes the money. The answer says
// nothing about it.
func (s *Service) addAfterQuery(body []byte) (any, error) {
	req, err := decode[struct {
		DeliveryNo string `json:"deliveryNo"`
	}](body)
	if err != nil {
		return nil, err
	}
	if req.DeliveryNo == "" {
		return nil, fmt.Errorf("%w: deliveryNo不能为空", errFormat)
	}
	q, _ := s.fleet.Quoted(req.DeliveryNo) // an unknown one is refused below
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.placed[q.ClientNo] {
		return nil, errPlaced
	}
	if _, err := s.fleet.Place(req.DeliveryNo, s.number(), q.Data); err != nil {
		return nil, err
	}
	s.placed[q.ClientNo] = true
	return "", nil
}

// addTip raises an order's tips to a new total, as long as nobody has accepted.
func (s *Service) addTip(body []byte) (any, error) {
	req, err := decode[struct {
		Tips world.Text `json:"tips"` // 元, the total
	}](body)
	if err != nil {
		return nil, err
	}
	job, err := s.ask("tip", body)
	if err != nil {
		return nil, err
	}
	total, err := tips(req.Tips, job.Data.(parcel).value)
	switch {
	case err != nil:
		return nil, err
	case total == 0:
		return nil, errTipSmall
	case job.State != world.Waiting && job.State != world.Reassigning:
		return nil, errTipLate
	case total < job.Tips:
		return nil, errTipLess
	case total == job.Tips:
		return "", nil
	}
	_, err = s.fleet.Tip(job.CarrierNo, total-job.Tips)
	return "", err
}

// reason is one of those that a client may give for a cancel.
type reason struct {
	ID   int    `json:"id"`
	Text string `json:"reason"`
}

const otherReason = 10000

var reasons = []reason{
	{1, "没有配送员接单"}, {2, "配送员没来取货"}, {3, "配送员态度太差"}, {4, "顾客取消订单"}, {5, "订单填写错误"}, {34, "配送员让我取消此单"},
	{35, "配送员不愿上门取货"}, {36, "我不需要配送了"}, {37, "配送员以各种理由表示无法完成订单"}, {otherReason, "其他"},
}

// cancelReasons lists them.
func (s *Service) cancelReasons([]byte) (any, error) { return reasons, nil }

// notCancellable says why an order that is in such a state is not cancelled any more.
var notCancellable = map[world.State]error{
	world.PickedUp: errDelivering, world.AtCustomer: errDelivering, world.Disputed: errDelivering,
	world.Delivered: errDelivered, world.Cancelled: errCancelled,
}

// formalCancel ends an order at once, until the goods are picked up.
func (s *Service) formalCancel(body []byte) (any, error) {
	req, err := decode[struct {
		ID   world.Text `json:"cancel_reason_id"`
		Text string     `json:"cancel_reason"`
	}](body)
	if err != nil {
		return nil, err
	}
	id, err := req.ID.Int(-1)
	at := slices.IndexFunc(reasons, func(r reason) bool { return r.ID == id })
	switch {
	case err != nil || at < 0:
		return nil, errReason
	case id == otherReason && req.Text == "":
		return nil, errNoReason
	}
	job, err := s.ask("cancel", body)
	if err != nil {
		return nil, err
	}
	_, fee, err := s.fleet.Cancel(job.CarrierNo, either(req.Text, reasons[at].Text), false)
	if why, ok := notCancellable[job.State]; ok && errors.Is(err, world.ErrState) {
		return nil, why
	}
	if err != nil {
		return nil, err
	}
	return m{"deduct_fee": yuan(fee.Kept)}, nil
}

// confirmGoods says that goods which could not be handed over are back at the shop.
func (s *Service) confirmGoods(body []byte) (any, error) {
	job, err := s.ask("confirm_return", body)
	if err != nil {
		return nil, err
	}
	if _, err := s.fleet.ConfirmReturn(job.CarrierNo); err != nil {
		return nil, errNotReturned
	}
	return "", nil
}
