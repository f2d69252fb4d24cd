package console

import (
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/statement"
	"github.com/chuandao/qianfan/shared/store"
)

// The fake store has one statement of 美团 with two lines.
func (s *fakeStore) Statements(_ context.Context, platform string, limit int) ([]statement.Statement, error) {
	if platform != "" && platform != "meituan" {
		return nil, s.err
	}
	return []statement.Statement{theStatement()}[:min(limit, 1)], s.err
}

func (s *fakeStore) Statement(_ context.Context, id int64) (statement.Statement, error) {
	st := theStatement()
	if id == 9 { // whose lines are not what it says
		st.ID, st.Lines = 9, 3
		return st, s.err
	}
	if id != st.ID {
		return st, store.ErrNoStatement
	}
	return st, s.err
}

func (s *fakeStore) StatementSteps(context.Context, int64) ([]statement.Step, error) {
	return nil, s.err
}

func (s *fakeStore) StatementLines(_ context.Context, _ statement.Statement, each func(statement.Line) error) error {
	return errors.Join(s.err,
		each(statement.Line{EntryID: 1, OrderID: 7, OrderNo: "mt-7", Kind: statement.Delivery, Amount: 1200, Reason: "income", At: start}),
		each(statement.Line{EntryID: 3, OrderID: 8, OrderNo: "mt-8", Kind: statement.Penalty, Amount: 300, Reason: "penalty_in", At: start}))
}

func (s *fakeStore) Items(context.Context, store.ItemFilter) ([]store.Item, error) { return nil, s.err }

func theStatement() statement.Statement {
	from := start.Truncate(24 * time.Hour).Add(-8 * time.Hour)
	return statement.Statement{ID: 7, Platform: "meituan", Seq: 1, Revision: 1, From: from, Until: from.AddDate(0, 0, 1), Entries: 2, Lines: 2, Total: 1500, Paid: 500, State: statement.PartPaid,
		Earned: statement.Amounts{Delivery: 1200, Penalty: 300}, By: "li", At: start}
}

func TestStatementsAreListed(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	_, body := r.do(t, http.MethodGet, "/api/statements?platform=meituan", "")
	for _, want := range []string{`"number":"meituan-0001"`, `"total_fen":1500`, `"open_fen":1000`, `"state":"part_paid"`} {
		require.Contains(t, body, want)
	}
	require.Equal(t, []any{}, r.get(t, "/api/statements?platform=jd")["statements"])
	one := r.get(t, "/api/statements/7")
	require.Equal(t, []any{}, one["steps"])
	require.Equal(t, []any{}, one["items"])
	require.Contains(t, one, "statement")
	for _, path := range []string{"/api/statements/8", "/api/statements/x", "/api/statements/7.pdf", "/api/statements/8.csv", "/api/statements/.csv"} {
		r.refuses(t, http.StatusNotFound, http.MethodGet, path, "")
	}
	r.refuses(t, http.StatusBadRequest, http.MethodGet, "/api/statements?limit=0", "")
	r.refuses(t, http.StatusMethodNotAllowed, http.MethodPost, "/api/statements/7", "")
}

func TestStatementFiles(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	get := func(path string) *httptest.ResponseRecorder {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		request.Host = "127.0.0.1:9010"
		answer := httptest.NewRecorder()
		r.handler.ServeHTTP(answer, request)
		require.Equal(t, http.StatusOK, answer.Code)
		return answer
	}
	file := get("/api/statements/7.csv")
	require.Equal(t, "attachment; filename=meituan-0001.csv", file.Header().Get("Content-Disposition"))
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.Body.String(), "\uFEFF"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 4)
	page := get("/api/statements/7.html")
	require.Contains(t, page.Header().Get("Content-Type"), "text/html")
	require.Equal(t, statement.PageSecurity, page.Header().Get("Content-Security-Policy"), "its style is let in, nothing else")
	require.Contains(t, page.Body.String(), money.Fen(1500).Yuan())
}

// A file that does not agree with its statement is not handed out.
func TestStatementThatDoesNotAgree(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, path := range []string{"/api/statements/9.csv", "/api/statements/9.html"} {
		what, _ := r.refuses(t, http.StatusInternalServerError, http.MethodGet, path, "")
		require.Contains(t, what, "statement check")
	}
	r.store.err = errors.New("away")
	for _, path := range []string{"/api/statements", "/api/statements/7", "/api/statements/7.csv"} {
		r.refuses(t, http.StatusInternalServerError, http.MethodGet, path, "")
	}
}

// What breaks off in the middle is cut off, so that nobody takes it for whole.
func TestStreamIsCutOff(t *testing.T) {
	t.Parallel()
	broken := stream{contentType: "text/csv", write: statementForms["csv"](theStatement(), func(each func(statement.Line) error) error {
		for range 10_000 {
			if err := each(statement.Line{OrderNo: "mt-7", Kind: statement.Delivery, At: start}); err != nil {
				return err
			}
		}
		return errors.New("connection lost")
	}).write}
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { broken.serve(httptest.NewRecorder()) })
}
