// Package platforms knows every platform's adapter. Adding one is one folder and one
// line of the table here.
package platforms

import (
	"errors"
	"fmt"

	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/canonical"
	"github.com/chuandao/qianfan/shared/upstream/meituan"
)

// known is each platform's name, the variable that holds its settings as JSON, and how
// it is made of them.
var known = []struct {
	name, variable string
	make           func(settings []byte, dev bool, deps upstream.Deps) (upstream.Adapter, error)
}{
	{meituan.Name, "QIANFAN_MEITUAN", newMeituan},
	{canonical.Name, "QIANFAN_CANONICAL", newCanonical},
}

// FromEnv makes the adapters whose variable is set, by name. QIANFAN_DEV=1 lets the
// development credentials pass. All faulty settings are reported at once, each with
// the name of its variable.
func FromEnv(getenv func(string) string, deps upstream.Deps) (map[string]upstream.Adapter, error) {
	dev := getenv("QIANFAN_DEV") == "1"
	adapters := make(map[string]upstream.Adapter)
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

func newMeituan(settings []byte, dev bool, deps upstream.Deps) (upstream.Adapter, error) {
	cfg, err := meituan.ParseConfig(settings)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	return meituan.New(cfg, deps)
}

func newCanonical(settings []byte, dev bool, deps upstream.Deps) (upstream.Adapter, error) {
	cfg, err := canonical.ParseConfig(settings)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	return canonical.New(cfg, deps)
}
