package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

// Shop is where a platform's orders are picked up.
type Shop struct {
	Platform string
	Code     string
	City     string // "330100"
	CityName string // "杭州市"
	Stop     order.Stop
	Excluded []string          // carriers that never serve it
	Stores   map[string]string // its number at carriers that want one, by carrier
}

// ErrNoShop says that a platform named a shop that nobody registered.
var ErrNoShop = errors.New("unknown shop")

// ShopKey names a shop.
type ShopKey struct{ Platform, Code string }

// Key is what names the shop.
func (x Shop) Key() ShopKey { return ShopKey{x.Platform, x.Code} }

var shopCols = []string{"platform", "code", "city", "city_name", "stop", "excluded", "stores"}

const shopSelect = "SELECT platform, code, city, city_name, stop, excluded, stores FROM shop "

// Shop finds a shop by the platform's code.
func (s *Store) Shop(ctx context.Context, platform, code string) (Shop, error) {
	found, err := s.Shops(ctx, []ShopKey{{platform, code}})
	if err != nil {
		return Shop{Platform: platform, Code: code}, err
	}
	if len(found) == 0 {
		return Shop{Platform: platform, Code: code}, fmt.Errorf("%w: %s %q", ErrNoShop, platform, code)
	}
	return found[0], nil
}

// Shops finds those of the shops that are registered.
func (s *Store) Shops(ctx context.Context, keys []ShopKey) ([]Shop, error) {
	return readShops(ctx, s.db, keys, "")
}

