package tariff

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Beyond these a value is a slip of the pen.
const (
	maxFen   = money.Fen(10_000_00)
	maxUnits = 1000
	maxRates = 1000
)

type check struct{ errs []error }

func (c *check) want(ok bool, path, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
	}
}

// day checks a date of the calendar and its name.
func (c *check) day(path, date, name string) (at time.Time, ok bool) {
	at, err := time.Parse(time.DateOnly, date)
	ok = err == nil && at.Format(time.DateOnly) == date
	c.want(ok, path, "want a date, as 2026-10-01")
	c.want(name != "", path, "has no name")
	return at, ok
}

// Validate refuses a book that cannot price every order above nothing, or not without doubt,
// and names the path of each mistake. known are the platforms there are.
func (b Book) Validate(known []string) error {
	c := &check{}
	c.want(len(b.Rates) > 0, "rates", "is empty")
	c.want(len(b.Rates) <= maxRates, "rates", "%d are more than %d", len(b.Rates), maxRates)
	for date, name := range b.Holidays {
		c.day("holidays."+date, date, name)
	}
	for date, name := range b.Workdays {
		at, known := c.day("workdays."+date, date, name)
		c.want(b.Holidays[date] == "", "workdays."+date, "is a holiday, too")
		c.want(!known || weekend(at), "workdays."+date, "is a %s, and worked anyway", at.Weekday())
	}
	for i, r := range b.Rates {
		at := fmt.Sprintf("rates[%d]", i)
		r.check(c, at, known)
		for j, other := range b.Rates[:i] {
			c.want(r.Name == "" || r.Name != other.Name, at+".name", "%q is that of rates[%d], too", r.Name, j)
			if platform, city, both := r.meets(other); both {
				c.want(false, at, "platform %s in city %s is matched as closely by rates[%d]: which of them counts?", platform, city, j)
			}
		}
	}
	for _, p := range known {
		_, err := b.Price(Case{Platform: p}) // no rate can name a city without a code
		c.want(err == nil, "rates", "there is none for platform %s in a city that is not named: its orders would be refused", p)
	}
	return errors.Join(c.errs...)
}

// meets finds a platform and city that two rates match equally closely.
func (r Rate) meets(o Rate) (platform, city string, ok bool) {
	if (len(r.Platform) == 0) != (len(o.Platform) == 0) || (len(r.City) == 0) != (len(o.City) == 0) {
		return "", "", false
	}
	platform, one := common(r.Platform, o.Platform)
	city, two := common(r.City, o.City)
	return platform, city, one && two
}

func common(a, b []string) (string, bool) {
	if len(a) == 0 {
		return "*", true
	}
	i := slices.IndexFunc(a, func(x string) bool { return slices.Contains(b, x) })
	if i < 0 {
		return "", false
	}
	return a[i], true
}

func (r Rate) check(c *check, at string, known []string) {
	c.want(r.Name != "", at+".name", "is empty")
	for i, p := range r.Platform {
		c.want(slices.Contains(known, p), fmt.Sprintf("%s.platform[%d]", at, i), "%q is none of %s", p, strings.Join(known, ", "))
		c.want(!slices.Contains(r.Platform[:i], p), fmt.Sprintf("%s.platform[%d]", at, i), "%q is listed twice", p)
	}
	for i, code := range r.City {
		c.want(len(code) == 6 && strings.Trim(code, "0123456789") == "", fmt.Sprintf("%s.city[%d]", at, i), "%q is no six digits, as 330100", code)
		c.want(!slices.Contains(r.City[:i], code), fmt.Sprintf("%s.city[%d]", at, i), "%q is listed twice", code)
	}
	c.want(r.Start > 0 && r.Start <= maxFen, at+".start_fen", "%d: want 1 to %d: no order is carried for nothing", r.Start, maxFen)
	c.want(r.Max >= 0 && r.Max <= maxFen, at+".max_fen", "%d: want 0 to %d", r.Max, maxFen)
	c.want(r.Max == 0 || r.Max >= r.Start, at+".max_fen", "%d is less than start_fen %d", r.Max, r.Start)
	units(c, at, "km", r.Km, "start_km", r.StartKm)
	units(c, at, "kg", r.Kg, "free_kg", r.FreeKg)
	for i, s := range r.Surcharges {
		s.check(c, fmt.Sprintf("%s.surcharges[%d]", at, i))
	}
}

// units checks steps: they ascend, and begin where what is free ends.
func units(c *check, at, name string, steps []Step, freeName string, free int) {
	c.want(free >= 0 && free <= maxUnits, at+"."+freeName, "%d: want 0 to %d", free, maxUnits)
	for i, s := range steps {
		path := fmt.Sprintf("%s.%s[%d]", at, name, i)
		c.want(s.From >= 0 && s.From <= maxUnits, path+".from", "%d: want 0 to %d", s.From, maxUnits)
		c.want(i == 0 || s.From > steps[i-1].From, path+".from", "%d is not above the step before", s.From)
		c.want(s.Fen >= 0 && s.Fen <= maxFen, path+".fen", "%d: want 0 to %d", s.Fen, maxFen)
		c.want(i+1 == len(steps) || steps[i+1].From > free, path, "is never reached: %s is %d", freeName, free)
	}
	if len(steps) > 0 {
		first := slices.MinFunc(steps, func(a, b Step) int { return cmp.Compare(a.From, b.From) })
		c.want(first.From <= free, at+"."+name, "nothing is said of what is above %s %d and below %d", freeName, free, first.From)
	}
}

func (s Surcharge) check(c *check, at string) {
	c.want(s.Name != "", at+".name", "is empty")
	if s.Window != "" {
		_, err := parseBand(s.Window)
		c.want(err == nil, at+".window", "%v", err)
	}
	c.want(s.Days == "" || slices.Contains(Days, s.Days), at+".days", "%q is none of %s", s.Days, strings.Join(Days, ", "))
	c.want(s.Fixed >= 0 && s.Fixed <= maxFen, at+".fixed_fen", "%d: want 0 to %d", s.Fixed, maxFen)
	c.want(s.Percent >= 0 && s.Percent <= 1000, at+".percent", "%d: want 0 to 1000", s.Percent)
	c.want(s.Fixed > 0 || s.Percent > 0, at, "adds nothing")
}
