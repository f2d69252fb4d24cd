package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/operate"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// office is where operators' verbs work: a deployment's database by its address, or that of
// the running emulator, which tells its own.
type office struct {
	*store.Store
	virtual time.Time // business time when the verb began
}

const whereDatabase = `

QIANFAN_MYSQL_DSN names the database; without it, it is that of the running emulator.`

// openOffice finds the database. Close it.
func (e *env) openOffice() (*office, error) {
	o := &office{virtual: clock.System.Now()}
	dsn, _ := e.look(function.EnvMySQLDSN)
	if dsn == "" {
		var at struct {
			DSN     string    `json:"dsn"`
			Virtual time.Time `json:"virtual"`
		}
		if err := e.api.get(e.ctx, "/api/database", nil, &at); err != nil {
			return nil, fmt.Errorf("%s is not set, and %w", function.EnvMySQLDSN, err)
		}
		dsn, o.virtual = at.DSN, at.Virtual
	}
	var err error
	o.Store, err = store.Open(store.Options{DSN: dsn, Key: make([]byte, 32), MaxConns: 2, Patient: true}) // the key opens nothing here
	return o, err
}

// with runs do on the database.
func (e *env) with(do func(o *office) error) error {
	o, err := e.openOffice()
	if err != nil {
		return err
	}
	defer func() { _ = o.Close() }()
	return do(o)
}

// signature says who changes something.
type signature struct {
	By string `help:"Who changes it; the user of this machine by default." placeholder:"NAME"`
}

func (s signature) act() (store.Act, error) {
	name := s.By
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = cmp.Or(u.Username, u.Name)
		}
	}
	if name == "" {
		return store.Act{}, usage("say who changes it, with --by")
	}
	return store.Act{By: name, At: clock.System.Now()}, nil
}

// prepaidCarriers are those that a strategy may name: who has no prepaid account never gets an order.
func (o *office) prepaidCarriers(e *env) ([]string, error) {
	prepaids, err := o.Prepaids(e.ctx)
	return operate.Carriers(prepaids, carriers.Names()), err
}

// known are the names that a shop may use.
func known() operate.Known {
	return operate.Known{Platforms: platforms.Names(), Carriers: carriers.Names()}
}

// misread makes the mistakes of a file an error that names the file.
func misread(file string, err error) error {
	var all operate.Mistakes
	if errors.As(err, &all) {
		return fmt.Errorf("%s has %d mistakes; nothing was changed:\n%w", file, len(all), all)
	}
	return fmt.Errorf("%s: %w", file, err)
}
