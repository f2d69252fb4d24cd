package settings

import (
	"errors"
	"fmt"
)

// Maker makes one party's adapter of the settings in an environment variable.
type Maker[A any] struct {
	Name     string // of the party: "shansong"
	Variable string // that holds its settings as a JSON object
	Make     func(raw []byte, dev bool, deps Deps) (A, error)
}

// Adapters makes the adapters whose variable is set, by name. QIANFAN_DEV=1 lets the
// development credentials pass. All faulty settings are reported at once, each with the
// name of its variable.
func Adapters[A any](getenv func(string) string, deps Deps, makers []Maker[A]) (map[string]A, error) {
	dev := getenv("QIANFAN_DEV") == "1"
	adapters := make(map[string]A)
	var faults []error
	for _, m := range makers {
		raw := getenv(m.Variable)
		if raw == "" {
			continue
		}
		adapter, err := m.Make([]byte(raw), dev, deps)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", m.Variable, err))
			continue
		}
		adapters[m.Name] = adapter
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return adapters, nil
}
