package sqlserver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
)

// Template is a data directory that is made once, kept in the user's cache, and copied for every server. The zero value
// is an empty one.
type Template struct {
	// Key names the content: everything that Prepare does must be determined by it, so hash migrations and seed rows
	// into it. Empty means no content.
	Key string
	// Database is created before Prepare, if named.
	Database string
	// Prepare fills the template. The DSN names Database. It runs in one process at a time, and only when the cache has
	// no template for this server version and Key.
	Prepare func(ctx context.Context, dsn string) error
}

// layout is raised when a change of this package makes templates of before unfit.
const layout = 2

// keepUnused is how long a template stays in the cache without being used.
const keepUnused = 14 * 24 * time.Hour

// path of the template in the cache: by server, options and content.
func (t Template) path(b Binary, cache string) string {
	hash := sha256.Sum256(fmt.Appendf(nil, "%d|%q|%q|%q|%q", layout, b.Path, common(b, ""), t.Database, t.Key))
	return filepath.Join(cache, fmt.Sprintf("template-%s-%s-%x", b.Flavor, b.Version, hash[:8]))
}

// ensure returns the template's directory in the cache, which it makes if it is not there.
func (t Template) ensure(ctx context.Context, b Binary, cache string, log func(string)) (string, error) {
	if (t.Key == "") != (t.Prepare == nil) {
		return "", errors.New("data directory template: want both Key and Prepare, or neither")
	}
	path := t.path(b, cache)
	if inUse(path) {
		return path, nil
	}
	unlock, err := lock(ctx, path+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if inUse(path) {
		return path, nil // somebody else has made it meanwhile
	}
	if err := t.build(ctx, b, cache, log); err != nil {
		return "", fmt.Errorf("make the data directory template: %w", err)
	}
	prune(cache)
	return path, nil
}

// inUse says whether the template is there, and notes that it is wanted.
func inUse(path string) bool {
	now := clock.System.Now()
	return os.Chtimes(path, now, now) == nil
}

// build makes the template away from the cache, for servers may be confined to where they run, and moves it there whole.
func (t Template) build(ctx context.Context, b Binary, cache string, log func(string)) error {
	home, err := newHome("")
	if err != nil {
		return err
	}
	defer home.remove()
	if t.Key == "" {
		err = initialise(ctx, b, home)
	} else {
		err = t.fill(ctx, b, cache, home, log)
	}
	if err != nil {
		return err
	}
	path := t.path(b, cache)
	partial := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := errors.Join(os.RemoveAll(partial), copyTree(partial, home.data(), true)); err != nil {
		_ = os.RemoveAll(partial)
		return err
	}
	return os.Rename(partial, path)
}

// fill runs Prepare on a server of its own, over a copy of the empty template.
func (t Template) fill(ctx context.Context, b Binary, cache string, home *home, log func(string)) error {
	empty, err := Template{}.ensure(ctx, b, cache, log)
	if err != nil {
		return err
	}
	s, err := home.serve(ctx, b, empty, Options{Durability: Relaxed, Log: log}, templateLogBytes)
	if err != nil {
		return err
	}
	if t.Database != "" {
		err = s.CreateDatabase(ctx, t.Database)
	}
	if err == nil {
		err = t.Prepare(ctx, s.DSN(t.Database))
	}
	if err != nil {
		err = fmt.Errorf("prepare template %q: %w", t.Key, err)
	}
	return errors.Join(err, s.stop(time.Minute)) // a template is only good if its server ended well
}

// prune removes templates that nobody has used for long, such as those of former migrations. It is only tidiness:
// what cannot be removed stays.
func prune(cache string) {
	before := clock.System.Now().Add(-keepUnused)
	entries, err := os.ReadDir(cache)
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && info.IsDir() && strings.HasPrefix(entry.Name(), "template-") && info.ModTime().Before(before) {
			_ = os.RemoveAll(filepath.Join(cache, entry.Name()))
		}
	}
}
