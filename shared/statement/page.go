package statement

import (
	"cmp"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// Printed is how many lines the page itself lists at most; a longer statement has its days
// on the page and its lines in the CSV file.
const Printed = 2000

// PageSecurity is the Content-Security-Policy of a page: its own style and nothing else.
var PageSecurity = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; frame-ancestors 'none'"
}()

var pageTemplate = template.Must(template.New("statement").Funcs(template.FuncMap{
	"yuan": grouped, "day": Day, "moment": func(t time.Time) string { return t.In(shanghai).Format(time.DateTime) },
	"clock":   func(t time.Time) string { return t.In(shanghai).Format(time.TimeOnly) },
	"chinese": func(k Kind) string { c, _ := k.Title(); return c }, "english": func(k Kind) string { _, e := k.Title(); return e },
	"cause": Cause, "state": func(s State) string { return stateWords[s] },
}).Parse(pageText))

var stateWords = map[State]string{Issued: "未付款 issued", PartPaid: "部分付款 part paid", Paid: "已结清 paid", Credit: "应退还 credit"}

// platformNames are what platforms call themselves; another one goes by its code.
var platformNames = map[string]string{"jd": "京东", "meituan": "美团", "taobao": "淘宝闪购"}

// WritePage writes a statement as a page to be printed on A4: what is owed, a row per business
// day, and the lines of each day when there are at most Printed. It fails when the lines are not
// what the statement says.
func WritePage(w io.Writer, s Statement, lines Source) error {
	sums := NewSummary(s)
	var listed []Line
	err := lines(func(l Line) error {
		sums.Add(l)
		if s.Lines <= Printed && len(listed) <= Printed {
			listed = append(listed, l)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	if err := agree(s, sums.Total); err != nil {
		return err
	}
	view := page{Statement: s, Style: template.CSS(pageStyle),
		Party: cmp.Or(platformNames[s.Platform], s.Platform), Last: s.Until.Add(-time.Millisecond), Kinds: Kinds, Sums: sums, Days: sums.Days(), ByDay: byDay(listed)}
	if err := pageTemplate.Execute(w, view); err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	return nil
}

// page is what the template shows.
type page struct {
	Statement
	Style template.CSS
	Party string
	Last  time.Time // within the last day
	Kinds []Kind
	Sums  *Summary
	Days  []DaySum
	ByDay []dayLines // empty = the CSV file has the lines
}

// dayLines are the lines of a business day in the order of their events.
type dayLines struct {
	Day   string
	Lines []Line
	Sum   money.Fen
}

func byDay(lines []Line) []dayLines {
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.EntryID, b.EntryID)) })
	var out []dayLines
	for _, l := range lines {
		if name := Day(l.At); len(out) == 0 || out[len(out)-1].Day != name {
			out = append(out, dayLines{Day: name})
		}
		day := &out[len(out)-1]
		day.Lines = append(day.Lines, l)
		day.Sum += l.Amount
	}
	return out
}

// grouped is an amount in 元 with its thousands apart.
func grouped(f money.Fen) string {
	whole, frac, _ := strings.Cut(f.Yuan(), ".")
	sign, digits := "", whole
	if rest, negative := strings.CutPrefix(whole, "-"); negative {
		sign, digits = "-", rest
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String() + "." + frac
}
