package uupt

import (
	"context"
	"errors"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
)

// inquiry is orderPrice's request. Scheduled orders are released by us when they are
// due, so that every order is placed for now.
type inquiry struct {
	OriginID     string `json:"originId"`
	SendType     string `json:"sendType"`
	FromAddress  string `json:"fromAddress"`
	FromUserNote string `json:"fromUserNote,omitempty"`
	ToAddress    string `json:"toAddress"`
	ToUserNote   string `json:"toUserNote,omitempty"`
	FromLat      string `json:"fromLat"`
	FromLng      string `json:"fromLng"`
	ToLat        string `json:"toLat"`
	ToLng        string `json:"toLng"`
	CityName     string `json:"cityName"`
	GoodsWeight  int    `json:"goodsWeight"` // kg
}

// maxToken is what a column holds of a priceToken, in characters.
const maxToken = 255

// Quote asks for a price (orderPrice). The priceToken is the quote's token.
func (a *Adapter) Quote(ctx context.Context, q carrier.QuoteRequest) (carrier.Quote, error) {
	const op = "quote"
	if err := q.Check(); err != nil {
		return carrier.Quote{}, refused(op, err)
	}
	body, err := a.call(ctx, op, "order/orderPrice", inquire(q))
	if err != nil {
		return carrier.Quote{}, err
	}
	quote := carrier.Quote{
		Token:     body.Key("priceToken", maxToken),
		TTL:       body.Seconds("expiresIn"),
		DistanceM: body.Metres("distance"),
	}
	body.Need("priceToken")
	price := body.Fen("needPayMoney")
	if err := body.Err(); err != nil {
		return carrier.Quote{}, undecodable(op, err)
	}
	if price == nil {
		return carrier.Quote{}, undecodable(op, errors.New("body.needPayMoney is missing"))
	}
	if quote.TTL == 0 {
		quote.TTL = time.Duration(a.cfg.QuoteTTL)
	}
	quote.Price = *price
	return quote, nil
}

func inquire(q carrier.QuoteRequest) inquiry {
	from, to := q.Detail.From, q.Detail.To
	fromLng, fromLat := from.Point.BD09()
	toLng, toLat := to.Point.BD09()
	return inquiry{
		OriginID: q.OurNo, SendType: "SEND",
		FromAddress: from.Address, FromUserNote: from.Detail,
		ToAddress: to.Address, ToUserNote: to.Detail,
		FromLat: carrier.Degrees(fromLat), FromLng: carrier.Degrees(fromLng),
		ToLat: carrier.Degrees(toLat), ToLng: carrier.Degrees(toLng),
		CityName:    carrier.FullCityName(q.CityName),
		GoodsWeight: carrier.Kilograms(q.Detail.Goods.WeightG),
	}
}
