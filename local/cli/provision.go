package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/operate"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// provisionCmd puts into a real database what must be there before the first order.
type provisionCmd struct {
	File string `arg:"" type:"path" help:"JSON with shops, strategies and deposits."`
	signature
}

// Help is the example.
func (provisionCmd) Help() string {
	return `Example:
  qianfan provision deploy/provision.example.json

Running it again changes only what differs: shops by platform and code, a strategy that differs becomes its next version, a deposit with
a key that was used is not booked twice. The database must have its schema (qianfan migrate).`
}

// provisions is the file. Every key must be known.
type provisions struct {
	Shops []struct {
		Platform string            `json:"platform"`
		Code     string            `json:"code"` // the platform's
		City     string            `json:"city"` // "330100"
		CityName string            `json:"city_name"`
		Stop     order.Stop        `json:"stop"`
		Excluded []string          `json:"excluded"` // carriers that never serve it; left out, it stays as it is
		Stores   map[string]string `json:"stores"`   // its number at each carrier that wants one
	} `json:"shops"`
	Strategies []strategy.Strategy `json:"strategies"` // version is counted by the database
	Deposits   []struct {
		Key     string    `json:"key"` // of the bank transfer, never used again
		Carrier string    `json:"carrier"`
		Account string    `json:"account"`
		Amount  money.Fen `json:"amount_fen"`
		Shards  int       `json:"shards"` // parts that holds are taken from side by side
	} `json:"deposits"`
}

// provisioned counts what was changed.
type provisioned struct {
	Shops      int `json:"shops"`
	Strategies int `json:"strategies"`
	Deposits   int `json:"deposits"`
}

// Run is the verb.
func (c provisionCmd) Run(e *env) error {
	p, err := readProvisions(c.File)
	if err != nil {
		return err
	}
	settings := function.NewEnv(e.look)
	dsn, key := settings.Require(function.EnvMySQLDSN), settings.Key(function.EnvDataKey, 32)
	if err := settings.Err(); err != nil {
		return fmt.Errorf("provision: %w; set them as the functions have them", err)
	}
	db, err := store.Open(store.Options{DSN: dsn, Key: key, MaxConns: 1})
	if err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	defer func() { _ = db.Close() }()
	who, err := c.act()
	if err != nil {
		return err
	}
	done, err := p.apply(e.ctx, db, who)
	if err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	return e.show(done, func() {
		e.say("%d shops, %d new strategies, %d new deposits", done.Shops, done.Strategies, done.Deposits)
	})
}

func readProvisions(path string) (*provisions, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("provision: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var p provisions
	if err := dec.Decode(&p); err != nil {
		return nil, fmt.Errorf("provision: read %s: %w", path, err)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("provision: %s: %w", path, err)
	}
	return &p, nil
}

// check names everything that is wrong. A strategy may name only carriers that the file deposits money with: others would never win.
func (p *provisions) check() error {
	var faults []error
	var carriers []string
	for i, d := range p.Deposits {
		if d.Key == "" || d.Carrier == "" || d.Account == "" || d.Amount <= 0 || d.Shards <= 0 {
			faults = append(faults, fmt.Errorf("deposits[%d]: key, carrier, account, a positive amount_fen and a positive number of shards are needed", i))
		}
		carriers = append(carriers, d.Carrier)
	}
	for _, x := range p.Strategies {
		if err := x.Validate(carriers); err != nil {
			faults = append(faults, err)
		}
	}
	for i, x := range p.Shops {
		if err := operate.CheckShop(store.Shop(x), operate.Known{}); err != nil {
			faults = append(faults, fmt.Errorf("shops[%d]: %w", i, err))
		}
	}
	return errors.Join(faults...)
}

func (p *provisions) apply(ctx context.Context, db *store.Store, who store.Act) (provisioned, error) {
	var done provisioned
	if len(p.Shops) > 0 {
		shops := make([]store.Shop, len(p.Shops))
		for i, x := range p.Shops {
			shops[i] = store.Shop(x)
		}
		if _, err := db.ImportShops(ctx, who, "provision", shops, false); err != nil {
			return done, err
		}
		done.Shops = len(shops)
	}
	active, err := db.Strategies(ctx)
	if err != nil {
		return done, err
	}
	for _, x := range p.Strategies {
		if slices.ContainsFunc(active, func(a strategy.Strategy) bool { x.Version = a.Version; return reflect.DeepEqual(a, x) }) {
			continue
		}
		if _, err := db.SetStrategy(ctx, who, "provision", x, store.AnyVersion); err != nil {
			return done, err
		}
		done.Strategies++
	}
	for _, d := range p.Deposits {
		fresh, err := db.DepositBy(ctx, who, store.Payment{Key: d.Key, Carrier: d.Carrier, Account: d.Account, Amount: d.Amount, Shards: d.Shards, At: who.At})
		if err != nil {
			return done, fmt.Errorf("deposit %q: %w", d.Key, err)
		}
		if fresh {
			done.Deposits++
		}
	}
	return done, nil
}
