package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chuandao/qianfan/local/emulator"
)

// Select loads files and keeps those that have all tags. The error joins the mistakes of
// all files.
func Select(files, tags []string) ([]*Scenario, error) {
	var all []*Scenario
	var errs []error
	for _, file := range files {
		s, err := Load(file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if s.tagged(tags) {
			all = append(all, s)
		}
	}
	return all, errors.Join(errs...)
}

// tagged reports whether the scenario has all tags. The parts of its row are tags, too.
func (s *Scenario) tagged(tags []string) bool {
	own := append(strings.Split(s.Row, "/"), s.Tags...)
	for _, t := range tags {
		if !slices.Contains(own, t) && t != s.Row {
			return false
		}
	}
	return true
}

// Player plays one scenario: Play, or a stand-in.
type Player func(context.Context, *Scenario, Options) Result

// All plays scenarios, so many side by side, and calls done with each result as it comes.
// It builds the functions first, unless told not to. When ctx ends, what has not begun is
// left out.
func All(ctx context.Context, play Player, list []*Scenario, parallel int, o Options, done func(Result)) error {
	if !o.NoBuild {
		root := o.Root
		if root == "" {
			root = "."
		}
		if err := emulator.Build(ctx, root); err != nil {
			return fmt.Errorf("build the functions: %w", err)
		}
		o.NoBuild = true
	}
	next := make(chan *Scenario)
	var work sync.WaitGroup
	var telling sync.Mutex
	for range max(1, parallel) {
		work.Go(func() {
			for s := range next {
				r := play(ctx, s, o)
				if ctx.Err() != nil {
					continue // it was cut short: that says nothing
				}
				telling.Lock()
				done(r)
				telling.Unlock()
			}
		})
	}
	for _, s := range list {
		select {
		case next <- s:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	work.Wait()
	return ctx.Err()
}
