package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/operate"
	"github.com/chuandao/qianfan/shared/store"
)

// shopCmd registers shops and says how carriers serve them.
type shopCmd struct {
	Import  shopImport  `cmd:"" help:"Register and change shops from a CSV or JSON file."`
	List    shopList    `cmd:"" default:"1" help:"Shops by platform and code."`
	Show    shopShow    `cmd:"" help:"One shop, on every platform that has it."`
	Exclude shopExclude `cmd:"" help:"Carriers that shall not serve a shop."`
	Include shopInclude `cmd:"" help:"Carriers that may serve it again."`
	Map     shopMap     `cmd:"" help:"A shop's own number at a carrier (闪送 storeId, 蜂鸟 out_shop_code)."`
}

// Help is the example.
func (shopCmd) Help() string {
	return "Examples:\n  qianfan shop import shops.csv --dry-run\n  qianfan shop map qf-shop-0001 --carrier shansong --store 20000000000000001" + whereDatabase
}

type shopImport struct {
	File string `arg:"" help:"CSV or JSON; - reads the standard input."`
	signature
	DryRun  bool `help:"Check it and count what would change; write nothing."`
	SkipBad bool `help:"Take the good lines although there are bad ones."`
}

// Help is the example.
func (shopImport) Help() string {
	return `Examples:
  qianfan shop import shops.csv --dry-run
  qianfan shop import shops.csv --skip-bad --by li

Columns: platform, code, city (330100), city_name, name, phone, address, lng, lat (GCJ-02), and where wanted excluded (carriers, with ;) and
store:<carrier>. A column that is missing leaves what is there, an empty cell ends it. Importing again changes only what differs.` + whereDatabase
}

// imported is what an import did, or would do.
type imported struct {
	store.ShopChanges
	Bad      int              `json:"bad"`
	Mistakes operate.Mistakes `json:"mistakes,omitempty"`
	Written  bool             `json:"written"`
}

// Run is the verb.
func (c shopImport) Run(e *env) error {
	raw, err := readFile(c.File)
	if err != nil {
		return err
	}
	who, err := c.act()
	if err != nil {
		return err
	}
	file, err := operate.ReadShops(raw, known())
	if err != nil {
		return misread(c.File, err)
	}
	if file.Bad > 0 && !c.SkipBad && !c.DryRun {
		return fmt.Errorf("%w\n(--skip-bad takes the %d good ones)", misread(c.File, file.Mistakes), len(file.Shops))
	}
	return e.with(func(o *office) error {
		done := imported{Bad: file.Bad, Mistakes: file.Mistakes}
		if done.ShopChanges, err = o.ImportShops(e.ctx, who, "shop import", file.Shops, c.DryRun); err != nil {
			return err
		}
		done.Written = !c.DryRun && done.New+done.Changed > 0
		err := e.show(done, func() { done.print(e, c.DryRun) })
		if file.Bad > 0 && !c.SkipBad {
			return errors.Join(err, fmt.Errorf("%d shops cannot be imported as they are", file.Bad))
		}
		return err
	})
}

func (d imported) print(e *env, dry bool) {
	for _, m := range d.Mistakes {
		e.say("%s", m)
	}
	what := fmt.Sprintf("%d new, %d changed, %d unchanged, %d bad", d.New, d.Changed, d.Unchanged, d.Bad)
	switch {
	case dry:
		e.say("%s; nothing was written", what)
	case !d.Written:
		e.say("%s; nothing to change", what)
	default:
		e.say("%s", what)
	}
}

type shopList struct {
	Platform string `help:"Only of this one."`
	City     string `help:"Only in this one, by its code."`
	Limit    int    `default:"100" help:"How many, at most 10,000."`
}

// Help is the example.
func (shopList) Help() string {
	return "Example:\n  qianfan shop list --platform meituan --city 330100" + whereDatabase
}

// Run is the verb.
func (c shopList) Run(e *env) error {
	return listShops(e, store.ShopFilter{Platform: c.Platform, City: c.City, Limit: c.Limit}, "")
}

type shopShow struct {
	Code     string `arg:"" help:"The platform's."`
	Platform string `help:"Only of this one."`
}

// Help is the example.
func (shopShow) Help() string { return "Example:\n  qianfan shop show qf-shop-0001" + whereDatabase }

// Run is the verb.
func (c shopShow) Run(e *env) error {
	return listShops(e, store.ShopFilter{Platform: c.Platform, Code: c.Code}, c.Code)
}

func listShops(e *env, f store.ShopFilter, wanted string) error {
	return e.with(func(o *office) error {
		found, err := o.ListShops(e.ctx, f)
		if err != nil {
			return err
		}
		if len(found) == 0 && wanted != "" {
			return fmt.Errorf("%w: %q", store.ErrNoShop, wanted)
		}
		return e.show(map[string]any{"shops": operate.Shops(found)}, func() { e.shopTable(found) })
	})
}

