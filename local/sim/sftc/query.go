package sftc

import (
	"encoding/json"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// rider is an order's rider; empty while it has none.
func rider(job world.Job) world.Rider {
	if job.Rider == nil {
		return world.Rider{}
	}
	return *job.Rider
}

// getorderstatus tells an order's state, found by either number.
func (s *Service) getorderstatus(body []byte) (any, error) {
	job, err := s.ask("query", body)
	if err != nil {
		return nil, err
	}
	st, who := statuses[job.State], rider(job)
	return m{
		"order_id": s.wire(job.CarrierNo), "shop_id": job.Data.(freight).shop.ShopID, "out_order_id": job.ClientNo,
		"order_status": st.code, "status_desc": st.desc, "rider_name": who.Name, "rider_phone": who.Mobile,
		"push_time": s.pushTime(),
	}, nil
}

// listorderfeed tells what an order has been through. The rider is the present one.
func (s *Service) listorderfeed(body []byte) (any, error) {
	job, err := s.ask("feed", body)
	if err != nil {
		return nil, err
	}
	who, feed := rider(job), []m{}
	for _, c := range job.Log {
		st := statuses[c.State]
		feed = append(feed, m{
			"order_status": st.code, "operator": who.ID, "operator_name": who.Name, "operator_phone": who.Mobile,
			"status_desc": st.desc, "content": st.desc, "create_time": c.At.In(world.Shanghai).Format(time.DateTime),
		})
	}
	return m{"create_time": job.Placed.Unix(), "feed": feed}, nil
}

// riderlatestposition tells who carries the order and where he is; the fields are empty
// before acceptance.
func (s *Service) riderlatestposition(body []byte) (any, error) {
	job, err := s.ask("position", body)
	if err != nil {
		return nil, err
	}
	where, ok := s.fleet.Position(job.CarrierNo)
	if !ok || job.Rider == nil {
		return m{"rider_name": "", "rider_phone": "", "rider_lng": "", "rider_lat": "", "upload_time": 0}, nil
	}
	return m{
		"rider_name": job.Rider.Name, "rider_phone": job.Rider.Mobile,
		"rider_lng": where.LngText(), "rider_lat": where.LatText(), "upload_time": s.pushTime(),
	}, nil
}

// riderviewv2 gives the address of a map. Nothing is served there.
func (s *Service) riderviewv2(body []byte) (any, error) {
	job, err := s.ask("view", body)
	if err != nil {
		return nil, err
	}
	return m{"url": "https://openic.sf-express.com/rider/view?order=" + job.CarrierNo}, nil
}

// getcallbackinfo gives the bodies of an order's callbacks once more, lost ones included.
func (s *Service) getcallbackinfo(body []byte) (any, error) {
	job, err := s.ask("callbacks", body)
	if err != nil {
		return nil, err
	}
	bodies := []json.RawMessage{}
	for i := range job.Log {
		then := job
		then.State, then.Log = job.Log[i].State, job.Log[:i+1]
		if _, text := s.notice(then); text != nil {
			bodies = append(bodies, text)
		}
	}
	return bodies, nil
}

// reminderorder hurries the rider, who rides no faster for it.
func (s *Service) reminderorder(body []byte) (any, error) {
	_, err := s.ask("remind", body)
	return m{}, err
}

// getshopaccountbalance tells the balance.
func (s *Service) getshopaccountbalance(body []byte) (any, error) {
	shop, err := decode[shopRef](body)
	if err != nil {
		return nil, err
	}
	if err := s.known(shop); err != nil {
		return nil, err
	}
	balance := s.fleet.Balance()
	return m{"balance": balance, "reserved_amount": 0, "withdraw_amount": balance}, nil
}
