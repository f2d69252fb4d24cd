package tariff

import (
	"errors"
	"fmt"
	"time"
)

// shanghai is the business's time zone; it has had no daylight saving since 1991.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// day is the kind of day of an instant.
func (b Book) day(at time.Time) string {
	local := at.In(shanghai)
	date := local.Format(time.DateOnly)
	if _, ok := b.Holidays[date]; ok {
		return Holidays
	}
	if _, worked := b.Workdays[date]; !worked && weekend(local) {
		return Weekends
	}
	return Workdays
}

func weekend(day time.Time) bool {
	return day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
}

// band is a part of the day in minutes since midnight; it spans midnight when it ends before it begins.
type band struct{ from, to int }

var errWindow = errors.New(`want two different times of day, as "22:00-06:00"`)

// parseBand reads "22:00-06:00".
func parseBand(text string) (band, error) {
	var h1, m1, h2, m2 int
	n, err := fmt.Sscanf(text, "%d:%d-%d:%d", &h1, &m1, &h2, &m2)
	w := band{h1*60 + m1, h2*60 + m2}
	if err != nil || n != 4 || text != fmt.Sprintf("%02d:%02d-%02d:%02d", h1, m1, h2, m2) || w.from == w.to || max(h1, h2) > 23 || max(m1, m2) > 59 || min(h1, m1, h2, m2) < 0 {
		return band{}, fmt.Errorf("%q: %w", text, errWindow)
	}
	return w, nil
}

// open reports whether an instant is in the surcharge's window. A window that cannot be read,
// which Validate refuses, is never open.
func (s Surcharge) open(at time.Time) bool {
	if s.Window == "" {
		return true
	}
	w, err := parseBand(s.Window)
	if err != nil {
		return false
	}
	local := at.In(shanghai)
	now := local.Hour()*60 + local.Minute()
	if w.from < w.to {
		return w.from <= now && now < w.to
	}
	return now >= w.from || now < w.to
}
