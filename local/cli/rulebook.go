package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/operate"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/tariff"
)

// shelf is what the verbs about a kind of rule book have in common.
type shelf struct {
	kind    string // store.BookPenalty, store.BookTariff
	builtIn any
	read    func(raw []byte) (any, error)         // what people wrote; the error is operate.Mistakes
	parse   func(r store.RuleBook) (any, error)   // what is stored
	count   func(book any) (n int, things string) // how much is in it
}

var penalties = shelf{
	kind: store.BookPenalty, builtIn: penalty.Default(),
	read:  func(raw []byte) (any, error) { return operate.ReadPenalties(raw, known()) },
	parse: func(r store.RuleBook) (any, error) { return live.ReadPenalty(r) },
	count: func(book any) (int, string) { return len(book.(penalty.Book).Rules), "rules" },
}

var tariffs = shelf{
	kind: store.BookTariff, builtIn: tariff.Default(),
	read:  func(raw []byte) (any, error) { return operate.ReadTariffs(raw, known()) },
	parse: func(r store.RuleBook) (any, error) { return live.ReadTariff(r) },
	count: func(book any) (int, string) { return len(book.(tariff.Book).Rates), "rates" },
}

// bookRow is a version as it is listed.
type bookRow struct {
	Version int       `json:"version"`
	From    time.Time `json:"from,omitzero"`
	InForce bool      `json:"in_force"` // now
	By      string    `json:"by"`
	At      time.Time `json:"at,omitzero"`
	Note    string    `json:"note"`
	Size    string    `json:"size"`
}

func (s shelf) list(e *env) error {
	return e.with(func(o *office) error {
		all, err := o.RuleBookHistory(e.ctx, s.kind)
		if err != nil {
			return err
		}
		now, _ := store.InForce(all, s.kind, o.virtual)
		out := make([]bookRow, 0, len(all)+1)
		for _, b := range all {
			book, err := s.parse(b)
			if err != nil {
				return err
			}
			out = append(out, bookRow{b.Version, b.From, b.Version == now.Version, b.By, b.At, b.Note, s.size(book)})
		}
		out = append(out, bookRow{InForce: now.Version == 0, By: "built in", Note: "before any other", Size: s.size(s.builtIn)})
		return e.show(map[string]any{"versions": out}, func() {
			e.table([]string{"VERSION", "FROM", "NOW", "HAS", "BY", "WRITTEN", "NOTE"}, rows(out, bookRow.columns))
		})
	})
}

func (s shelf) size(book any) string {
	n, things := s.count(book)
	return fmt.Sprintf("%d %s", n, things)
}

func (b bookRow) columns() []string {
	from, at, now := "the beginning", "", ""
	if b.Version > 0 {
		from, at = moment(b.From), moment(b.At)
	}
	if b.InForce {
		now = "yes"
	}
	return []string{strconv.Itoa(b.Version), from, now, b.Size, b.By, at, short(b.Note)}
}

// find reads a version by its number; "now" is the one in force, 0 the one that is built in.
func (s shelf) find(e *env, o *office, name string) (any, store.RuleBook, error) {
	all, err := o.RuleBookHistory(e.ctx, s.kind)
	if err != nil {
		return nil, store.RuleBook{}, err
	}
	row, found := store.InForce(all, s.kind, o.virtual)
	if name != "now" {
		version, err := strconv.Atoi(name)
		if err != nil {
			return nil, row, usage("%q: want the number of a version, or now", name)
		}
		row, found = store.RuleBook{}, false
		for _, b := range all {
			if b.Version == version {
				row, found = b, true
			}
		}
		if !found && version != 0 {
			return nil, row, fmt.Errorf("there is no version %d of the %s rules; `qianfan %s list` names them", version, s.kind, s.kind)
		}
	}
	if !found {
		return s.builtIn, store.RuleBook{Kind: s.kind}, nil
	}
	book, err := s.parse(row)
	return book, row, err
}

func (s shelf) show(e *env, name string) error {
	return e.with(func(o *office) error {
		book, row, err := s.find(e, o, name)
		if err != nil {
			return err
		}
		text, err := operate.WriteBook(book)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"version": row.Version, "from": row.From, "note": row.Note, "by": row.By, "book": book}, func() {
			e.say("# %s rules, version %d\n%s", s.kind, row.Version, strings.TrimSuffix(string(text), "\n"))
		})
	})
}

// either is a version by its number or "now", or a file.
func (s shelf) either(e *env, o *office, name string) (any, error) {
	if _, err := strconv.Atoi(name); err == nil || name == "now" {
		book, _, err := s.find(e, o, name)
		return book, err
	}
	return s.file(name)
}

func (s shelf) file(name string) (any, error) {
	raw, err := readFile(name)
	if err != nil {
		return nil, err
	}
	book, err := s.read(raw)
	if err != nil {
		return nil, misread(name, err)
	}
	return book, nil
}

func (s shelf) diff(e *env, before, after string) error {
	return e.with(func(o *office) error {
		b, err := s.either(e, o, before)
		if err != nil {
			return err
		}
		a, err := s.either(e, o, after)
		if err != nil {
			return err
		}
		changes, err := operate.DiffBooks(b, a)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"before": before, "after": after, "changes": changes}, func() {
			printChanges(e, changes)
			if len(changes) == 0 {
				e.say("nothing differs")
			}
		})
	})
}

func printChanges(e *env, changes []operate.Change) {
	for _, x := range changes {
		if x.Before != "" {
			e.say("- %s: %s", x.Path, x.Before)
		}
		if x.After != "" {
			e.say("+ %s: %s", x.Path, x.After)
		}
	}
}
