// Package carriers knows every carrier's adapter. Adding one is one folder and one
// line of the table here.
package carriers

import (
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/dada"
	"github.com/chuandao/qianfan/shared/carrier/fengniao"
	"github.com/chuandao/qianfan/shared/carrier/sftc"
	"github.com/chuandao/qianfan/shared/carrier/shansong"
	"github.com/chuandao/qianfan/shared/carrier/uupt"
	"github.com/chuandao/qianfan/shared/settings"
)

var known = []settings.Maker[carrier.Adapter]{
	{Name: dada.Name, Variable: dada.Variable, Make: dada.Make},
	{Name: fengniao.Name, Variable: "QIANFAN_FENGNIAO", Make: newFengniao},
	{Name: sftc.Name, Variable: "QIANFAN_SFTC", Make: newSFTC},
	{Name: shansong.Name, Variable: "QIANFAN_SHANSONG", Make: newShansong},
	{Name: uupt.Name, Variable: "QIANFAN_UUPT", Make: newUUPT},
}

func newFengniao(raw []byte, dev bool, deps settings.Deps) (carrier.Adapter, error) {
	cfg, err := fengniao.ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	if deps.Vault == nil {
		return fengniao.New(cfg, deps, nil)
	}
	return fengniao.New(cfg, deps, tokens{deps.Vault})
}

func newSFTC(raw []byte, dev bool, deps settings.Deps) (carrier.Adapter, error) {
	cfg, err := sftc.ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	return sftc.New(cfg, deps)
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
