package operate

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/chuandao/qianfan/shared/store"
)

// ShopFile is what a file of shops says.
type ShopFile struct {
	Shops    []store.Shop // without those that have a mistake
	Mistakes Mistakes
	Bad      int // lines, or records, with a mistake
}

// shopCollector checks records one by one and finds those that come twice.
type shopCollector struct {
	known Known
	file  ShopFile
	seen  map[store.ShopKey]string
}

// take checks the record that stands at a line or path.
func (c *shopCollector) take(x shopRecord, line int, path string, more ...fieldMistake) {
	found := more
	for _, m := range x.check(c.known) {
		if !slices.ContainsFunc(more, func(o fieldMistake) bool { return o.field == m.field }) {
			found = append(found, m)
		}
	}
	where := path
	if path == "" {
		where = fmt.Sprintf("line %d", line)
	}
	key := store.ShopKey{Platform: x.Platform, Code: x.Code}
	if first, twice := c.seen[key]; twice && x.Code != "" {
		found = append(found, fieldMistake{"code", fmt.Sprintf("%q of %s is at %s already", x.Code, x.Platform, first)})
	} else {
		c.seen[key] = where
	}
	for _, m := range found {
		c.file.Mistakes = append(c.file.Mistakes, Mistake{line, strings.TrimPrefix(path+"."+m.field, "."), m.text})
	}
	if len(found) > 0 {
		c.file.Bad++
		return
	}
	c.file.Shops = append(c.file.Shops, x.shop())
}

// ReadShops reads a file of shops: JSON when it begins like JSON, CSV otherwise. An error is
// about the file as a whole; what is wrong with single shops is in the answer.
func ReadShops(raw []byte, known Known) (ShopFile, error) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if !utf8.Valid(raw) {
		return ShopFile{}, errors.New("the file is not UTF-8 (a spreadsheet's GBK?): save it as CSV UTF-8")
	}
	c := &shopCollector{known: known, seen: map[store.ShopKey]string{}}
	text := bytes.TrimSpace(raw)
	var err error
	switch {
	case len(text) == 0:
		return ShopFile{}, errors.New("the file is empty")
	case text[0] == '[' || text[0] == '{':
		err = c.json(raw, text[0] == '[')
	default:
		err = c.csv(raw)
	}
	if err == nil && len(c.file.Shops)+c.file.Bad == 0 {
		err = errors.New("the file holds no shop")
	}
	return c.file, err
}

// json takes a list of shops, or an object that holds it as it is shown: {"shops":[…]}.
func (c *shopCollector) json(raw []byte, listed bool) error {
	var shown struct {
		Shops []shopRecord `json:"shops"`
	}
	at, err := "shops", error(nil)
	if listed {
		at, err = "", read(raw, &shown.Shops)
	} else {
		err = read(raw, &shown)
	}
	if err != nil {
		return err
	}
	for i, x := range shown.Shops {
		c.take(x, 0, fmt.Sprintf("%s[%d]", at, i))
	}
	return nil
}

// columns that every CSV file has, and those that it may have besides store:<carrier>.
var (
	needed   = []string{"platform", "code", "city", "city_name", "name", "phone", "address", "lng", "lat"}
	optional = []string{"excluded"}
)

const storePrefix = "store:"

func (c *shopCollector) csv(raw []byte) error {
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	head, err := r.Read()
	if err != nil {
		return fmt.Errorf("read the first line: %w", err)
	}
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	if err := c.checkHead(head); err != nil {
		return err
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil { // quotes that do not match: what follows cannot be told apart
			return fmt.Errorf("read CSV: %w", err)
		}
		line, _ := r.FieldPos(0)
		c.row(head, row, line)
	}
}

// checkHead names every wrong column: no line could be understood.
func (c *shopCollector) checkHead(head []string) error {
	var all Mistakes
	bad := func(column, format string, args ...any) {
		all = append(all, Mistake{1, column, fmt.Sprintf(format, args...)})
	}
	for i, name := range head {
		carrier, isStore := strings.CutPrefix(name, storePrefix)
		switch {
		case slices.Contains(head[:i], name):
			bad(name, "is there twice")
		case isStore && c.known.Carriers != nil && !slices.Contains(c.known.Carriers, carrier):
			bad(name, "%q is none of %v", carrier, c.known.Carriers)
		case !isStore && !slices.Contains(needed, name) && !slices.Contains(optional, name):
			bad(name, "no such column; known are %s, %s, %s<carrier>", strings.Join(needed, ", "), strings.Join(optional, ", "), storePrefix)
		}
	}
	for _, name := range needed {
		if !slices.Contains(head, name) {
			bad(name, "the column is missing")
		}
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

func (c *shopCollector) row(head, row []string, line int) {
	var x shopRecord
	var more []fieldMistake
	if len(row) != len(head) {
		more = append(more, fieldMistake{"", fmt.Sprintf("has %d fields, the first line has %d", len(row), len(head))})
	}
	text := map[string]*string{"platform": &x.Platform, "code": &x.Code, "city": &x.City, "city_name": &x.CityName, "name": &x.Name, "phone": &x.Phone, "address": &x.Address}
	degrees := map[string]**float64{"lng": &x.Lng, "lat": &x.Lat}
	for i, name := range head {
		value := ""
		if i < len(row) {
			value = strings.TrimSpace(row[i])
		}
		carrier, isStore := strings.CutPrefix(name, storePrefix)
		switch {
		case text[name] != nil:
			*text[name] = value
		case degrees[name] != nil && value != "":
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				more = append(more, fieldMistake{name, fmt.Sprintf("%q is no number", value)})
			}
			*degrees[name] = &v
		case name == "excluded":
			x.Excluded = strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(";,| ；，", r) })
		case isStore:
			if x.Stores == nil {
				x.Stores = map[string]string{}
			}
			x.Stores[carrier] = value
		}
	}
	c.take(x, line, "", more...)
}
