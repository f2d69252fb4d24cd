package tariff_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/tariff"
)

var platforms = []string{"jd", "meituan", "taobao", "canonical"}

// local is an instant told in Shanghai.
func local(text string) time.Time {
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, time.FixedZone("Asia/Shanghai", 8*3600))
	if err != nil {
		panic(err)
	}
	return at.UTC()
}

func TestDefaultBook(t *testing.T) {
	t.Parallel()
	b := tariff.Default()
	require.NoError(t, b.Validate(platforms))
	noon, night := local("2026-11-23 12:00:00"), local("2026-11-23 22:00:00")
	for _, c := range []struct {
		metres, grams int
		at            time.Time
		want          money.Fen
	}{
		{0, 0, noon, 1500}, {-1, -1, noon, 1500}, {3000, 5000, noon, 1500}, {3001, 5000, noon, 1700}, {5000, 5001, noon, 2050}, {100, 100, night, 1900},
		{100, 100, night.Add(-time.Second), 1500}, {100, 100, night.Add(8*time.Hour - 1), 1900}, {100, 100, night.Add(8 * time.Hour), 1500},
	} {
		p, err := b.Price(tariff.Case{Platform: "meituan", City: "330100", DistanceM: c.metres, WeightG: c.grams, At: c.at})
		require.NoError(t, err)
		require.Equal(t, c.want, p.Fee, "%+v", c)
		require.Equal(t, "standard", p.Rate)
	}
	_, err := tariff.Book{}.Price(tariff.Case{Platform: "meituan", City: "330100"})
	require.ErrorIs(t, err, tariff.ErrNone)
	require.ErrorContains(t, err, "platform meituan in city 330100")
}

// full is a book that uses everything.
var full = tariff.Book{
	Version:  7,
	Holidays: map[string]string{"2026-10-01": "国庆节", "2026-10-03": "国庆节"},
	Workdays: map[string]string{"2026-11-29": "调休"},
	Rates: []tariff.Rate{
		{Name: "all", Start: 1000, StartKm: 2, Km: []tariff.Step{{From: 1, Fen: 100}, {From: 5, Fen: 200}}, FreeKg: 5, Kg: []tariff.Step{{From: 5, Fen: 50}, {From: 10, Fen: 100}},
			Surcharges: []tariff.Surcharge{
				{Name: "夜间", Window: "22:30-06:00", Fixed: 300}, {Name: "午高峰", Window: "11:00-13:00", Days: tariff.Workdays, Percent: 10},
				{Name: "周末", Days: tariff.Weekends, Fixed: 100}, {Name: "节假日", Days: tariff.Holidays, Fixed: 200, Percent: 50},
			}},
		{Name: "jd", Platform: []string{"jd"}, Start: 1100, StartKm: 99, FreeKg: 99},
		{Name: "hangzhou", City: []string{"330100"}, Start: 1200, StartKm: 99, FreeKg: 99, Max: 1250, Surcharges: []tariff.Surcharge{{Name: "夜间", Window: "22:00-06:00", Fixed: 300}}},
		{Name: "jd in hangzhou", Platform: []string{"jd"}, City: []string{"330100", "310100"}, Start: 1300, StartKm: 99, FreeKg: 99},
	},
}

