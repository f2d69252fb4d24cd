package console

import (
	"encoding/json"
	"net/http"

	"github.com/chuandao/qianfan/local/sim/world"
)

// faultSetting is what POST /api/faults takes: what GET answers, counters ignored, or a preset.
type faultSetting struct {
	Preset        string             `json:"preset,omitempty"` // none or standard: replaces everything
	Probabilities map[string]float64 `json:"probabilities,omitempty"`
	Scripts       []world.Script     `json:"scripts,omitempty"`
	Counters      map[string]int     `json:"counters,omitempty"`
}

func (s *server) showFaults(*http.Request) (any, error) { return s.Faults, nil }

// setFaults sets the named probabilities, adds the scripts, and leaves the rest.
func (s *server) setFaults(r *http.Request) (any, error) {
	var in faultSetting
	empty, err := decode(r, &in)
	if err != nil {
		return nil, err
	}
	if empty {
		return nil, bad(http.StatusBadRequest, `send {"probabilities":{"callback_lost":0.05}}, {"scripts":[…]} or {"preset":"standard"}`, "no fault is named")
	}
	preset := map[string]*world.Faults{"": nil, "none": world.None(), "standard": world.Standard()}
	base, known := preset[in.Preset]
	if !known {
		return nil, bad(http.StatusBadRequest, "use none or standard", "preset %q", in.Preset)
	}
	raw, err := json.Marshal(faultSetting{Probabilities: in.Probabilities, Scripts: in.Scripts})
	if err != nil {
		return nil, err
	}
	// Tried on a copy first: a bad setting must not clear the present ones.
	if err := world.None().UnmarshalJSON(raw); err != nil {
		return nil, bad(http.StatusBadRequest, "probabilities are 0 to 1", "%v", err)
	}
	if base != nil {
		s.Faults.Clear()
		if err := s.Faults.Set(base.Chances()); err != nil {
			return nil, err
		}
	}
	if err := s.Faults.UnmarshalJSON(raw); err != nil {
		return nil, err
	}
	return s.Faults, nil
}

func (s *server) clearFaults(*http.Request) (any, error) {
	s.Faults.Clear()
	return s.Faults, nil
}
