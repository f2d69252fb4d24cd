package bill

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/chuandao/qianfan/shared/strictjson"
)

// Mapping is the form of a carrier's bills, as people write it in JSON (docs/bills.md).
type Mapping struct {
	Name     string   `json:"name"`     // of the carrier: uupt
	Encoding Encoding `json:"encoding"` // what the file is written in
	Comma    string   `json:"comma"`    // between two fields: "," ";" "|" or a tab
	Columns  []Column `json:"columns"`  // all of them, in the file's order; their names are its header
	// Unit of the amounts.
	Unit Unit `json:"unit"`
	// Sign is what a minus before an amount means.
	Sign Sign `json:"sign"`
	// Thousands is what may stand between groups of three digits: "," or "" = nothing may.
	Thousands string `json:"thousands,omitempty"`
	// Time is a layout of Go's package time, read in Asia/Shanghai where it names no zone; or "unix", "unix_ms".
	Time string `json:"time"`
	// Kinds is what the carrier's words in the kind column mean; none in a wide form.
	Kinds map[string]Kind `json:"kinds,omitempty"`
	// Footer is the word in the label column that makes a row the last one.
	Footer string `json:"footer"`
}

// Column is one column of a form.
type Column struct {
	Name   string `json:"name"`             // as the header writes it
	Is     Field  `json:"is,omitempty"`     // what it holds; "" = nothing that we read
	Footer Part   `json:"footer,omitempty"` // what the footer row holds there; "" = nothing that we read
}

// Field is what a column holds: one of the fields below or, in a wide form with an amount
// column for each kind, a Kind.
type Field string

// Fields of a column.
const (
	IsCarrierNo Field = "carrier_no"
	IsClientNo  Field = "client_no"
	IsKind      Field = "kind"
	IsAmount    Field = "amount"
	IsAt        Field = "at"
)

// Part is what the footer row holds in a column.
type Part string

// Parts of the footer.
const (
	FooterLabel Part = "label" // the word of Mapping.Footer
	FooterRows  Part = "rows"  // the number of rows between header and footer
	FooterTotal Part = "total" // of an amount column: the net total; of a wide form's: the column's sum
)

// Encoding is what a file is written in.
type Encoding string

// Encodings. Auto is UTF-8 with or without a byte order mark, or GBK, by the file's own bytes.
const (
	UTF8 Encoding = "utf-8"
	GBK  Encoding = "gbk"
	Auto Encoding = "auto"
)

// Unit is what an amount counts.
type Unit string

// Units of amounts.
const (
	Yuan    Unit = "yuan" // at most two decimals that are not 0
	FenUnit Unit = "fen"  // whole numbers
)

// Sign is a form's convention about signs.
type Sign string

// Conventions about signs.
const (
	Unsigned      Sign = "none"           // amounts are positive, the kind alone tells the direction
	TakenNegative Sign = "taken_negative" // what was taken from us is negative, what was given positive
	GivenNegative Sign = "given_negative" // the other way round
)

// Wide tells whether the form has an amount column for each kind rather than a kind in each row.
func (m Mapping) Wide() bool {
	return slices.ContainsFunc(m.Columns, func(c Column) bool { return Kind(c.Is).Known() })
}

// Check names everything that is wrong with a mapping: joined errors "path: what".
func (m Mapping) Check() error {
	var all []error
	wrong := func(path, format string, args ...any) {
		all = append(all, fmt.Errorf(path+": "+format, args...))
	}
	if m.Name == "" {
		wrong("name", "missing")
	}
	if !slices.Contains([]Encoding{UTF8, GBK, Auto}, m.Encoding) {
		wrong("encoding", "%q: want utf-8, gbk or auto", m.Encoding)
	}
	if !slices.Contains([]string{",", ";", "|", "\t"}, m.Comma) {
		wrong("comma", `%q: want ",", ";", "|" or "\t"`, m.Comma)
	}
	if !slices.Contains([]Unit{Yuan, FenUnit}, m.Unit) {
		wrong("unit", "%q: want yuan or fen", m.Unit)
	}
	if !slices.Contains([]Sign{Unsigned, TakenNegative, GivenNegative}, m.Sign) {
		wrong("sign", "%q: want none, taken_negative or given_negative", m.Sign)
	}
	if m.Thousands != "" && m.Thousands != "," {
		wrong("thousands", `%q: want "," or nothing`, m.Thousands)
	}
	if !tellsDay(m.Time) {
		wrong("time", `%q: want unix, unix_ms, or a layout with year, month and day, such as "2006-01-02 15:04:05"`, m.Time)
	}
	if m.Footer == "" || strings.TrimSpace(m.Footer) != m.Footer {
		wrong("footer", "%q: want the word of the last row, such as 合计", m.Footer)
	}
	m.checkColumns(wrong)
	m.checkKinds(wrong)
	return errors.Join(all...)
}

