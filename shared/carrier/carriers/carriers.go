// Package carriers knows every carrier's adapter. Adding one is one folder and one
// line of the table here.
package carriers

import (
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/shansong"
	"github.com/chuandao/qianfan/shared/carrier/uupt"
	"github.com/chuandao/qianfan/shared/settings"
)

var known = []settings.Maker[carrier.Adapter]{
	{Name: shansong.Name, Variable: "QIANFAN_SHANSONG", Make: newShansong},
	{Name: uupt.Name, Variable: "QIANFAN_UUPT", Make: newUUPT},
}

// FromEnv makes the adapters whose variable is set, by name.
func FromEnv(getenv func(string) string, deps settings.Deps) (map[string]carrier.Adapter, error) {
	return settings.Adapters(getenv, deps, known)
}

func newShansong(raw []byte, dev bool, deps settings.Deps) (carrier.Adapter, error) {
	cfg, err := shansong.ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	return shansong.New(cfg, deps)
}

func newUUPT(raw []byte, dev bool, deps settings.Deps) (carrier.Adapter, error) {
	cfg, err := uupt.ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	return uupt.New(cfg, deps)
}
