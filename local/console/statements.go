package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/statement"
	"github.com/chuandao/qianfan/shared/store"
)

// statementStore is what the console asks of the database about statements.
type statementStore interface {
	Statements(ctx context.Context, platform string, limit int) ([]statement.Statement, error)
	Statement(ctx context.Context, id int64) (statement.Statement, error)
	StatementSteps(ctx context.Context, id int64) ([]statement.Step, error)
	StatementLines(ctx context.Context, st statement.Statement, each func(statement.Line) error) error
	Items(ctx context.Context, f store.ItemFilter) ([]store.Item, error)
}

// statements lists statements to platforms, the newest first: ?platform=jd&limit=20.
func (s *server) statements(r *http.Request) (any, error) {
	limit, err := number(r, "limit", 100, 1, 10_000)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.Statements(r.Context(), r.URL.Query().Get("platform"), int(limit))
	if list == nil {
		list = []statement.Statement{}
	}
	return map[string]any{"statements": list}, err
}

// oneStatement is a statement with what became of it; with .csv or .html behind its id, the
// file of its lines or the page to be printed.
func (s *server) oneStatement(r *http.Request) (any, error) {
	name, form, _ := strings.Cut(r.PathValue("id"), ".")
	id, err := strconv.ParseInt(name, 10, 64)
	write, known := statementForms[form]
	if err != nil || !known {
		return nil, bad(http.StatusNotFound, "GET /api/statements lists them; an id may be followed by .csv or .html", "no such statement: %s", r.PathValue("id"))
	}
	st, err := s.Store.Statement(r.Context(), id)
	if errors.Is(err, store.ErrNoStatement) {
		return nil, bad(http.StatusNotFound, "GET /api/statements lists them", "there is no statement %d", id)
	}
	if err != nil {
		return nil, err
	}
	if form == "" {
		return s.statementStory(r.Context(), st)
	}
	lines := func(each func(statement.Line) error) error { return s.Store.StatementLines(r.Context(), st, each) }
	return write(st, lines), nil
}

func (s *server) statementStory(ctx context.Context, st statement.Statement) (any, error) {
	steps, err := s.Store.StatementSteps(ctx, st.ID)
	if err != nil {
		return nil, err
	}
	items, err := s.Store.Items(ctx, store.ItemFilter{Source: "statement", SourceID: st.ID, Limit: 1000})
	if err != nil {
		return nil, err
	}
	if steps == nil {
		steps = []statement.Step{}
	}
	if items == nil {
		items = []store.Item{}
	}
	return map[string]any{"statement": st, "steps": steps, "items": items}, nil
}

// statementForms are the forms of a statement by the end of its name; "" is JSON.
var statementForms = map[string]func(statement.Statement, statement.Source) stream{
	"": nil,
	"csv": func(st statement.Statement, lines statement.Source) stream {
		return stream{name: st.Number() + ".csv", contentType: "text/csv; charset=utf-8", write: func(w io.Writer) error { return statement.WriteCSV(w, st, lines) }}
	},
	"html": func(st statement.Statement, lines statement.Source) stream {
		return stream{contentType: "text/html; charset=utf-8", security: statement.PageSecurity, write: func(w io.Writer) error { return statement.WritePage(w, st, lines) }}
	},
}

// stream is a value that is written as it is read. An error after the first byte cuts the
// answer off, so that nobody takes it for whole.
type stream struct {
	name        string // of the file to be saved; empty = to be shown
	contentType string
	security    string // its own Content-Security-Policy; empty = the console's
	write       func(io.Writer) error
}

func (s stream) serve(answer http.ResponseWriter) {
	w := &late{answer: answer, begin: s.head}
	err := s.write(w)
	switch {
	case err == nil:
		w.once()
	case !w.begun:
		fail(answer, err)
	default:
		panic(http.ErrAbortHandler)
	}
}

func (s stream) head(h http.Header) {
	h.Set("Content-Type", s.contentType)
	h.Set("Cache-Control", "no-store")
	if s.name != "" {
		h.Set("Content-Disposition", attachment(s.name))
	}
	if s.security != "" {
		h.Set("Content-Security-Policy", s.security)
	}
}

// late sends the head with the first byte.
type late struct {
	answer http.ResponseWriter
	begin  func(http.Header)
	begun  bool
}

func (l *late) once() {
	if !l.begun {
		l.begun = true
		l.begin(l.answer.Header())
	}
}

// Write sends.
func (l *late) Write(p []byte) (int, error) {
	l.once()
	return l.answer.Write(p)
}
