package bill

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/chuandao/qianfan/shared/money"
)

const (
	unixSeconds = "unix"
	unixMillis  = "unix_ms"
	maxNumber   = 64 // bytes of a waybill's number, as every table has them
)

// plan is a mapping made ready for reading: where each field stands.
type plan struct {
	Mapping
	comma           byte
	carrier, client int
	kind, at        int
	label, rows     int
	amounts         []amountColumn
}

// amountColumn is a column of amounts: of the kind that the row says, or of its own.
type amountColumn struct {
	column int
	kind   Kind // "" = the row says
}

// newPlan takes a checked mapping.
func newPlan(m Mapping) *plan {
	p := &plan{Mapping: m, comma: m.Comma[0], client: -1, kind: -1}
	for i, c := range m.Columns {
		switch c.Is {
		case IsCarrierNo:
			p.carrier = i
		case IsClientNo:
			p.client = i
		case IsKind:
			p.kind = i
		case IsAt:
			p.at = i
		case IsAmount:
			p.amounts = append(p.amounts, amountColumn{column: i})
		case "":
		default:
			p.amounts = append(p.amounts, amountColumn{column: i, kind: Kind(c.Is)})
		}
		switch c.Footer {
		case FooterLabel:
			p.label = i
		case FooterRows:
			p.rows = i
		}
	}
	return p
}

// fault is what is wrong with a field; its zero value is nothing.
type fault struct {
	reason Reason
	detail string
}

// number reads a number of a waybill or an attempt. Spreadsheets put blanks around long numbers to
// keep them whole, which is why those are taken off, or else round them.
func number(field string) (string, fault) {
	no := strings.Trim(field, " \t")
	switch {
	case len(no) > maxNumber:
		return "", fault{ReasonOversize, fmt.Sprintf("a number of %d bytes", len(no))}
	case strings.ContainsFunc(no, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return "", fault{ReasonNumber, strconv.Quote(no)}
	case rounded(no):
		return "", fault{ReasonNumber, no + " was rounded by a spreadsheet: fetch the file again and import it unopened"}
	}
	return no, fault{}
}

// rounded tells whether a number is written as 1.23457E+17.
func rounded(no string) bool {
	digits, exponent, ok := strings.Cut(no, "E+")
	if !ok || digits == "" || exponent == "" {
		return false
	}
	return strings.Trim(digits, "0123456789.") == "" && strings.Trim(exponent, "0123456789") == ""
}

// or is the first of two faults that is one.
func (f fault) or(g fault) fault {
	if f.reason != "" {
		return f
	}
	return g
}

// amount reads what a field holds, with its sign.
func (p *plan) amount(field string) (money.Fen, fault) {
	text := strings.Trim(field, " \t")
	if p.Thousands != "" && strings.Contains(text, p.Thousands) {
		var ok bool
		if text, ok = ungroup(text, p.Thousands); !ok {
			return 0, fault{ReasonAmount, strconv.Quote(field)}
		}
	}
	if positive, ok := strings.CutPrefix(text, "+"); ok && p.Sign != Unsigned && !strings.HasPrefix(positive, "-") {
		text = positive
	}
	parse := money.ParseYuan
	if p.Unit == FenUnit {
		parse = money.ParseFen
	}
	v, err := parse(text)
	switch {
	case errors.Is(err, money.ErrFraction):
		return 0, fault{ReasonFraction, strconv.Quote(field) + " is finer than one 分"}
	case err != nil:
		return 0, fault{ReasonAmount, strconv.Quote(field)}
	}
	return v, fault{}
}

// ungroup takes the marks between groups of three digits out, where they stand right.
func ungroup(text, mark string) (string, bool) {
	whole, decimals, dotted := strings.Cut(text, ".")
	groups := strings.Split(whole, mark)
	for i, g := range groups {
		if i == 0 {
			g = strings.TrimLeft(g, "+-")
		}
		if len(g) > 3 || len(g) == 0 || (i > 0 && len(g) < 3) {
			return "", false
		}
	}
	whole = strings.Join(groups, "")
	if dotted {
		whole += "." + decimals
	}
	return whole, true
}

// sign says whether an amount may be written like that for a kind.
func (p *plan) sign(v money.Fen, k Kind) fault {
	switch {
	case v == 0:
		return fault{ReasonZero, "an amount of 0"}
	case p.Sign == Unsigned && v < 0:
		return fault{ReasonNegative, v.Yuan() + " 元"}
	case p.Sign != Unsigned && p.minus(k) != (v < 0):
		return fault{ReasonSign, fmt.Sprintf("%s 元 for a %s", v.Yuan(), k)}
	}
	return fault{}
}

// minus tells whether amounts of a kind are written with a minus.
func (p *plan) minus(k Kind) bool {
	return (p.Sign == TakenNegative && k.Taken()) || (p.Sign == GivenNegative && k.Given())
}

// net is what the footer's total of a column says: taken less given.
func (p *plan) net(c amountColumn, total money.Fen) money.Fen {
	switch {
	case p.Sign == TakenNegative:
		return -total
	case p.Sign == GivenNegative || c.kind == "":
		return total
	}
	return c.kind.Net(total)
}

// instant reads a time.
func (p *plan) instant(field string) (time.Time, fault) {
	at, err := p.parseTime(strings.Trim(field, " \t"))
	if err != nil {
		return time.Time{}, fault{ReasonTime, strconv.Quote(field)}
	}
	return at.UTC(), fault{}
}

func (p *plan) parseTime(text string) (time.Time, error) {
	if p.Time != unixSeconds && p.Time != unixMillis {
		return time.ParseInLocation(p.Time, text, zone)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if p.Time == unixSeconds {
		return time.Unix(n, 0), err
	}
	return time.UnixMilli(n), err
}
