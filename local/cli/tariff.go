package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/tariff"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// tariffCmd looks at what platforms pay and changes it.
type tariffCmd struct {
	List    tariffList    `cmd:"" default:"1" help:"Every version of the tariffs: from when on, and which is in force."`
	Show    tariffShow    `cmd:"" help:"A version of the tariffs, as a file for set."`
	Set     tariffSet     `cmd:"" help:"Make a file (YAML or JSON) the next version, from an instant on."`
	Diff    tariffDiff    `cmd:"" help:"Compare two versions, or a version and a file."`
	Explain tariffExplain `cmd:"" help:"How an order's fee came about."`
	Price   tariffPrice   `cmd:"" help:"What an order would be billed; nothing is stored."`
}

// Help is the example.
func (tariffCmd) Help() string {
	return "The closest rate counts: platform and city, city, platform, all. An order keeps the fee of its acceptance.\n\n" +
		"Examples:\n  qianfan tariff show > tariff.yaml\n  qianfan tariff set tariff.yaml --from 2026-12-01\n  qianfan tariff price --platform jd --city 330100 --distance 4200 --weight 1500" + whereDatabase
}

type tariffList struct{}

// Help is the example.
func (tariffList) Help() string { return "Example:\n  qianfan tariff list" + whereDatabase }

// Run is the verb.
func (tariffList) Run(e *env) error { return tariffs.list(e) }

type tariffShow struct {
	Version string `arg:"" optional:"" default:"now" help:"Its number; 0 is the one that is built in; now by default."`
}

// Help is the example.
func (tariffShow) Help() string {
	return "Examples:\n  qianfan tariff show > tariff.yaml\n  qianfan tariff show 3" + whereDatabase
}

// Run is the verb.
func (c tariffShow) Run(e *env) error { return tariffs.show(e, c.Version) }

type tariffSet struct{ bookSet }

// Help is the example.
func (tariffSet) Help() string {
	return "Examples:\n  qianfan tariff set tariff.yaml --dry-run\n  qianfan tariff set tariff.yaml --from 2026-12-01 --by li --note 新合同" + afterSet + whereDatabase
}

// Run is the verb.
func (c tariffSet) Run(e *env) error { return c.set(e, tariffs) }

type tariffDiff struct {
	Before string `arg:"" help:"A version, now, or a file."`
	After  string `arg:"" help:"A version, now, or a file."`
}

// Help is the example.
func (tariffDiff) Help() string {
	return "Examples:\n  qianfan tariff diff 0 2\n  qianfan tariff diff now tariff.yaml" + whereDatabase
}

// Run is the verb.
func (c tariffDiff) Run(e *env) error { return tariffs.diff(e, c.Before, c.After) }

type tariffPrice struct {
	Platform string `required:"" help:"Who orders."`
	City     string `required:"" help:"The city's code, as 330100."`
	Distance int    `required:"" placeholder:"METRES" help:"As the crow flies."`
	Weight   int    `default:"1000" placeholder:"GRAMS" help:"Of the goods."`
	At       string `placeholder:"TIME" help:"When a rider is looked for, business time; now by default."`
	File     string `help:"By this file instead of the tariffs in force: needs no database."`
}

// Help is the example.
func (tariffPrice) Help() string {
	return "Examples:\n  qianfan tariff price --platform jd --city 330100 --distance 4200 --weight 1500 --at 2026-12-01T22:30:00+08:00\n  qianfan tariff price --platform jd --city 330100 --distance 4200 --file tariff.yaml" + whereDatabase
}

// Run is the verb.
func (c tariffPrice) Run(e *env) error {
	switch {
	case !slices.Contains(platforms.Names(), c.Platform):
		return usage("--platform %q: want one of %s", c.Platform, strings.Join(platforms.Names(), ", "))
	case len(c.City) != 6 || strings.Trim(c.City, "0123456789") != "":
		return usage("--city %q: want six digits, as 330100", c.City)
	case c.Distance < 0 || c.Weight < 0:
		return usage("--distance and --weight must not be negative")
	}
	var at time.Time
	if c.At != "" {
		var err error
		if at, err = instant(c.At); err != nil {
			return usage("--at %w", err)
		}
	}
	if c.File != "" {
		book, err := tariffs.file(c.File)
		if err != nil {
			return err
		}
		if at.IsZero() {
			at = clock.System.Now()
		}
		return c.price(e, book.(tariff.Book), at)
	}
	return e.with(func(o *office) error {
		if at.IsZero() {
			at = o.virtual
		}
		rows, err := o.RuleBookHistory(e.ctx, store.BookTariff)
		if err != nil {
			return err
		}
		book := tariffs.builtIn
		if row, ok := store.InForce(rows, store.BookTariff, at); ok {
			if book, err = tariffs.parse(row); err != nil {
				return err
			}
		}
		return c.price(e, book.(tariff.Book), at)
	})
}

func (c tariffPrice) price(e *env, book tariff.Book, at time.Time) error {
	p, err := book.Price(tariff.Case{Platform: c.Platform, City: c.City, DistanceM: c.Distance, WeightG: c.Weight, At: at})
	if err != nil {
		return err
	}
	return e.show(p, func() { printPrice(e, p) })
}

func printPrice(e *env, p tariff.Price) {
	e.say("%s in city %s, %d m, %d g, at %s: rate %q of version %d", p.Platform, p.City, p.DistanceM, p.WeightG, moment(p.At), p.Rate, p.Version)
	for _, l := range p.Lines {
		name := l.Name
		if l.Units > 0 {
			name += fmt.Sprintf(" (%d)", l.Units)
		}
		e.say("  %-20s %10s", name, yuan(l.Amount))
	}
	e.say("  %-20s %10s 元", "fee", yuan(p.Fee))
}

type tariffExplain struct {
	Order string `arg:"" help:"Our id, or the platform's number."`
	workplace
}

// Help is the example.
func (tariffExplain) Help() string {
	return "From what was kept with the order at its acceptance, whatever the tariffs are now.\n\nExample:\n  qianfan tariff explain 20123456789012345\n\nWith --database it is of a deployment."
}

// Run is the verb.
func (c tariffExplain) Run(e *env) error { return c.at(e, c.explain) }

var errNoPrice = errors.New("how its fee came about was not kept: the order was accepted by an older version, or its content is not fetched yet")

func (c tariffExplain) explain(e *env) error {
	v, err := readOrder(e, c.Order)
	if err != nil {
		return err
	}
	p := v.Why.Tariff
	if p.Rate == "" {
		return fmt.Errorf("order %d, %s 元: %w", v.Order.ID, yuan(v.Order.FeeFen), errNoPrice)
	}
	out := struct {
		OrderID int64     `json:"order_id,string"`
		FeeFen  money.Fen `json:"fee_fen"` // the order's
		tariff.Price
	}{v.Order.ID, v.Order.FeeFen, p}
	return e.show(out, func() { printPrice(e, p) })
}
