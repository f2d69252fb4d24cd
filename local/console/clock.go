package console

import (
	"errors"
	"net/http"
	"time"

	"github.com/chuandao/qianfan/local/clock"
)

// Bounds of a move of virtual time, and the greatest speed beside a real broker, which knows no virtual time.
const (
	maxAdvance   = 31 * 24 * time.Hour
	maxRealSpeed = 10
)

const clockHint = `send one or more of {"frozen":true}, {"speed":60}, {"advance":"15m"}, {"run_to":"next-timer"}`

// clockMove is what POST /api/clock may ask for; several are done in this order.
type clockMove struct {
	Frozen  *bool    `json:"frozen"`
	Speed   *float64 `json:"speed"`
	Advance string   `json:"advance"`
	RunTo   string   `json:"run_to"`
}

func (s *server) showClock(*http.Request) (any, error) { return s.Clock.Status(), nil }

func (s *server) moveClock(r *http.Request) (any, error) {
	var m clockMove
	if _, err := decode(r, &m); err != nil {
		return nil, err
	}
	by, err := s.checkMove(m)
	if err != nil {
		return nil, err
	}
	if m.Frozen != nil {
		s.Clock.Freeze(*m.Frozen)
	}
	if m.Speed != nil {
		if err := s.Clock.SetSpeed(*m.Speed); err != nil {
			return nil, bad(http.StatusBadRequest, clockHint, "%v", err)
		}
	}
	if by > 0 {
		if err := s.Clock.Advance(r.Context(), by); err != nil {
			return nil, err
		}
	}
	if m.RunTo != "" {
		_, err := s.Clock.RunToNext(r.Context())
		if errors.Is(err, clock.ErrNoTimer) {
			return nil, bad(http.StatusConflict, "let an order arrive first, or advance by a duration", "%v", err)
		}
		if err != nil {
			return nil, err
		}
	}
	return s.Clock.Status(), nil
}

// checkMove refuses a move as a whole before any of it is done.
func (s *server) checkMove(m clockMove) (by time.Duration, err error) {
	if m == (clockMove{}) {
		return 0, bad(http.StatusBadRequest, clockHint, "nothing to do with the clock")
	}
	if m.Advance != "" {
		by, err = time.ParseDuration(m.Advance)
		if err != nil || by <= 0 || by > maxAdvance {
			return 0, bad(http.StatusBadRequest, `use a duration such as "90s", "15m" or "24h", at most 744h`, "advance %q", m.Advance)
		}
	}
	if m.RunTo != "" && m.RunTo != "next-timer" {
		return 0, bad(http.StatusBadRequest, `only "next-timer" is known`, "run_to %q", m.RunTo)
	}
	if m.Speed != nil && !(*m.Speed > 0) {
		return 0, bad(http.StatusBadRequest, `the speed is above 0; {"frozen":true} makes time stand`, "speed %v", *m.Speed)
	}
	if s.Broker != nil {
		return by, nil
	}
	if by > 0 || m.RunTo != "" {
		return 0, bad(http.StatusConflict, "change the speed instead", "with a real RocketMQ the clock can scale but not jump")
	}
	if m.Speed != nil && *m.Speed > maxRealSpeed {
		return 0, bad(http.StatusConflict, "use 10 or less", "with a real RocketMQ the speed is at most %d", maxRealSpeed)
	}
	return by, nil
}
