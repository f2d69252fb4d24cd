package ledger

import "time"

// shanghai is the business's time zone; it has had no daylight saving since 1991.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

const periodLayout = "2006-01"

// Period is the accounting period of an instant: the month of its business date.
func Period(at time.Time) string { return at.In(shanghai).Format(periodLayout) }

// NextPeriod is the month after a period; of none it is none.
func NextPeriod(period string) string {
	_, end, err := Span(period)
	if err != nil {
		return ""
	}
	return Period(end)
}

// Span is a period's beginning and its end, which is the beginning of the next.
func Span(period string) (from, until time.Time, err error) {
	from, err = time.ParseInLocation(periodLayout, period, shanghai)
	return from, from.AddDate(0, 1, 0), err
}
