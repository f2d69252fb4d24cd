// Package platforms knows every platform's adapter. Adding one is one folder and one
// line of the table here.
package platforms

import (
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/canonical"
	"github.com/chuandao/qianfan/shared/upstream/jd"
	"github.com/chuandao/qianfan/shared/upstream/meituan"
	"github.com/chuandao/qianfan/shared/upstream/taobao"
)

var known = []settings.Maker[upstream.Adapter]{
	{Name: jd.Name, Variable: "QIANFAN_JD", Make: newJD},
	{Name: meituan.Name, Variable: "QIANFAN_MEITUAN", Make: newMeituan},
	{Name: taobao.Name, Variable: "QIANFAN_TAOBAO", Make: newTaobao},
	{Name: canonical.Name, Variable: "QIANFAN_CANONICAL", Make: newCanonical},
}

// FromEnv makes the adapters whose variable is set, by name.
func FromEnv(getenv func(string) string, deps settings.Deps) (map[string]upstream.Adapter, error) {
	return settings.Adapters(getenv, deps, known)
}

func newJD(raw []byte, dev bool, deps settings.Deps) (upstream.Adapter, error) {
	cfg, err := jd.ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	return jd.New(cfg, deps)
}

func newTaobao(raw []byte, dev bool, deps settings.Deps) (upstream.Adapter, error) {
	cfg, err := taobao.ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	return taobao.New(cfg, deps)
}

func newMeituan(raw []byte, dev bool, deps settings.Deps) (upstream.Adapter, error) {
	cfg, err := meituan.ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	return meituan.New(cfg, deps)
}

func newCanonical(raw []byte, dev bool, deps settings.Deps) (upstream.Adapter, error) {
	cfg, err := canonical.ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	cfg.AllowDev = dev
	return canonical.New(cfg, deps)
}
