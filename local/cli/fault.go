package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// faultCmd shows and sets what goes wrong.
type faultCmd struct {
	List  faultList  `cmd:"" default:"1" help:"Every fault: its probability, and how often it struck."`
	Set   faultSet   `cmd:"" help:"Set probabilities; others stay."`
	Clear faultClear `cmd:"" help:"Let nothing go wrong any more."`
}

// Help is the example.
func (faultCmd) Help() string {
	return "Examples:\n  qianfan fault list\n  qianfan fault set callback_lost=0.2 place_refused=0.1"
}

type faultList struct{}

// Help is the example.
func (faultList) Help() string { return "Example:\n  qianfan fault list" }

// Run is the verb.
func (faultList) Run(e *env) error {
	var raw json.RawMessage
	if err := e.api.get(e.ctx, "/api/faults", nil, &raw); err != nil {
		return err
	}
	return showFaults(e, raw)
}

type faultSet struct {
	Setting []string `arg:"" placeholder:"KEY=P" help:"A fault and its probability from 0 to 1; or the preset standard or none."`
}

// Help is the example.
func (faultSet) Help() string {
	return "Examples:\n  qianfan fault set callback_lost=0.2 place_refused=0.1\n  qianfan fault set standard"
}

// Run is the verb.
func (c faultSet) Run(e *env) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := e.api.post(e.ctx, "/api/faults", body, &raw); err != nil {
		return err
	}
	return showFaults(e, raw)
}

func (c faultSet) body() (map[string]any, error) {
	body, chances := map[string]any{}, map[string]float64{}
	for _, setting := range c.Setting {
		if setting == "standard" || setting == "none" {
			body["preset"] = setting
			continue
		}
		key, p, err := chance(setting)
		if err != nil {
			return nil, err
		}
		chances[key] = p
	}
	if len(chances) > 0 {
		body["probabilities"] = chances
	}
	return body, nil
}

// chance reads KEY=P.
func chance(setting string) (key string, p float64, err error) {
	key, text, ok := strings.Cut(setting, "=")
	p, err = strconv.ParseFloat(text, 64)
	if !ok || err != nil || !(p >= 0 && p <= 1) {
		return "", 0, usage("%q: want a fault and a probability, as callback_lost=0.2; `qianfan fault list` names the faults", setting)
	}
	return key, p, nil
}

type faultClear struct{}

// Help is the example.
func (faultClear) Help() string { return "Example:\n  qianfan fault clear" }

// Run is the verb.
func (faultClear) Run(e *env) error {
	var raw json.RawMessage
	if err := e.api.call(e.ctx, "DELETE", "/api/faults", nil, &raw); err != nil {
		return err
	}
	return showFaults(e, raw)
}

func showFaults(e *env, raw json.RawMessage) error {
	var f struct {
		Probabilities map[string]float64
		Scripts       []json.RawMessage
		Counters      map[string]int
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return fmt.Errorf("read the faults: %w", err)
	}
	return e.show(raw, func() {
		keys := maps.Clone(f.Counters)
		for k := range f.Probabilities {
			keys[k] += 0
		}
		e.table([]string{"FAULT", "PROBABILITY", "STRUCK"}, rows(slices.Sorted(maps.Keys(keys)), func(k string) []string {
			p, set := f.Probabilities[k]
			if !set { // a detail of another fault, only counted
				return []string{k, "", strconv.Itoa(f.Counters[k])}
			}
			return []string{k, strconv.FormatFloat(p, 'g', -1, 64), strconv.Itoa(f.Counters[k])}
		}))
		if len(f.Scripts) > 0 {
			e.say("%d scripts wait for their order", len(f.Scripts))
		}
	})
}
