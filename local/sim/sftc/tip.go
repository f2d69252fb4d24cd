package sftc

import (
	"fmt"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// minTip is the least that may be tipped at a time, in 分.
const minTip = 100

// gratuity is one tip after the placement.
type gratuity struct {
	serial string
	Fee    money.Fen `json:"gratuity_fee"`
	Time   int64     `json:"gratuity_time"` // Unix s
}

type tipRequest struct {
	GratuityFee  world.Text `json:"gratuity_fee"`
	SerialNumber string     `json:"serial_number"`
}

// maxSerial is the length of a serial_number.
const maxSerial = 128

// addordergratuityfee adds to the tip as long as nobody has accepted. A serial number
// that was used for the order before tips nothing and is answered alike.
func (s *Service) addordergratuityfee(body []byte) (any, error) {
	req, err := decode[tipRequest](body)
	if err != nil {
		return nil, err
	}
	fee, err := req.GratuityFee.Int(0)
	if err != nil || fee < minTip {
		return nil, fmt.Errorf("%w: gratuity_fee须不小于%d分", errFormat, minTip)
	}
	if req.SerialNumber == "" || len(req.SerialNumber) > maxSerial {
		return nil, fmt.Errorf("%w: serial_number须为1至%d个字符", errFormat, maxSerial)
	}
	job, err := s.ask("tip", body)
	if err != nil {
		return nil, err
	}
	if err := s.tip(job, gratuity{req.SerialNumber, money.Fen(fee), s.pushTime()}); err != nil {
		return nil, err
	}
	total, _ := s.tipped(job)
	return m{"gratuity_fee": fee, "total_gratuity_fee": total}, nil
}

// tip takes the money unless the serial number is known. The state is that of the ask
// just before: a rider who accepts in between has the tip, too.
func (s *Service) tip(job world.Job, g gratuity) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, given := range s.tips[job.CarrierNo] {
		if given.serial == g.serial {
			return nil
		}
	}
	if job.State != world.Waiting && job.State != world.Reassigning {
		return fmt.Errorf("tip: %w: %s", world.ErrState, job.State)
	}
	if _, err := s.fleet.Tip(job.CarrierNo, g.Fee); err != nil {
		return err
	}
	s.tips[job.CarrierNo] = append(s.tips[job.CarrierNo], g)
	return nil
}

// tipped are all tips of an order: that of the placement, which has no serial number,
// and the later ones.
func (s *Service) tipped(job world.Job) (total money.Fen, list []gratuity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list = []gratuity{}
	for _, l := range job.Lines {
		if l.Kind == world.LineTip {
			list = append(list, gratuity{Fee: l.Fee, Time: job.Placed.Unix()})
		}
	}
	list = append(list, s.tips[job.CarrierNo]...)
	for _, g := range list {
		total += g.Fee
	}
	return total, list
}

// getordergratuityfee lists the tips of an order.
func (s *Service) getordergratuityfee(body []byte) (any, error) {
	job, err := s.ask("tips", body)
	if err != nil {
		return nil, err
	}
	total, list := s.tipped(job)
	return m{"total_gratuity_fee": total, "total_gratuity_times": len(list), "gratuity_fee_list": list}, nil
}
