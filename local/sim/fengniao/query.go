package fengniao

import (
	"encoding/json"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

type detailAnswer struct {
	OrderID              json.Number          `json:"order_id"`
	TrackingID           json.Number          `json:"tracking_id"`
	PartnerOrderCode     string               `json:"partner_order_code"`
	OrderStatus          int                  `json:"order_status"`
	CarrierDriverID      json.Number          `json:"carrier_driver_id,omitempty"`
	CarrierDriverName    string               `json:"carrier_driver_name"`
	CarrierDriverPhone   string               `json:"carrier_driver_phone"`
	OvertimeCompensation money.Fen            `json:"overtime_compensation_cost_cent"`
	IfCanAddTip          int                  `json:"if_can_add_tip"`
	OrderTipAmount       money.Fen            `json:"order_tip_amount_cent"`
	OrderActualAmount    money.Fen            `json:"order_actual_amount_cent"` // tips included (GAP)
	PriceDetail          map[string]money.Fen `json:"price_detail"`
	Distance             int                  `json:"distance"`
	AbnormalCode         string               `json:"abnormal_code"`
	AbnormalDesc         string               `json:"abnormal_desc"`
	EventLogDetails      []struct{}           `json:"event_log_details"` // GAP: what is in it is not public
}

// canTip are the states in which riders can still be offered more.
var canTip = map[world.State]int{world.Waiting: 1, world.Reassigning: 1, world.Accepted: 1, world.Arrived: 1}

// getOrderDetail tells everything about one order, found by either number.
func (s *Service) getOrderDetail(data []byte) (any, error) {
	ref, err := decode[orderRef](data)
	if err != nil {
		return nil, err
	}
	job, err := s.ask("query", ref)
	if err != nil {
		return nil, err
	}
	f := faultOf(job)
	a := detailAnswer{
		OrderID: json.Number(job.CarrierNo), TrackingID: json.Number(job.CarrierNo), PartnerOrderCode: job.ClientNo, OrderStatus: f.status.code,
		IfCanAddTip: canTip[job.State], OrderTipAmount: job.Tips, OrderActualAmount: job.Fee + job.Tips,
		PriceDetail: detail(job.Itemised()), Distance: job.Metres, AbnormalCode: f.code, AbnormalDesc: f.words, EventLogDetails: []struct{}{},
	}
	if job.Rider != nil {
		a.CarrierDriverID, a.CarrierDriverName, a.CarrierDriverPhone = json.Number(job.Rider.ID), job.Rider.Name, job.Rider.Mobile
	}
	return a, nil
}

// knightAnswer has version 2's names. GAP.
type knightAnswer struct {
	Name      string `json:"name"`
	Phone     string `json:"phone"`
	Longitude string `json:"longitude"` // GCJ-02
	Latitude  string `json:"latitude"`
}

// getKnightInfo tells where the rider is; the fields are empty while there is none.
func (s *Service) getKnightInfo(data []byte) (any, error) {
	ref, err := decode[orderRef](data)
	if err != nil {
		return nil, err
	}
	job, err := s.ask("position", ref)
	if err != nil {
		return nil, err
	}
	where, ok := s.fleet.Position(job.CarrierNo)
	if !ok || job.Rider == nil {
		return knightAnswer{}, nil
	}
	return knightAnswer{job.Rider.Name, job.Rider.Mobile, where.LngText(), where.LatText()}, nil
}

// getAmount tells the balance. GAP: the real fields are not public.
func (s *Service) getAmount([]byte) (any, error) {
	return map[string]money.Fen{"amount_cent": s.fleet.Balance()}, nil
}
