package fengniao

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// Place orders a rider for the quoted product (createOrder). 蜂鸟 states no amount here:
// Charged is nil, and a query tells it.
func (a *Adapter) Place(ctx context.Context, p carrier.PlaceRequest) (carrier.Placed, error) {
	const op = "place"
	d, err := a.creation(p)
	if err != nil {
		return carrier.Placed{}, refused(op, err)
	}
	data, err := a.call(ctx, op, "createOrder", d)
	if err != nil {
		return carrier.Placed{}, err
	}
	number := data.NeedNumber("order_id")
	if err := data.Err(); err != nil {
		return carrier.Placed{}, undecodable(op, err)
	}
	if !digits(number) {
		return carrier.Placed{}, undecodable(op, errors.New("order_id is not a number"))
	}
	return carrier.Placed{CarrierNo: number}, nil
}

func (a *Adapter) creation(p carrier.PlaceRequest) (delivery, error) {
	if p.Token == "" {
		return delivery{}, errors.New("the quote's product is missing")
	}
	if err := p.Check(); err != nil {
		return delivery{}, err
	}
	d := a.delivery(p.QuoteRequest)
	service, base, _ := strings.Cut(p.Token, ":")
	var err error
	if d.ServiceGoodsID, err = numeric(service); err != nil {
		return delivery{}, fmt.Errorf("service_goods_id: %w", err)
	}
	if base != "" {
		if d.BaseGoodsID, err = numeric(base); err != nil {
			return delivery{}, fmt.Errorf("base_goods_id: %w", err)
		}
	}
	d.ReceiverName, d.ReceiverPrimaryPhone = p.Detail.To.Name, a.phone(p.Detail.To)
	if d.ReceiverName == "" {
		d.ReceiverName = "顾客"
	}
	d.SerialNumber = p.Detail.Display
	if !a.cfg.OmitRemark {
		d.OrderRemark = p.Detail.Goods.Remark
	}
	return d, nil
}

// named is a request about one order: by its order_id or, while that is not known, by our
// number.
type named struct {
	OrderID          json.Number `json:"order_id,omitempty"`
	PartnerOrderCode string      `json:"partner_order_code,omitempty"`
}

func name(op string, ref carrier.Ref) (named, error) {
	switch {
	case digits(ref.CarrierNo):
		return named{OrderID: json.Number(ref.CarrierNo)}, nil
	case ref.OurNo != "":
		return named{PartnerOrderCode: ref.OurNo}, nil
	}
	return named{}, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindNotSent, Message: "no order number is known"}
}

// addition is addTip's request.
type addition struct {
	named
	AddTipAmountCent money.Fen `json:"add_tip_amount_cent"` // the increment
	ThirdIndexID     string    `json:"third_index_id"`      // the same for a repeat of the same tip
}

// Tip adds to the tips (addTip). A repeat with the same Total is recognised by 蜂鸟.
func (a *Adapter) Tip(ctx context.Context, t carrier.TipRequest) (carrier.Tipped, error) {
	const op = "tip"
	who, err := name(op, t.Ref)
	if err != nil {
		return carrier.Tipped{}, err
	}
	if t.Add <= 0 || t.Total < t.Add {
		return carrier.Tipped{}, refused(op, fmt.Errorf("%d分 on top of %d分 is no tip", t.Add, t.Total-t.Add))
	}
	key := fmt.Sprintf("%s-%d", either(t.OurNo, t.CarrierNo), t.Total)
	_, err = a.call(ctx, op, "addTip", addition{who, t.Add, key})
	return carrier.Tipped{}, err
}

func either(given, otherwise string) string {
	if given == "" {
		return otherwise
	}
	return given
}

// withdrawal is preCancelOrder's and cancelOrder's request.
type withdrawal struct {
	named
	OrderCancelCode        json.Number `json:"order_cancel_code"`
	ActualCancelCostCent   *money.Fen  `json:"actual_cancel_cost_cent,omitempty"`
	OrderCancelOtherReason string      `json:"order_cancel_other_reason,omitempty"`
	OrderCancelRole        int         `json:"order_cancel_role,omitempty"`
}

// CancelFee asks what a cancel would cost now (preCancelOrder).
func (a *Adapter) CancelFee(ctx context.Context, ref carrier.Ref) (money.Fen, error) {
	const op = "cancel_fee"
	who, err := name(op, ref)
	if err != nil {
		return 0, err
	}
	data, err := a.call(ctx, op, "preCancelOrder", withdrawal{named: who, OrderCancelCode: json.Number(a.cfg.CancelCode)})
	if err != nil {
		return 0, err
	}
	return amount(op, data, "actual_cancel_cost_cent", data.Fen)
}

// amount is one amount that an answer must state.
func amount(op string, data *carrier.Object, field string, read func(string) *money.Fen) (money.Fen, error) {
	v := read(field)
	if err := data.Err(); err != nil {
		return 0, undecodable(op, err)
	}
	if v == nil {
		return 0, undecodable(op, fmt.Errorf("%s is missing", field))
	}
	return *v, nil
}

const (
	byMerchant = 1  // order_cancel_role 商户
	maxReason  = 20 // characters of order_cancel_other_reason
)

// Cancel withdraws an order (cancelOrder) at the cost that a pre-query named, none when
// nobody asked: a waybill that no rider has taken yet. 蜂鸟 refuses another cost than the
// present one, and then the waybill lives on; so an agreed cancel costs what it named.
func (a *Adapter) Cancel(ctx context.Context, c carrier.CancelRequest) (carrier.CancelResult, error) {
	const op = "cancel"
	who, err := name(op, c.Ref)
	if err != nil {
		return carrier.CancelResult{}, err
	}
	var cost money.Fen
	if c.AgreeTo != nil {
		cost = *c.AgreeTo
	}
	data, err := a.call(ctx, op, "cancelOrder", withdrawal{
		named: who, OrderCancelCode: json.Number(a.cfg.CancelCode), ActualCancelCostCent: &cost,
		OrderCancelOtherReason: cut(c.Reason, maxReason), OrderCancelRole: byMerchant,
	})
	if err != nil {
		return carrier.Declined(err)
	}
	stated := data.Fen("actual_cancel_cost_cent")
	if err := data.Err(); err != nil {
		return carrier.CancelResult{}, undecodable(op, err)
	}
	if stated == nil {
		stated = &cost
	}
	return carrier.CancelResult{Penalty: stated}, nil
}

// cut keeps the first characters of a text.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most])
	}
	return text
}

// Balance is what is left of our prepayment (getAmount).
func (a *Adapter) Balance(ctx context.Context) (money.Fen, error) {
	const op = "balance"
	data, err := a.call(ctx, op, "getAmount", struct{}{})
	if err != nil {
		return 0, err
	}
	return amount(op, data, a.cfg.BalanceField, data.SignedFen)
}
