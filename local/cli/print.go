package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// show prints v as JSON when that is wanted, and otherwise what text makes of it.
func (e *env) show(v any, text func()) error {
	if !e.json {
		text()
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	e.say("%s", raw)
	return nil
}

func (e *env) say(format string, args ...any) { _, _ = fmt.Fprintf(e.out, format+"\n", args...) }

// table prints rows under a head, columns aligned; without rows it says so.
func (e *env) table(head []string, rows [][]string) {
	if len(rows) == 0 {
		e.say("none")
		return
	}
	w := tabwriter.NewWriter(e.out, 2, 4, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		_, _ = fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t "))
	}
	_ = w.Flush()
}

// section prints a named table, or nothing when it has no rows.
func (e *env) section(name string, head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	e.say("%s", name)
	e.table(head, rows)
	e.say("")
}

// rows are the lines of a table, one of each value.
func rows[T any](list []T, row func(T) []string) [][]string {
	all := make([][]string, 0, len(list))
	for _, v := range list {
		all = append(all, row(v))
	}
	return all
}

// shanghai is the time zone of the business.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// moment is a time for people, to the second.
func moment(t time.Time) string { return t.In(shanghai).Format("2006-01-02 15:04:05") }

// yuan is an amount for people.
func yuan(fen money.Fen) string { return fen.Yuan() }

// tell prints a line for people beside the output.
func (e *env) tell(format string, args ...any) { _, _ = fmt.Fprintf(e.errs, format+"\n", args...) }