func TestPrice(t *testing.T) {
	t.Parallel()
	require.NoError(t, full.Validate(platforms))
	for _, c := range []struct {
		name, platform, city string
		metres, grams        int
		at                   string
		want                 money.Fen
		rate, lines          string
	}{
		{"plain", "meituan", "440100", 1500, 100, "2026-11-23 10:00:00", 1000, "all", "start 1000"},
		{"steps of the way", "meituan", "440100", 6001, 100, "2026-11-23 10:00:00", 1700, "all", "start 1000, distance 3 300, distance 2 400"},
		{"steps of the weight", "meituan", "440100", 100, 11_001, "2026-11-23 10:00:00", 1450, "all", "start 1000, weight 5 250, weight 2 200"},
		{"closest: platform", "jd", "440100", 100, 100, "2026-11-23 10:00:00", 1100, "jd", "start 1100"},
		{"closest: city", "taobao", "330100", 100, 100, "2026-11-23 10:00:00", 1200, "hangzhou", "start 1200"},
		{"closest: both", "jd", "330100", 100, 100, "2026-11-23 10:00:00", 1300, "jd in hangzhou", "start 1300"},
		{"limit", "taobao", "330100", 100, 100, "2026-11-23 23:00:00", 1250, "hangzhou", "start 1200, 夜间 300, limit -250"},
		{"before the night", "meituan", "440100", 100, 100, "2026-11-23 22:29:59", 1000, "all", "start 1000"},
		{"the night begins", "meituan", "440100", 100, 100, "2026-11-23 22:30:00", 1300, "all", "start 1000, 夜间 300"},
		{"midnight", "meituan", "440100", 100, 100, "2026-11-24 00:00:00", 1300, "all", "start 1000, 夜间 300"},
		{"the night ends", "meituan", "440100", 100, 100, "2026-11-24 06:00:00", 1000, "all", "start 1000"},
		{"peak", "meituan", "440100", 3000, 100, "2026-11-23 12:59:59", 1210, "all", "start 1000, distance 1 100, 午高峰 110"},
		{"no peak on Saturday", "meituan", "440100", 100, 100, "2026-11-28 12:00:00", 1100, "all", "start 1000, 周末 100"},
		{"a Sunday that is worked", "meituan", "440100", 100, 100, "2026-11-29 12:00:00", 1100, "all", "start 1000, 午高峰 100"},
		{"the Sunday after it is none", "meituan", "440100", 100, 100, "2026-12-06 12:00:00", 1100, "all", "start 1000, 周末 100"},
		{"a holiday is no weekday", "meituan", "440100", 100, 100, "2026-10-01 12:00:00", 1700, "all", "start 1000, 节假日 700"},
		{"nor a weekend", "meituan", "440100", 100, 100, "2026-10-03 12:00:00", 1700, "all", "start 1000, 节假日 700"},
		{"the day is Shanghai's", "meituan", "440100", 100, 100, "2026-10-01 00:00:00", 2000, "all", "start 1000, 夜间 300, 节假日 700"},
		{"and ends there", "meituan", "440100", 100, 100, "2026-10-02 00:00:00", 1300, "all", "start 1000, 夜间 300"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := full.Price(tariff.Case{Platform: c.platform, City: c.city, DistanceM: c.metres, WeightG: c.grams, At: local(c.at)})
			require.NoError(t, err)
			var lines []string
			for _, l := range p.Lines {
				lines = append(lines, strings.Replace(fmt.Sprintf("%s %d %d", l.Name, l.Units, l.Amount), " 0 ", " ", 1))
			}
			require.Equal(t, c.lines, strings.Join(lines, ", "))
			require.Equal(t, c.want, p.Fee)
			require.Equal(t, c.rate, p.Rate)
			require.Equal(t, 7, p.Version)
		})
	}
}

// A window is a span of hours in Shanghai that may, but need not, cross midnight.
func TestWindows(t *testing.T) {
	t.Parallel()
	for window, hours := range map[string][]int{"22:00-06:00": {22, 23, 0, 1, 2, 3, 4, 5}, "01:00-04:00": {1, 2, 3}, "23:00-00:00": {23}} {
		b := tariff.Book{Rates: []tariff.Rate{{Name: "x", Start: 100, Surcharges: []tariff.Surcharge{{Name: "n", Window: window, Fixed: 7}}}}}
		require.NoError(t, b.Validate(platforms))
		want := map[int]money.Fen{}
		for _, h := range hours {
			want[h] = 7
		}
		for h := range 24 {
			p, err := b.Price(tariff.Case{At: local(fmt.Sprintf("2026-11-23 %02d:59:59", h))})
			require.NoError(t, err)
			require.Equal(t, 100+want[h], p.Fee, "%s at %d", window, h)
		}
	}
}

// Every order of every book that passes is worth something, never more than the limit, and
// its lines add up to its fee.
func TestEveryOrderIsWorthSomething(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fen := func(name string, from int64) money.Fen { return money.Fen(rapid.Int64Range(from, 5000).Draw(t, name)) }
		r := tariff.Rate{Name: "x", Start: fen("start", 1), StartKm: rapid.IntRange(0, 5).Draw(t, "start km"), Km: []tariff.Step{{Fen: fen("km", 0)}},
			FreeKg: rapid.IntRange(0, 5).Draw(t, "free kg"), Kg: []tariff.Step{{Fen: fen("kg", 0)}}}
		r.Surcharges = []tariff.Surcharge{{Name: "a", Fixed: fen("fixed", 1), Window: rapid.SampledFrom([]string{"", "22:00-06:00", "11:00-13:00"}).Draw(t, "window")},
			{Name: "b", Percent: rapid.Int64Range(1, 300).Draw(t, "percent"), Days: rapid.SampledFrom(append(tariff.Days, "")).Draw(t, "days")}}
		if rapid.Bool().Draw(t, "limited") {
			r.Max = r.Start + fen("max", 0)
		}
		b := tariff.Book{Rates: []tariff.Rate{r}, Holidays: map[string]string{"2026-11-25": "x"}}
		require.NoError(t, b.Validate(platforms))
		p, err := b.Price(tariff.Case{Platform: "jd", DistanceM: rapid.IntRange(-10, 100_000).Draw(t, "metres"), WeightG: rapid.IntRange(-10, 50_000).Draw(t, "grams"),
			At: local("2026-11-23 00:00:00").Add(time.Duration(rapid.IntRange(0, 7*24*60).Draw(t, "minute")) * time.Minute)})
		require.NoError(t, err)
		require.Positive(t, p.Fee)
		if r.Max > 0 {
			require.LessOrEqual(t, p.Fee, r.Max)
		}
		var sum money.Fen
		for _, l := range p.Lines {
			sum += l.Amount
		}
		require.Equal(t, p.Fee, sum)
	})
}

