package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = ".."

// fuzzTargets is the section whose rows are about a package each.
const fuzzTargets = "Fuzz targets"

// row is one line of a table of the coverage page.
type row struct {
	section string
	scope   []string // packages in which its files and tests are looked for
	head    []string // the table's head
	cells   []string
}

func (r row) cell(name string) string {
	if i := slices.Index(r.head, name); i >= 0 && i < len(r.cells) {
		return r.cells[i]
	}
	return ""
}

var (
	ticked   = regexp.MustCompile("`([^`]+)`")
	testName = regexp.MustCompile(`^(Test|Fuzz)[A-Z]\w*(/.+)?$`)
	fileName = regexp.MustCompile(`^[\w./*-]+\.(go|yaml|md|json)$`)
)

// quoted are the texts between backticks.
func quoted(text string) []string {
	var all []string
	for _, m := range ticked.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// coverage reads the tables of the page.
func coverage(t *testing.T) (rows []row, page string) {
	t.Helper()
	raw, err := os.ReadFile("coverage.md")
	require.NoError(t, err)
	var at row
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			at = row{section: strings.TrimLeft(line, "# ")}
		case strings.HasPrefix(line, "Packages: "):
			at.scope = quoted(line)
		case !strings.HasPrefix(line, "|"):
			at.head = nil
		case strings.HasPrefix(line, "|---"):
		case at.head == nil:
			at.head = cells(line)
		default:
			at.cells = cells(line)
			if at.section == fuzzTargets {
				at.scope = quoted(at.cells[0])
			}
			rows = append(rows, at)
		}
	}
	return rows, string(raw)
}

func cells(line string) []string {
	list := strings.Split(strings.Trim(line, "|"), "|")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// source is the text of all files of a package that fit a pattern, "" where there is none.
func source(t *testing.T, pkg, pattern string) string {
	t.Helper()
	place := filepath.Join(root, pkg, pattern)
	if text, ok := sources.Load(place); ok {
		return text.(string)
	}
	files, err := filepath.Glob(place)
	require.NoError(t, err)
	var all strings.Builder
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(raw)
	}
	sources.Store(place, all.String())
	return all.String()
}

// sources are the texts that were read before, by their place.
var sources sync.Map

// Every package, file and test that the page names is there.
func TestCoverageNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	rows, _ := coverage(t)
	require.Greater(t, len(rows), 200)
	var f faults
	for _, r := range rows {
		for _, pkg := range r.scope {
			require.DirExists(t, filepath.Join(root, pkg), r.section)
		}
		for _, name := range quoted(strings.Join(r.cells[1:], " ")) {
			switch {
			case testName.MatchString(name):
				f.unless(isTest(t, r.scope, name), r, "there is no test %s", name)
			case fileName.MatchString(name):
				f.unless(isFile(t, r.scope, name), r, "there is no file %s", name)
			}
		}
	}
	require.Empty(t, f)
}

// faults are all that is wrong with the page, so that one run shows them together.
type faults []string

func (f *faults) unless(good bool, r row, format string, args ...any) {
	if !good {
		*f = append(*f, fmt.Sprintf("%s, row %q: ", r.section, r.cells[0])+fmt.Sprintf(format, args...))
	}
}

// isTest tells whether one of the packages has the test and all of them together the names
// of its subtests.
func isTest(t *testing.T, scope []string, name string) bool {
	t.Helper()
	parts := strings.Split(name, "/")
	there, all := false, ""
	for _, pkg := range scope {
		tests := source(t, pkg, "*_test.go")
		there = there || strings.Contains(tests, "func "+parts[0]+"(")
		all += tests
		if strings.HasSuffix(pkg, "test") {
			all += source(t, pkg, "*.go") // a contract suite is no _test file
		}
	}
	for _, sub := range parts[1:] {
		there = there && strings.Contains(all, `"`+sub+`"`)
	}
	return there
}

