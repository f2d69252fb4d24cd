// Package bill reads the daily bills of carriers: one file for each prepaid account and business
// day, in the carrier's own form, made into lines of one form for all (docs/bills.md).
//
// A form is data (Mapping), a file is a stream (Reader): memory is bounded by one line however
// long the file is. A line that cannot be read is a LineError and reading goes on, so that it can
// be disputed by its number; a file that cannot be trusted as a whole is a FileError and nothing of
// it may be booked. What a line means for the books, and whether it is there twice or not at all, is
// not decided here.
package bill

import (
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Kind is what a line of a bill is about.
type Kind string

// Kinds of lines. A fee, a tip and a penalty were taken from us, a refund and a compensation given to us.
const (
	Fee          Kind = "fee"          // 配送费
	Tip          Kind = "tip"          // 小费
	Penalty      Kind = "penalty"      // 违约金
	Refund       Kind = "refund"       // 退款: a charge given back
	Compensation Kind = "compensation" // 赔付: the carrier pays us
)

// Kinds are all kinds, in the order of the documentation.
var Kinds = []Kind{Fee, Tip, Penalty, Refund, Compensation}

// Known tells whether k is one of Kinds.
func (k Kind) Known() bool { return k.Taken() || k.Given() }

// Taken tells whether the carrier took the money from us.
func (k Kind) Taken() bool { return k == Fee || k == Tip || k == Penalty }

// Given tells whether the carrier gave us the money.
func (k Kind) Given() bool { return k == Refund || k == Compensation }

// Net is what an amount of this kind adds to a bill's net total: taken less given.
func (k Kind) Net(amount money.Fen) money.Fen {
	if k.Given() {
		return -amount
	}
	return amount
}

// Line is one amount of a bill. Its texts share the memory of Raw.
type Line struct {
	No        int       // number of the row in the file, 1 = the first, which is the header
	CarrierNo string    // the carrier's number of the waybill, 1 to 64 bytes
	ClientNo  string    // our number of the attempt, at most 64 bytes; "" where the bill does not say it
	Kind      Kind      // what it is about
	Amount    money.Fen // always > 0; Kind tells the direction
	At        time.Time // when the money was taken or given, UTC
	Raw       string    // the row as it came, in UTF-8 without its line end, cut at 512 bytes
}

// Reason says in one word why a line or a file was refused. The words are stable: they are
// stored and counted.
type Reason string

// Reasons of a LineError.
const (
	ReasonColumns  Reason = "columns"  // fewer or more columns than the header has
	ReasonQuote    Reason = "quote"    // a quotation mark that does not open or close a field
	ReasonOversize Reason = "oversize" // a row over 4 KiB, or a number over 64 bytes
	ReasonNumber   Reason = "number"   // no waybill number, or one that cannot be one
	ReasonKind     Reason = "kind"     // a kind of fee that the mapping does not know
	ReasonAmount   Reason = "amount"   // not an amount, or beyond any
	ReasonFraction Reason = "fraction" // finer than one 分
	ReasonNegative Reason = "negative" // less than nothing, where a bill writes no signs
	ReasonSign     Reason = "sign"     // a sign that contradicts the kind, where a bill writes signs
	ReasonZero     Reason = "zero"     // nothing
	ReasonTime     Reason = "time"     // not a time
	ReasonDate     Reason = "date"     // the time of another business day
)

// Reasons of a FileError.
const (
	ReasonEmpty     Reason = "empty"     // no row at all
	ReasonEncoding  Reason = "encoding"  // another encoding, or bytes that are no text
	ReasonHeader    Reason = "header"    // other columns than the mapping's
	ReasonTruncated Reason = "truncated" // ends before or within its footer
	ReasonFooter    Reason = "footer"    // a footer that cannot be read, or has more behind it
	ReasonCount     Reason = "count"     // other than the footer's number of rows
	ReasonTotal     Reason = "total"     // other than the footer's total
	ReasonDay       Reason = "day"       // the bill of another business day
)

// LineError is a line that cannot be taken as it stands. It is to be disputed, and reading
// goes on behind it.
type LineError struct {
	Line          // No, Raw, and what could be read of the rest
	Reason Reason // why
	Detail string // the text at fault, for people
}

// Error writes the line's number, the reason and the text at fault.
func (e *LineError) Error() string {
	return fmt.Sprintf("bill: line %d: %s: %s", e.No, e.Reason, e.Detail)
}

// FileError is a file of which nothing may be booked.
type FileError struct {
	Reason Reason
	No     int    // the row where it showed, 0 = none in particular
	Detail string // what is wrong and what to do about it, for people
}

// Error writes the reason, the row and what to do.
func (e *FileError) Error() string {
	if e.No == 0 {
		return fmt.Sprintf("bill: file refused: %s: %s", e.Reason, e.Detail)
	}
	return fmt.Sprintf("bill: file refused: %s at line %d: %s", e.Reason, e.No, e.Detail)
}

// zone is where business days begin and end: Asia/Shanghai, which has had no summer time since 1991.
var zone = time.FixedZone("Asia/Shanghai", 8*60*60)
