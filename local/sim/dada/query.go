package dada

import (
	"fmt"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// carried is who carries an order and where he is, as two answers tell it; texts are empty
// before acceptance.
func (s *Service) carried(job world.Job) m {
	if job.Rider == nil {
		return m{"orderId": job.ClientNo, "transporterName": "", "transporterPhone": "", "transporterLng": "", "transporterLat": ""}
	}
	out := m{"orderId": job.ClientNo, "transporterName": job.Rider.Name, "transporterPhone": job.Rider.Mobile}
	if at, ok := s.fleet.Position(job.CarrierNo); ok {
		out["transporterLng"], out["transporterLat"] = at.LngText(), at.LatText()
	}
	return out
}

// statusQuery tells everything about an order.
func (s *Service) statusQuery(body []byte) (any, error) {
	job, err := s.ask("query", body)
	if err != nil {
		return nil, err
	}
	st, out := statusOf(job), s.carried(job)
	for name, value := range map[string]any{
		"statusCode": st.code, "statusMsg": st.msg, "distance": job.Metres, "orderFinishCode": "",
		"deliveryFee": yuan(job.Fee), "tips": yuan(job.Tips), "couponFee": yuan(0), "insuranceFee": yuan(0),
		"actualFee": yuan(job.Charged()), "deductFee": yuan(job.Penalty()),
		"createTime": text(job.Placed), "acceptTime": text(job.AcceptedAt), "fetchTime": text(reached(job, world.PickedUp)),
		"finishTime": text(reached(job, world.Delivered)), "cancelTime": text(reached(job, world.Cancelled)),
	} {
		out[name] = value
	}
	if st == returned {
		out["deductFee"] = yuan(0) // nobody cancelled: what is kept is the fee
	}
	return out, nil
}

// reached is when an order last came to a state; zero if it never did.
func reached(job world.Job, state world.State) time.Time {
	var at time.Time
	for _, c := range job.Log {
		if c.State == state {
			at = c.At
		}
	}
	return at
}

// maxPositions is how many orders may be asked about at once.
const maxPositions = 50

// transporterPosition tells where the riders of orders are. Orders that are not known are
// left out.
func (s *Service) transporterPosition(body []byte) (any, error) {
	req, err := decode[struct {
		OrderIDs []world.Text `json:"orderIds"`
	}](body)
	if err != nil {
		return nil, err
	}
	if len(req.OrderIDs) == 0 || len(req.OrderIDs) > maxPositions {
		return nil, fmt.Errorf("%w: orderIds须为1至%d个", errFormat, maxPositions)
	}
	list := []m{}
	for _, no := range req.OrderIDs {
		if job, err := s.fleet.Ask("position", "", string(no)); err == nil {
			list = append(list, s.carried(job))
		}
	}
	return list, nil
}

// The accounts of balanceQuery.
const (
	feeAccount       = "1" // 运费账户
	redPacketAccount = "2"
	bothAccounts     = "3"
)

// balanceQuery tells the balance; red packets there are none.
func (s *Service) balanceQuery(body []byte) (any, error) {
	req, err := decode[struct {
		Category world.Text `json:"category"`
	}](body)
	if err != nil {
		return nil, err
	}
	switch either(req.Category, feeAccount) {
	case feeAccount, bothAccounts:
		return m{"deliverBalance": yuan(s.fleet.Balance()), "redPacketBalance": yuan(0)}, nil
	case redPacketAccount:
		return m{"deliverBalance": yuan(0), "redPacketBalance": yuan(0)}, nil
	}
	return nil, fmt.Errorf("%w: category须为1、2或3", errFormat)
}
