package strategy

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Why is the stored answer to "why this strategy".
type Why struct {
	Level    string `json:"level"` // shop, city+platform, city, platform, default
	Window   string `json:"window,omitempty"`
	Strategy string `json:"strategy"`
	Version  int    `json:"version"`
	Rivals   int    `json:"rivals"` // other strategies that matched less closely
}

// ErrNone says that no strategy is meant for an order.
var ErrNone = errors.New("strategy: none matches")

// levels orders the matches, closest first.
var levels = []string{"shop", "city+platform", "city", "platform", "default"}

// Case is an order as a strategy is picked for it.
type Case struct {
	Platform string
	City     string
	Shop     string    // the platform's code
	At       time.Time // when it is to be dispatched, virtual
}

// Pick finds the closest strategy: shop > city+platform > city > platform > default. At one
// level a strategy with a time window goes before one without, then the name that sorts first.
func Pick(all []Strategy, c Case) (Strategy, Why, error) {
	best, at, matched := Strategy{}, len(levels), 0
	for _, s := range all {
		level, ok := s.Match.level(c)
		if !ok {
			continue
		}
		matched++
		if level < at || (level == at && s.before(best)) {
			best, at = s, level
		}
	}
	if matched == 0 {
		return Strategy{}, Why{}, fmt.Errorf("%w for platform %s in city %s", ErrNone, c.Platform, c.City)
	}
	return best, Why{Level: levels[at], Window: best.Match.Window, Strategy: best.Name, Version: best.Version, Rivals: matched - 1}, nil
}

func (s Strategy) before(o Strategy) bool {
	if narrow := s.Match.Window != ""; narrow != (o.Match.Window != "") {
		return narrow
	}
	return s.Name < o.Name
}

func (m Match) level(c Case) (int, bool) {
	fits := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	if !fits(m.Platform, c.Platform) || !fits(m.City, c.City) || !fits(m.Shop, c.Shop) || !m.open(c.At) {
		return 0, false
	}
	switch {
	case len(m.Shop) > 0:
		return 0, true
	case len(m.City) > 0 && len(m.Platform) > 0:
		return 1, true
	case len(m.City) > 0:
		return 2, true
	case len(m.Platform) > 0:
		return 3, true
	}
	return 4, true
}

// zone is where the windows' hours are told.
var zone = time.FixedZone("Asia/Shanghai", 8*60*60)

// window is a part of the day in minutes since midnight; it spans midnight when it ends
// before it begins.
type window struct{ from, to int }

// errWindow says how a window is written.
var errWindow = errors.New(`want two different times of day, as "10:30-13:30"`)

// parseWindow reads "10:30-13:30"; empty is nil, the whole day.
func parseWindow(text string) (*window, error) {
	if text == "" {
		return nil, nil
	}
	var h1, m1, h2, m2 int
	n, err := fmt.Sscanf(text, "%d:%d-%d:%d", &h1, &m1, &h2, &m2)
	w := window{h1*60 + m1, h2*60 + m2}
	if err != nil || n != 4 || text != w.String() || w.from == w.to || max(h1, h2) > 23 || max(m1, m2) > 59 {
		return nil, fmt.Errorf("%q: %w", text, errWindow)
	}
	return &w, nil
}

// String writes the window as it is read.
func (w window) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", w.from/60, w.from%60, w.to/60, w.to%60)
}

// open reports whether an instant is in the match's window. One that cannot be read, which
// Validate refuses, is never open.
func (m Match) open(at time.Time) bool {
	w, err := parseWindow(m.Window)
	if w == nil {
		return err == nil
	}
	local := at.In(zone)
	now := local.Hour()*60 + local.Minute()
	if w.from < w.to {
		return w.from <= now && now < w.to
	}
	return now >= w.from || now < w.to
}
