package template

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Schedule is a timer trigger's schedule: "@every 1m", or "[CRON_TZ=Zone ]sec min hour day-of-month month day-of-week" with *, ?,
// lists, ranges and steps. Without a zone it is UTC.
type Schedule struct {
	text  string
	every time.Duration
	zone  *time.Location
	// one set of allowed values per field
	second, minute, hour, day, month, weekday set
	anyDay, anyWeekday                        bool
}

type set uint64

func (s set) has(n int) bool { return s&(1<<n) != 0 }

// ParseSchedule reads a schedule's text.
func ParseSchedule(text string) (Schedule, error) {
	s := Schedule{text: text, zone: time.UTC}
	if rest, ok := strings.CutPrefix(text, "@every "); ok {
		every, err := time.ParseDuration(strings.TrimSpace(rest))
		if err != nil || every < time.Minute || every%time.Minute != 0 {
			return Schedule{}, fmt.Errorf("schedule %q: @every takes whole minutes, such as 1m", text)
		}
		s.every = every
		return s, nil
	}
	fields := strings.Fields(text)
	if len(fields) > 0 {
		if name, ok := strings.CutPrefix(fields[0], "CRON_TZ="); ok {
			zone, err := time.LoadLocation(name)
			if err != nil {
				return Schedule{}, fmt.Errorf("schedule %q: %w", text, err)
			}
			s.zone, fields = zone, fields[1:]
		}
	}
	if len(fields) != 6 {
		return Schedule{}, fmt.Errorf("schedule %q: neither @every nor six fields (second minute hour day month weekday)", text)
	}
	parts := []struct {
		into     *set
		from, to int
	}{{&s.second, 0, 59}, {&s.minute, 0, 59}, {&s.hour, 0, 23}, {&s.day, 1, 31}, {&s.month, 1, 12}, {&s.weekday, 0, 7}}
	for i, p := range parts {
		values, err := parseField(fields[i], p.from, p.to)
		if err != nil {
			return Schedule{}, fmt.Errorf("schedule %q: field %d: %w", text, i+1, err)
		}
		*p.into = values
	}
	if s.weekday.has(7) {
		s.weekday |= 1 // 7 is Sunday too
	}
	s.anyDay, s.anyWeekday = wild(fields[3]), wild(fields[5])
	if s.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, s.zone)).IsZero() {
		return Schedule{}, fmt.Errorf("schedule %q: never comes", text)
	}
	return s, nil
}

func wild(field string) bool { return field == "*" || field == "?" }

func parseField(field string, from, to int) (set, error) {
	var values set
	for part := range strings.SplitSeq(field, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			n, err := strconv.Atoi(stepText)
			if err != nil || n < 1 {
				return 0, fmt.Errorf("%q has no step", part)
			}
			step = n
		}
		low, high, err := parseSpan(span, from, to, stepped)
		if err != nil {
			return 0, err
		}
		for n := low; n <= high; n += step {
			values |= 1 << n
		}
	}
	return values, nil
}

func parseSpan(span string, from, to int, stepped bool) (low, high int, err error) {
	if wild(span) {
		return from, to, nil
	}
	first, last, ranged := strings.Cut(span, "-")
	if low, err = strconv.Atoi(first); err != nil {
		return 0, 0, fmt.Errorf("%q is not a number", span)
	}
	high = low
	switch {
	case ranged:
		if high, err = strconv.Atoi(last); err != nil {
			return 0, 0, fmt.Errorf("%q is not a range", span)
		}
	case stepped:
		high = to
	}
	if low < from || high > to || low > high {
		return 0, 0, fmt.Errorf("%q is not from %d to %d", span, from, to)
	}
	return low, high, nil
}

// String is the schedule's text.
func (s Schedule) String() string { return s.text }

// Next is the first instant after the given one, in UTC. Schedules of the form @every count from after.
func (s Schedule) Next(after time.Time) time.Time {
	if s.every > 0 {
		return after.Add(s.every).UTC()
	}
	t := after.In(s.zone).Truncate(time.Second).Add(time.Second)
	limit := t.AddDate(8, 0, 0) // 29 February comes at least every eight years
	for t.Before(limit) {
		switch {
		case !s.month.has(int(t.Month())) || !s.onDay(t):
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, s.zone)
		case !s.hour.has(t.Hour()):
			t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), 0, 0, 0, s.zone).Add(time.Hour)
		case !s.minute.has(t.Minute()):
			t = t.Truncate(time.Minute).Add(time.Minute)
		case !s.second.has(t.Second()):
			t = t.Add(time.Second)
		default:
			return t.UTC()
		}
	}
	return time.Time{}
}

// onDay follows cron: when both day fields are restricted, either may match.
func (s Schedule) onDay(t time.Time) bool {
	day, weekday := s.day.has(t.Day()), s.weekday.has(int(t.Weekday()))
	if s.anyDay || s.anyWeekday {
		return day && weekday
	}
	return day || weekday
}
