package uupt

import (
	"context"
	"errors"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// addition is addOrder's request; addresses and price come from the priceToken.
type addition struct {
	PriceToken    string `json:"priceToken"`
	Sender        string `json:"sender,omitempty"`
	SenderPhone   string `json:"senderPhone"`
	Receiver      string `json:"receiver,omitempty"`
	ReceiverPhone string `json:"receiverPhone"`
	Note          string `json:"note,omitempty"`
	CallbackURL   string `json:"callbackUrl"`
	PushType      string `json:"pushType"`
	PayType       string `json:"payType"`
	ShortOrderNum string `json:"shortOrderNum,omitempty"`
}

// Place orders a rider (addOrder). UU跑腿 states no amount here: Charged is nil.
func (a *Adapter) Place(ctx context.Context, p carrier.PlaceRequest) (carrier.Placed, error) {
	const op = "place"
	if p.Token == "" {
		return carrier.Placed{}, refused(op, errors.New("the quote's priceToken is missing"))
	}
	body, err := a.call(ctx, op, "order/addOrder", a.addition(p))
	if err != nil {
		return carrier.Placed{}, unknownQuote(err)
	}
	number := body.NeedNumber("orderCode")
	if origin := body.Number("originId"); origin != "" && p.OurNo != "" && origin != p.OurNo {
		return carrier.Placed{}, undecodable(op, errors.New("body.originId names another order"))
	}
	if err := body.Err(); err != nil {
		return carrier.Placed{}, undecodable(op, err)
	}
	// A payment page means that the balance was short: the order exists, unpaid. Only
	// a query can tell what becomes of it.
	if body.Text("orderUrl") != "" {
		return carrier.Placed{}, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindTemporary, Message: "the order waits for a payment"}
	}
	return carrier.Placed{CarrierNo: number}, nil
}

func (a *Adapter) addition(p carrier.PlaceRequest) addition {
	return addition{
		PriceToken: p.Token,
		Sender:     p.Detail.From.Name, SenderPhone: phone(p.Detail.From),
		Receiver: p.Detail.To.Name, ReceiverPhone: phone(p.Detail.To),
		Note:        p.Detail.Goods.Remark,
		CallbackURL: either(p.CallbackURL, a.cfg.CallbackURL),
		PushType:    a.cfg.PushType, PayType: a.cfg.PayType,
		ShortOrderNum: p.Detail.Display,
	}
}

// unknownQuote makes "no such order", said of a quote that is to be placed, the final
// refusal that it is: what does not exist was not placed.
func unknownQuote(err error) error {
	var e *carrier.Error
	if errors.As(err, &e) && e.Kind == carrier.KindNotFound {
		e.Kind = carrier.KindRefused
	}
	return err
}

// CancelFee asks what a cancel would cost now (cancelFee).
func (a *Adapter) CancelFee(ctx context.Context, ref carrier.Ref) (money.Fen, error) {
	const op = "cancel_fee"
	who, err := name(op, ref)
	if err != nil {
		return 0, err
	}
	body, err := a.call(ctx, op, "order/cancelFee", who)
	if err != nil {
		return 0, err
	}
	return amount(op, body, "cancelFee", body.Fen)
}

// amount is one amount that an answer must state.
func amount(op string, body *carrier.Object, field string, read func(string) *money.Fen) (money.Fen, error) {
	v := read(field)
	if err := body.Err(); err != nil {
		return 0, undecodable(op, err)
	}
	if v == nil {
		return 0, undecodable(op, errors.New("body."+field+" is missing"))
	}
	return *v, nil
}

// withdrawal is cancelOrder's request.
type withdrawal struct {
	named
	Reason string `json:"reason"` // must not be empty
}

// Cancel withdraws an order (cancelOrder). canCancel 0 means that the cancel quota is
// used up and the order lives on: Refused.
func (a *Adapter) Cancel(ctx context.Context, c carrier.CancelRequest) (carrier.CancelResult, error) {
	const op = "cancel"
	who, err := name(op, c.Ref)
	if err != nil {
		return carrier.CancelResult{}, err
	}
	body, err := a.call(ctx, op, "order/cancelOrder", withdrawal{who, either(c.Reason, "商家取消")})
	if err != nil {
		return carrier.Declined(err)
	}
	can, fee := body.Need("canCancel"), body.Fen("deductFee")
	if err := body.Err(); err != nil {
		return carrier.CancelResult{}, undecodable(op, err)
	}
	switch can {
	case "1":
		return carrier.CancelResult{Penalty: fee}, nil
	case "0":
		return carrier.CancelResult{Refused: true, Reason: "取消次数已用完"}, nil
	}
	return carrier.CancelResult{}, undecodable(op, errors.New("body.canCancel is neither 0 nor 1"))
}

// Balance is what is left of our prepayment (user/account).
func (a *Adapter) Balance(ctx context.Context) (money.Fen, error) {
	const op = "balance"
	body, err := a.call(ctx, op, "user/account", struct {
		PayTypeEnum string `json:"payTypeEnum"`
	}{a.cfg.PayType})
	if err != nil {
		return 0, err
	}
	return amount(op, body, "balance", body.SignedFen)
}
