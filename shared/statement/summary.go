package statement

import (
	"maps"
	"slices"

	"github.com/chuandao/qianfan/shared/money"
)

// Part is a number of lines and their sum.
type Part struct {
	Lines int       `json:"lines"`
	Sum   money.Fen `json:"fen"`
}

func (p *Part) add(amount money.Fen) {
	p.Lines++
	p.Sum += amount
}

// DaySum is what one business day has on a statement.
type DaySum struct {
	Day   string        `json:"day"`  // 2026-11-23
	Late  bool          `json:"late"` // before the statement's first day: posted after the statement before
	Kinds map[Kind]Part `json:"kinds"`
	Total Part          `json:"total"`
}

// Summary adds up the lines of a statement. Its size is that of the number of days.
type Summary struct {
	first string
	days  map[string]*DaySum
	Kinds map[Kind]Part
	Total Part
}

// NewSummary begins the sums of a statement.
func NewSummary(s Statement) *Summary {
	return &Summary{first: Day(s.From), days: map[string]*DaySum{}, Kinds: map[Kind]Part{}}
}

// Add takes a line.
func (s *Summary) Add(l Line) {
	name := Day(l.At)
	day := s.days[name]
	if day == nil {
		day = &DaySum{Day: name, Late: name < s.first, Kinds: map[Kind]Part{}}
		s.days[name] = day
	}
	for _, kinds := range []map[Kind]Part{day.Kinds, s.Kinds} {
		part := kinds[l.Kind]
		part.add(l.Amount)
		kinds[l.Kind] = part
	}
	day.Total.add(l.Amount)
	s.Total.add(l.Amount)
}

// Days are the days that have lines, the earliest first.
func (s *Summary) Days() []DaySum {
	out := make([]DaySum, 0, len(s.days))
	for _, name := range slices.Sorted(maps.Keys(s.days)) {
		out = append(out, *s.days[name])
	}
	return out
}