func readShops(ctx context.Context, db execer, keys []ShopKey, suffix string) ([]Shop, error) {
	var out []Shop
	for chunk := range slices.Chunk(keys, maxPlaceholders/2) {
		args := make([]any, 0, 2*len(chunk))
		for _, k := range chunk {
			args = append(args, k.Platform, k.Code)
		}
		rows, err := db.QueryContext(ctx, shopSelect+"WHERE (platform, code) IN "+pairs(len(chunk))+" ORDER BY platform, code"+suffix, args...)
		if err := scanShops(rows, err, &out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// MaxTouched bounds what ShopsTouched reads.
const MaxTouched = 5000

// ShopsTouched finds the shops that were written within the last span of system time, by the
// server's clock. MaxTouched of them are some of many: an import.
func (s *Store) ShopsTouched(ctx context.Context, within time.Duration) ([]Shop, error) {
	var out []Shop
	rows, err := s.db.QueryContext(ctx, shopSelect+"WHERE touched >= CURRENT_TIMESTAMP(3) - INTERVAL ? SECOND LIMIT ?", int64(within/time.Second)+1, MaxTouched)
	return out, scanShops(rows, err, &out)
}

// ShopFilter chooses shops to list; zero fields choose all.
type ShopFilter struct {
	Platform, City, Code string
	Limit                int     // 1 to 10,000; 0 = 100
	After                ShopKey // only shops after this one: the last of the page before
}

// ListShops lists shops by platform and code.
func (s *Store) ListShops(ctx context.Context, f ShopFilter) ([]Shop, error) {
	where, args := "WHERE (platform, code) > (?, ?)", []any{f.After.Platform, f.After.Code}
	for _, term := range []struct{ column, value string }{{"platform", f.Platform}, {"city", f.City}, {"code", f.Code}} {
		if term.value != "" {
			where, args = where+" AND "+term.column+" = ?", append(args, term.value)
		}
	}
	limit := f.Limit
	if limit <= 0 {
		limit = defaultPage
	}
	out := []Shop{}
	rows, err := s.db.QueryContext(ctx, shopSelect+where+" ORDER BY platform, code LIMIT ?", append(args, min(limit, maxPage))...)
	return out, scanShops(rows, err, &out)
}

func scanShops(rows *sql.Rows, err error, out *[]Shop) error {
	return each(rows, err, "shops", func(r *sql.Rows) error {
		var x Shop
		var stop, excluded, stores []byte
		if err := r.Scan(&x.Platform, &x.Code, &x.City, &x.CityName, &stop, &excluded, &stores); err != nil {
			return err
		}
		for _, column := range []struct {
			raw  []byte
			into any
		}{{stop, &x.Stop}, {excluded, &x.Excluded}, {stores, &x.Stores}} {
			if len(column.raw) == 0 {
				continue
			}
			if err := json.Unmarshal(column.raw, column.into); err != nil {
				return fmt.Errorf("shop %s %q: %w", x.Platform, x.Code, err)
			}
		}
		*out = append(*out, x)
		return nil
	})
}

// row is a shop as its columns; without exclusions or stores they are null.
func (x Shop) row() ([]any, error) {
	stop, err := json.Marshal(x.Stop)
	if err != nil {
		return nil, fmt.Errorf("shop %s: %w", x.Code, err)
	}
	var excluded, stores any
	if len(x.Excluded) > 0 {
		raw, err := json.Marshal(x.Excluded)
		if err != nil {
			return nil, fmt.Errorf("shop %s: %w", x.Code, err)
		}
		excluded = string(raw)
	}
	if len(x.Stores) > 0 {
		raw, err := json.Marshal(x.Stores)
		if err != nil {
			return nil, fmt.Errorf("shop %s: %w", x.Code, err)
		}
		stores = string(raw)
	}
	return []any{x.Platform, x.Code, x.City, x.CityName, string(stop), excluded, stores}, nil
}

func writeShops(ctx context.Context, db execer, shops []Shop) error {
	rows := make([][]any, len(shops))
	for i, x := range shops {
		var err error
		if rows[i], err = x.row(); err != nil {
			return err
		}
	}
	return insert{table: "shop", cols: shopCols, update: shopCols[2:]}.exec(ctx, db, rows)
}

// SaveShops registers shops, or changes them, as they are given: what is set up before there
// are orders. People use ImportShops.
func (s *Store) SaveShops(ctx context.Context, shops []Shop) error {
	return writeShops(ctx, s.db, shops)
}

// ShopChanges counts what an import did, or would do.
type ShopChanges struct {
	New       int `json:"new"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
}

// ImportShops registers shops and changes those that differ, all or none. Nil exclusions and
// carriers without a store leave what is there; empty ones end it. A dry run only counts.
func (s *Store) ImportShops(ctx context.Context, who Act, verb string, shops []Shop, dry bool) (ShopChanges, error) {
	var out ShopChanges
	shops = byKey(shops)
	keys := make([]ShopKey, len(shops))
	for i, x := range shops {
		keys[i] = x.Key()
	}
	err := s.tx(ctx, verb, func(tx *sql.Tx) error {
		out = ShopChanges{}
		had, err := readShops(ctx, tx, keys, " FOR UPDATE")
		if err != nil {
			return err
		}
		known := map[ShopKey]Shop{}
		for _, x := range had {
			known[x.Key()] = x
		}
		var write []Shop
		var lines []auditLine
		for _, x := range shops {
			before, there := known[x.Key()]
			x = x.onto(before)
			switch {
			case !there:
				out.New++
				lines = append(lines, auditLine{verb, x.subject(), nil, x.public()})
			case before.same(x):
				out.Unchanged++
				continue
			default:
				out.Changed++
				lines = append(lines, auditLine{verb, x.subject(), before.public(), x.public()})
			}
			write = append(write, x)
		}
		if dry || len(write) == 0 {
			return nil
		}
		return inOrder(func() error { return writeShops(ctx, tx, write) }, func() error { return auditAll(ctx, tx, who, lines) })
	})
	return out, err
}

// ChangeShop changes what is there of one shop: its exclusions and stores. False = nothing
// differs then.
func (s *Store) ChangeShop(ctx context.Context, who Act, verb string, key ShopKey, change func(*Shop)) (Shop, bool, error) {
	var out Shop
	changed := false
	err := s.tx(ctx, verb, func(tx *sql.Tx) error {
		had, err := readShops(ctx, tx, []ShopKey{key}, " FOR UPDATE")
		if err != nil {
			return err
		}
		if len(had) == 0 {
			return fmt.Errorf("%w: %s %q", ErrNoShop, key.Platform, key.Code)
		}
		out = had[0]
		out.Excluded, out.Stores = slices.Clone(out.Excluded), maps.Clone(out.Stores)
		change(&out)
		if changed = !had[0].same(out); !changed {
			return nil
		}
		return inOrder(func() error { return writeShops(ctx, tx, []Shop{out}) },
			func() error { return audit(ctx, tx, who, verb, out.subject(), had[0].public(), out.public()) })
	})
	return out, changed && err == nil, err
}

// byKey is each shop once, the last one of a key, in the order of locks.
func byKey(shops []Shop) []Shop {
	last := map[ShopKey]Shop{}
	for _, x := range shops {
		last[x.Key()] = x
	}
	return slices.SortedFunc(maps.Values(last), func(a, b Shop) int {
		return cmp.Or(cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Code, b.Code))
	})
}

// onto takes from before what x leaves open. A carrier with an empty number has none any more.
func (x Shop) onto(before Shop) Shop {
	if x.Excluded == nil {
		x.Excluded = before.Excluded
	}
	stores := map[string]string{}
	maps.Copy(stores, before.Stores)
	maps.Copy(stores, x.Stores)
	maps.DeleteFunc(stores, func(_, number string) bool { return number == "" })
	x.Stores = stores
	return x
}

func (x Shop) same(y Shop) bool {
	return x.City == y.City && x.CityName == y.CityName && reflect.DeepEqual(x.Stop, y.Stop) && slices.Equal(x.Excluded, y.Excluded) && maps.Equal(x.Stores, y.Stores)
}

func (x Shop) subject() string { return x.Platform + "/" + x.Code }

// public is a shop for the audit. Of its phone only the end is kept: small shops give a person's.
func (x Shop) public() map[string]any {
	return map[string]any{"city": x.City, "city_name": x.CityName, "name": x.Stop.Name, "phone": "…" + lastRunes(x.Stop.Phone, 4), "address": x.Stop.Address,
		"lng": x.Stop.Point.Lng, "lat": x.Stop.Point.Lat, "excluded": x.Excluded, "stores": x.Stores}
}

// lastRunes is the end of text, n characters at most.
func lastRunes(text string, n int) string {
	r := []rune(text)
	return string(r[max(0, len(r)-n):])
}
