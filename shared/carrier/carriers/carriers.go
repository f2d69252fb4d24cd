// Package carriers knows every carrier's adapter. Adding one is one folder and one
// line of the table here.
package carriers

import (
	"errors"
	"fmt"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/shansong"
	"github.com/chuandao/qianfan/shared/carrier/uupt"
)

// known is each carrier's name, the variable that holds its settings as JSON, and how
// it is made of them.
var known = []struct {
	name, variable string
	make           func(settings []byte, dev bool, deps carrier.Deps) (carrier.Adapter, error)
}{
	{shansong.Name, "QIANFAN_SHANSONG", newShansong},
	{uupt.Name, "QIANFAN_UUPT", newUUPT},
}

// FromEnv makes the adapters whose variable is set, by name. QIANFAN_DEV=1 lets the
// development credentials pass. All faulty settings are reported at once, each with
// the name of its variable.
func FromEnv(getenv func(string) string, deps carrier.Deps) (map[string]carrier.Adapter, error) {
	dev := getenv("QIANFAN_DEV") == "1"
	adapters := make(map[string]carrier.Adapter)
	var faults []error
	for _, k := range known {
		settings := getenv(k.variable)
		if settings == "" {
			continue
		}
		adapter, err := k.make([]byte(settings), dev, deps)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", k.variable, err))
			continue
		}
		adapters[k.name] = adapter
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return adapters, nil
}

func newShansong(settings []byte, dev bool, deps carrier.Deps) (carrier.Adapter, error) {
	cfg, err := shansong.ParseConfig(settings)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	return shansong.New(cfg, deps)
}

func newUUPT(settings []byte, dev bool, deps carrier.Deps) (carrier.Adapter, error) {
	cfg, err := uupt.ParseConfig(settings)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	return uupt.New(cfg, deps)
}