// isFile tells whether the file lies in one of the packages or, with a folder in its name,
// below the root.
func isFile(t *testing.T, scope []string, name string) bool {
	t.Helper()
	places := []string{filepath.Join(root, name)}
	if !strings.Contains(name, "/") {
		places = nil
		for _, pkg := range scope {
			places = append(places, filepath.Join(root, pkg, name))
		}
	}
	for _, place := range places {
		if found, err := filepath.Glob(place); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

// What is called done stands in the file that is named for it, and what is not done says why.
func TestCoverageIsTrue(t *testing.T) {
	t.Parallel()
	rows, _ := coverage(t)
	done := 0
	var f faults
	for _, r := range rows {
		if !slices.Contains(r.head, "adapter") {
			continue
		}
		if r.cell("adapter") == "—" {
			f.unless(r.cell("remark") != "" || r.cell("tested by") != "", r, "neither why nor what")
		} else {
			f.unless(r.cell("tested by") != "", r, "done, and no test shows it")
			done++
		}
		for _, side := range []string{"adapter", "simulator"} {
			r.stands(t, side, &f)
		}
	}
	require.Greater(t, done, 100)
	require.Empty(t, f)
}

// stands looks for the words of the first cell in the files of one side. A word such as 20/1
// may stand there in parts.
func (r row) stands(t *testing.T, side string, f *faults) {
	t.Helper()
	files := quoted(r.cell(side))
	if len(files) == 0 {
		f.unless(r.cell(side) == "—", r, "no file of the %s, and — does not say so", side)
		return
	}
	text := ""
	for _, pkg := range r.scope {
		if strings.HasPrefix(pkg, "local/sim/") != (side == "simulator") {
			continue
		}
		for _, file := range files {
			text += source(t, pkg, file)
		}
	}
	f.unless(text != "", r, "no file %v of the %s", files, side)
	for _, word := range quoted(r.cells[0]) {
		parts := strings.Split(word, "/")
		missing := func(part string) bool { return !strings.Contains(text, part) }
		f.unless(strings.Contains(text, word) || !slices.ContainsFunc(parts, missing), r, "%v of the %s know nothing of %s", files, side, word)
	}
}

var endpoint = regexp.MustCompile(`(?m)^\t"([A-Za-z0-9/.]+)": +\{`)

// Every call that a simulator answers has a row.
func TestCoverageHasEveryCall(t *testing.T) {
	t.Parallel()
	_, page := coverage(t)
	handlers, err := filepath.Glob(filepath.Join(root, "local/sim/*/sign.go"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(handlers), 7)
	for _, handler := range handlers {
		pkg, err := filepath.Rel(root, filepath.Dir(handler))
		require.NoError(t, err)
		calls := 0
		for _, file := range []string{"handler.go", "call.go", "report.go", "api.go"} {
			for _, m := range endpoint.FindAllStringSubmatch(source(t, pkg, file), -1) {
				require.True(t, strings.Contains(page, "`"+m[1]+"`"), "%s answers %s, which has no row", pkg, m[1])
				calls++
			}
		}
		require.GreaterOrEqual(t, calls, 5, pkg)
	}
}

// Every vector of the table has a row.
func TestCoverageHasEveryVector(t *testing.T) {
	t.Parallel()
	rows, _ := coverage(t)
	listed := map[string]bool{}
	for _, r := range rows {
		if r.section == "Signature vectors" {
			listed[r.cells[0]] = true
		}
	}
	for _, v := range append(carrierVectors(), platformVectors()...) {
		require.True(t, listed[v.name], "vector %s has no row", v.name)
		delete(listed, v.name)
	}
	require.Empty(t, listed)
}

// Every scenario proves a row.
func TestCoverageHasEveryScenario(t *testing.T) {
	t.Parallel()
	rows, _ := coverage(t)
	named := map[string]bool{}
	for _, r := range rows {
		for _, pattern := range quoted(strings.Join(r.cells, " ")) {
			found, err := filepath.Glob(filepath.Join(root, pattern))
			if err != nil || !strings.HasPrefix(pattern, "local/scenarios/") {
				continue
			}
			for _, file := range found {
				named[file] = true
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(root, "local/scenarios/*/*.yaml"))
	require.NoError(t, err)
	require.Greater(t, len(files), 100)
	var without []string
	for _, file := range files {
		if !named[file] {
			without = append(without, file)
		}
	}
	require.Empty(t, without, "scenarios without a row of docs/coverage.md")
}

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// Every fuzz target has a row, and every row a target.
func TestCoverageHasEveryFuzzTarget(t *testing.T) {
	t.Parallel()
	rows, _ := coverage(t)
	listed := map[string]bool{}
	for _, r := range rows {
		if r.section == fuzzTargets {
			for _, name := range quoted(r.cells[1]) {
				listed[strings.Trim(r.cells[0], "`")+"."+name] = true
			}
		}
	}
	for _, top := range []string{"client", "functions", "local", "shared"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, top), func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			pkg, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			raw, err := os.ReadFile(path)
			for _, m := range fuzzTarget.FindAllStringSubmatch(string(raw), -1) {
				name := filepath.ToSlash(pkg) + "." + m[1]
				require.True(t, listed[name], "%s has no row", name)
				delete(listed, name)
			}
			return err
		}))
	}
	require.Empty(t, listed, "rows without a target")
}