func TestValidateNamesMistakes(t *testing.T) {
	t.Parallel()
	rate := func(change func(*tariff.Rate)) tariff.Book {
		r := tariff.Rate{Name: "x", Start: 100, StartKm: 3, Km: []tariff.Step{{From: 3, Fen: 1}}}
		change(&r)
		return tariff.Book{Rates: []tariff.Rate{r}}
	}
	for name, c := range map[string]struct {
		book tariff.Book
		want []string
	}{
		"nothing":     {tariff.Book{}, []string{"rates: is empty", "rates: there is none for platform jd"}},
		"for nothing": {rate(func(r *tariff.Rate) { r.Start = 0 }), []string{"rates[0].start_fen: 0: want 1 to"}},
		"every city that is named, and it is none": {rate(func(r *tariff.Rate) { r.City = []string{"000000", "330100"} }), []string{"there is none for platform jd", "there is none for platform canonical"}},
		"not for all": {rate(func(r *tariff.Rate) { r.Platform = []string{"jd"} }), []string{"there is none for platform meituan"}},
		"words": {rate(func(r *tariff.Rate) {
			r.Name, r.Platform, r.City = "", []string{"pony"}, []string{"杭州", "330100", "330100"}
		}),
			[]string{"rates[0].name", `rates[0].platform[0]: "pony"`, "rates[0].city[0]", "rates[0].city[2]"}},
		"limit below start": {rate(func(r *tariff.Rate) { r.Max = 99 }), []string{"rates[0].max_fen: 99 is less than start_fen 100"}},
		"steps": {rate(func(r *tariff.Rate) { r.Km = []tariff.Step{{From: 5, Fen: -1}, {From: 5, Fen: 1}} }),
			[]string{"rates[0].km[0].fen", "rates[0].km[1].from: 5 is not above the step before", "rates[0].km: nothing is said of what is above start_km 3 and below 5"}},
		"step never reached": {rate(func(r *tariff.Rate) { r.Km = []tariff.Step{{From: 0, Fen: 1}, {From: 2, Fen: 2}, {From: 4, Fen: 2}} }), []string{"rates[0].km[0]: is never reached"}},
		"surcharges": {rate(func(r *tariff.Rate) {
			r.Surcharges = []tariff.Surcharge{{Window: "25:00-01:00", Days: "Monday"}, {Name: "x", Fixed: -1, Percent: -1}, {Name: "y", Window: "07:00-07:00", Fixed: 1}}
		}), []string{"surcharges[0].name", "surcharges[0].window", "surcharges[0].days", "surcharges[0]: adds nothing", "surcharges[1].fixed_fen", "surcharges[1].percent", "surcharges[2].window"}},
		"two as close": {tariff.Book{Rates: []tariff.Rate{{Name: "a", Start: 1}, {Name: "a", Start: 2, City: []string{"330100"}}, {Name: "c", Start: 2, City: []string{"310100", "330100"}}}},
			[]string{`rates[1].name: "a" is that of rates[0], too`, "rates[2]: platform * in city 330100 is matched as closely by rates[1]"}},
		"worked weekends": {tariff.Book{Rates: []tariff.Rate{{Name: "a", Start: 1}}, Holidays: map[string]string{"2026-02-14": "x"}, Workdays: map[string]string{"2026-02-14": "x", "2026-02-16": "x", "2026-02-29": ""}},
			[]string{"workdays.2026-02-14: is a holiday, too", "workdays.2026-02-16: is a Monday, and worked anyway", "workdays.2026-02-29: want a date", "workdays.2026-02-29: has no name"}},
		"holidays": {tariff.Book{Rates: []tariff.Rate{{Name: "a", Start: 1}}, Holidays: map[string]string{"2026-2-30": ""}}, []string{"holidays.2026-2-30: want a date", "holidays.2026-2-30: has no name"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.book.Validate(platforms)
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}
