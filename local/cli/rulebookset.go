package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/operate"
	"github.com/chuandao/qianfan/shared/store"
)

// bookSet is what setting either kind of rule book takes.
type bookSet struct {
	File string `arg:"" help:"YAML or JSON; - reads the standard input."`
	signature
	From   string `placeholder:"TIME" help:"In force from then on, in business time: 2026-12-01T00:00:00+08:00, or 2026-12-01 00:00 in Shanghai; at once by default."`
	Note   string `help:"Why; it is kept."`
	Base   int    `default:"-1" placeholder:"VERSION" help:"The newest version that the file was made from (\"list\"): refused if there is another one by now."`
	DryRun bool   `help:"Check it and show what would change; write nothing."`
}

const afterSet = "\n\nEvery mistake is named with its path, unknown keys among them. A version in the file is ignored. What was decided before keeps its version; a version is never changed."

// bookedRules is what set did, or would do.
type bookedRules struct {
	Kind    string           `json:"kind"`
	Before  int              `json:"before"` // the version that would be in force at that instant
	Version int              `json:"version"`
	From    time.Time        `json:"from"`
	Changes []operate.Change `json:"changes"`
	Written bool             `json:"written"`
}

func (c bookSet) set(e *env, s shelf) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	book, err := s.file(c.File)
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		from, err := c.from(o.virtual)
		if err != nil {
			return err
		}
		all, err := o.RuleBookHistory(e.ctx, s.kind)
		if err != nil {
			return err
		}
		done := bookedRules{Kind: s.kind, From: from}
		before := s.builtIn
		if row, ok := store.InForce(all, s.kind, from); ok {
			done.Before = row.Version
			if before, err = s.parse(row); err != nil {
				return err
			}
		}
		if done.Changes, err = operate.DiffBooks(before, book); err != nil {
			return err
		}
		done.Version = done.Before
		if len(done.Changes) > 0 && !c.DryRun {
			body, err := json.Marshal(book)
			if err != nil {
				return fmt.Errorf("write the rules: %w", err)
			}
			saved, err := o.SetRuleBook(e.ctx, who, store.RuleBook{Kind: s.kind, Body: body, From: from, Note: c.Note}, c.Base)
			if err != nil {
				return err
			}
			done.Version, done.Written = saved.Version, true
		}
		return e.show(done, func() { done.print(e, c.DryRun) })
	})
}

// from is when the version begins. The past is decided already.
func (c bookSet) from(now time.Time) (time.Time, error) {
	if c.From == "" {
		return now, nil
	}
	at, err := instant(c.From)
	if err != nil {
		return at, usage("--from %w", err)
	}
	if at.Before(now) {
		return at, usage("--from %s: that is over, it is %s: what was decided keeps the rules that it was decided by", c.From, moment(now))
	}
	return at, nil
}

// instant reads a time as people write it.
func instant(text string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, shanghai); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: want a time such as 2026-12-01T00:00:00+08:00, or 2026-12-01 00:00 in Shanghai", text)
}

func (b bookedRules) print(e *env, dry bool) {
	printChanges(e, b.Changes)
	switch {
	case len(b.Changes) == 0:
		e.say("%s rules: nothing differs from version %d", b.Kind, b.Before)
	case dry:
		e.say("%s rules: valid; nothing was written", b.Kind)
	default:
		e.say("%s rules: version %d is in force from %s on, and known everywhere within five seconds", b.Kind, b.Version, moment(b.From))
	}
}