// tellsDay tells whether a layout keeps the business day of an instant.
func tellsDay(layout string) bool {
	if layout == unixSeconds || layout == unixMillis {
		return true
	}
	at := time.Date(2026, 11, 23, 18, 9, 57, 0, zone)
	again, err := time.ParseInLocation(layout, at.Format(layout), zone)
	return err == nil && again.In(zone).Format(time.DateOnly) == at.Format(time.DateOnly)
}

type wrongFunc func(path, format string, args ...any)

// checkColumns looks at each column, then at what is missing or there twice.
func (m Mapping) checkColumns(wrong wrongFunc) {
	fields, parts, names := map[Field]int{}, map[Part]int{}, map[string]bool{}
	for i, c := range m.Columns {
		path := fmt.Sprintf("columns[%d]", i)
		if c.Name == "" || strings.TrimSpace(c.Name) != c.Name || strings.ContainsFunc(c.Name, unicode.IsControl) {
			wrong(path+".name", "%q: want the header's text", c.Name)
		} else if names[c.Name] {
			wrong(path+".name", "%q is there twice", c.Name)
		}
		amount := c.Is == IsAmount || Kind(c.Is).Known()
		if !amount && !slices.Contains([]Field{"", IsCarrierNo, IsClientNo, IsKind, IsAt}, c.Is) {
			wrong(path+".is", "%q: want carrier_no, client_no, kind, amount, at, or a kind: %s", c.Is, kindList)
		}
		if !slices.Contains([]Part{"", FooterLabel, FooterRows, FooterTotal}, c.Footer) {
			wrong(path+".footer", "%q: want label, rows or total", c.Footer)
		}
		if amount != (c.Footer == FooterTotal) {
			wrong(path+".footer", "every amount column, and no other, has a total")
		}
		names[c.Name] = true
		if c.Is != "" {
			fields[c.Is]++
		}
		parts[c.Footer]++
	}
	once := []Field{IsCarrierNo, IsAt}
	if !m.Wide() {
		once = append(once, IsKind, IsAmount)
	} else if fields[IsKind]+fields[IsAmount] > 0 {
		wrong("columns", "either a kind and an amount, or one column for each kind")
	}
	for _, f := range once {
		if fields[f] == 0 {
			wrong("columns", "none is %s", f)
		}
	}
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		if fields[f] > 1 {
			wrong("columns", "%d are %s", fields[f], f)
		}
	}
	for _, p := range []Part{FooterLabel, FooterRows} {
		if parts[p] != 1 {
			wrong("columns", "%d have the footer's %s: want one", parts[p], p)
		}
	}
}

// checkKinds looks at the carrier's words for kinds.
func (m Mapping) checkKinds(wrong wrongFunc) {
	if m.Wide() && len(m.Kinds) > 0 {
		wrong("kinds", "a form with an amount column for each kind has no words for kinds")
	}
	if !m.Wide() && len(m.Kinds) == 0 {
		wrong("kinds", "missing")
	}
	for _, word := range slices.Sorted(maps.Keys(m.Kinds)) {
		k := m.Kinds[word]
		if word == "" || strings.TrimSpace(word) != word {
			wrong("kinds", "%q: want the bill's word, without blanks around it", word)
		}
		if !k.Known() {
			wrong("kinds."+word, "%q: want one of %s", k, kindList)
		}
	}
}

const kindList = "fee, tip, penalty, refund, compensation"

// Parse reads a mapping as people write it and checks it. The error names every mistake.
func Parse(raw []byte) (Mapping, error) {
	var m Mapping
	if fault := strictjson.Check(raw); fault != nil {
		return m, fmt.Errorf("read bill mapping: %w", fault)
	}
	in := json.NewDecoder(bytes.NewReader(raw))
	in.DisallowUnknownFields()
	if err := in.Decode(&m); err != nil {
		return Mapping{}, fmt.Errorf("read bill mapping: %w", err)
	}
	if _, err := in.Token(); err != io.EOF {
		return Mapping{}, errors.New("read bill mapping: more behind its end")
	}
	if err := m.Check(); err != nil {
		return Mapping{}, fmt.Errorf("bill mapping %q: %w", m.Name, err)
	}
	return m, nil
}

//go:embed mappings/*.json
var mappings embed.FS

// Default is the mapping of a carrier that 千帆 comes with. The error says which there are.
func Default(carrier string) (Mapping, error) {
	if !slices.Contains(Defaults(), carrier) {
		return Mapping{}, fmt.Errorf("no bill mapping of carrier %q: there are %s; write one (docs/bills.md)", carrier, strings.Join(Defaults(), ", "))
	}
	raw, err := mappings.ReadFile("mappings/" + carrier + ".json")
	if err != nil {
		return Mapping{}, fmt.Errorf("bill mapping of %s: %w", carrier, err)
	}
	return Parse(raw)
}

// Defaults are the carriers that Default knows, sorted.
func Defaults() []string {
	files, err := mappings.ReadDir("mappings")
	if err != nil {
		return nil // the folder is embedded
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(f.Name(), ".json")
	}
	return names
}
