package emulator

import (
	"context"
	"path/filepath"

	"github.com/chuandao/qianfan/local/sim/jd"
	"github.com/chuandao/qianfan/local/sim/meituan"
	"github.com/chuandao/qianfan/local/sim/taobao"
	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/local/trigger"
)

// BuildFunctions compiles every function of the project at root.
func BuildFunctions(ctx context.Context, root string) error {
	t, err := template.Load(filepath.Join(root, "s.yaml"), nil)
	if err != nil {
		return err
	}
	return build(ctx, root, t.Functions)
}

// Usual are the carriers that the seeded strategies name.
var Usual = usual

// DSN is where a test looks into the emulator's database by itself, as its owner.
func (e *Emulator) DSN() string { return e.on.dsn }

// CarrierEnv is what somebody beside the functions asks carriers with.
func (e *Emulator) CarrierEnv() map[string]string { return e.carrierEnv() }

// AppDSN is where functions work.
func (e *Emulator) AppDSN() string { return e.on.app }

// Streams is what each trigger has done.
func (e *Emulator) Streams() []trigger.Stats { return e.pump.Stats() }

// Meituan is the simulated platform with its own books.
func (e *Emulator) Meituan() *meituan.Service { return e.parties.Meituan }

// JD is the simulated platform with its own books.
func (e *Emulator) JD() *jd.Service { return e.parties.JD }

// Taobao is the simulated platform with its own books.
func (e *Emulator) Taobao() *taobao.Service { return e.parties.Taobao }
