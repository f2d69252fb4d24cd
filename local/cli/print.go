package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

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

// table prints rows under a head, columns aligned.
func (e *env) table(head []string, rows [][]string) {
	w := tabwriter.NewWriter(e.out, 2, 4, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		_, _ = fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t "))
	}
	_ = w.Flush()
}

// yuan is an amount for people.
func yuan(fen money.Fen) string { return fen.Yuan() }