func (e *env) shopTable(shops []store.Shop) {
	e.table([]string{"PLATFORM", "CODE", "CITY", "NAME", "ADDRESS", "LNG,LAT", "EXCLUDED", "STORES"}, rows(shops, func(x store.Shop) []string {
		var stores []string
		for _, c := range slices.Sorted(maps.Keys(x.Stores)) {
			stores = append(stores, c+"="+x.Stores[c])
		}
		return []string{x.Platform, x.Code, x.City + " " + x.CityName, x.Stop.Name, x.Stop.Address, fmt.Sprintf("%.6f,%.6f", x.Stop.Point.Lng, x.Stop.Point.Lat),
			strings.Join(x.Excluded, " "), strings.Join(stores, " ")}
	}))
}

// shopEdit is a change of one shop, on one platform or on every one that has it.
type shopEdit struct {
	Code     string `arg:"" help:"The platform's."`
	Platform string `help:"Only on this one; on all that have the code by default."`
	signature
	DryRun bool `help:"Only say which shops it would concern; write nothing."`
}

// edited is what a verb did with each shop.
type edited struct {
	Shops   []operate.ShopView `json:"shops"`
	Changed int                `json:"changed"`
	Written bool               `json:"written"`
}

func (c shopEdit) change(e *env, verb string, edit func(*store.Shop)) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		found, err := o.ListShops(e.ctx, store.ShopFilter{Platform: c.Platform, Code: c.Code})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("%w: %q; `qianfan shop list` names them", store.ErrNoShop, c.Code)
		}
		done := edited{Written: !c.DryRun}
		for i := range found {
			differs := false
			if c.DryRun {
				edit(&found[i])
			} else if found[i], differs, err = o.ChangeShop(e.ctx, who, verb, found[i].Key(), edit); err != nil {
				return err
			}
			if differs {
				done.Changed++
			}
		}
		done.Shops = operate.Shops(found)
		return e.show(done, func() {
			e.shopTable(found)
			switch {
			case c.DryRun:
				e.say("nothing was written")
			default:
				e.say("%d changed, live within five seconds", done.Changed)
			}
		})
	})
}

func checkCarriers(names []string) error {
	for _, c := range names {
		if !slices.Contains(carriers.Names(), c) {
			return usage("%q is no carrier; carriers are %s", c, strings.Join(carriers.Names(), ", "))
		}
	}
	return nil
}

type shopExclude struct {
	shopEdit
	Carrier []string `required:"" help:"Carriers, with commas."`
}

// Help is the example.
func (shopExclude) Help() string {
	return "Example:\n  qianfan shop exclude qf-shop-0001 --carrier uupt,sftc --by li" + whereDatabase
}

// Run is the verb.
func (c shopExclude) Run(e *env) error {
	if err := checkCarriers(c.Carrier); err != nil {
		return err
	}
	return c.change(e, "shop exclude", func(x *store.Shop) {
		x.Excluded = slices.Compact(slices.Sorted(slices.Values(slices.Concat(x.Excluded, c.Carrier))))
	})
}

type shopInclude struct {
	shopEdit
	Carrier []string `required:"" help:"Carriers, with commas."`
}

// Help is the example.
func (shopInclude) Help() string {
	return "Example:\n  qianfan shop include qf-shop-0001 --carrier uupt --platform meituan" + whereDatabase
}

// Run is the verb.
func (c shopInclude) Run(e *env) error {
	if err := checkCarriers(c.Carrier); err != nil {
		return err
	}
	return c.change(e, "shop include", func(x *store.Shop) {
		x.Excluded = slices.DeleteFunc(slices.Clone(x.Excluded), func(name string) bool { return slices.Contains(c.Carrier, name) })
	})
}

type shopMap struct {
	shopEdit
	Carrier string `required:"" help:"The carrier."`
	Store   string `required:"" help:"Its number there; an empty one ends the mapping."`
}

// Help is the example.
func (shopMap) Help() string {
	return "Example:\n  qianfan shop map qf-shop-0001 --carrier shansong --store 20000000000000001 --by li" + whereDatabase
}

// Run is the verb.
func (c shopMap) Run(e *env) error {
	if err := checkCarriers([]string{c.Carrier}); err != nil {
		return err
	}
	return c.change(e, "shop map", func(x *store.Shop) {
		stores := maps.Clone(x.Stores)
		if stores == nil {
			stores = map[string]string{}
		}
		stores[c.Carrier] = strings.TrimSpace(c.Store)
		maps.DeleteFunc(stores, func(_, number string) bool { return number == "" })
		x.Stores = stores
	})
}
