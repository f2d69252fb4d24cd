package penalty_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/penalty"
)

// Every mistake is named with its path, all at once.
func TestValidateNamesMistakes(t *testing.T) {
	t.Parallel()
	all := penalty.Rule{Party: "carrier:*", Note: "all"}
	for name, c := range map[string]struct {
		rules []penalty.Rule
		want  []string
	}{
		"nothing":        {nil, []string{"rules: is empty"}},
		"nobody":         {[]penalty.Rule{{Party: "carrier:pony", Note: "x"}}, []string{`rules[0].party: "carrier:pony" is nobody of`}},
		"no side":        {[]penalty.Rule{{Party: "*", Note: "x"}}, []string{`rules[0].party: "*": want "carrier:NAME"`}},
		"unknown words":  {[]penalty.Rule{{Party: "carrier:*", State: []string{"assigned", "placed", "placed"}, By: []string{"dog"}, Cause: []string{"rain"}, Note: "x"}}, []string{`rules[0].state[0]: "assigned" is none of`, `rules[0].state[2]: "placed" is listed twice`, `rules[0].by[0]: "dog"`, `rules[0].cause[0]: "rain"`}},
		"empty minutes":  {[]penalty.Rule{{Party: "carrier:*", FromMin: 5, ToMin: 5, Note: "x"}, all}, []string{"rules[0].to_min: 5 is not after from_min 5: no minute is left"}},
		"negative":       {[]penalty.Rule{{Party: "carrier:*", FromMin: -1, ToMin: -2, Fixed: -3, Percent: 101, Cap: -4, Note: "x"}}, []string{"rules[0].from_min", "rules[0].to_min", "rules[0].fixed_fen", "rules[0].percent: 101: want 0 to 100", "rules[0].cap_fen"}},
		"whole and more": {[]penalty.Rule{{Party: "carrier:*", Whole: true, Percent: 5, Note: "x"}}, []string{"rules[0].whole"}},
		"idle cap":       {[]penalty.Rule{{Party: "carrier:*", Fixed: 5, Cap: 5, Note: "x"}}, []string{"rules[0].cap_fen: 5 caps nothing"}},
		"no note":        {[]penalty.Rule{{Party: "carrier:*"}}, []string{"rules[0].note: is empty"}},
		"platform pays":  {[]penalty.Rule{{Party: "platform:*", PaysUs: true, Cause: []string{"give_up"}, By: []string{"us"}, Note: "x"}}, []string{"rules[0].pays_us", "rules[0].cause", "rules[0].by"}},
		"we are paid for our own doing": {[]penalty.Rule{{Party: "carrier:*", PaysUs: true, Fixed: 1, Note: "x"}, {Party: "carrier:*", PaysUs: true, Fixed: 1, By: []string{"us", "rider"}, Note: "x"}},
			[]string{"rules[0].pays_us: a carrier pays for what it ended itself", "rules[1].pays_us"}},
		"unreachable": {[]penalty.Rule{all, {Party: "carrier:uupt", State: []string{"placed"}, Note: "x"}}, []string{"rules[1]: is never reached"}},
		"covered by several": {[]penalty.Rule{
			{Party: "carrier:uupt", State: []string{"accepted"}, ToMin: 5, Note: "x"}, {Party: "carrier:uupt", State: []string{"accepted"}, FromMin: 5, Note: "x"},
			{Party: "carrier:uupt", State: []string{"accepted"}, FromMin: 2, ToMin: 9, Note: "x"}, all,
		}, []string{"rules[2]: is never reached"}},
		"gap of minutes": {[]penalty.Rule{{Party: "carrier:dada", State: []string{"accepted"}, FromMin: 1, ToMin: 15, Fixed: 1, Note: "x"}},
			[]string{"rules: nothing is said of carrier:dada, accepted, by us, from 0 minutes on"}},
		"gap at the end": {[]penalty.Rule{{Party: "carrier:dada", State: []string{"accepted"}, ToMin: 15, Fixed: 1, Note: "x"}},
			[]string{"rules: nothing is said of carrier:dada, accepted, by us, from 15 minutes on"}},
		"gap of causes": {[]penalty.Rule{{Party: "carrier:dada", State: []string{"accepted"}, Cause: []string{"lost_race"}, Note: "x"}},
			[]string{"rules: nothing is said of carrier:dada, accepted, by us, from 0 minutes on, cause order_cancelled"}},
		"silence about a side":  {[]penalty.Rule{all}, []string{"rules: nothing is said of platform:meituan", "rules: nothing is said of platform:jd"}},
		"silence about a party": {[]penalty.Rule{all, {Party: "platform:jd", Note: "x"}}, []string{"rules: nothing is said of platform:meituan"}},
		"silence about a state": {[]penalty.Rule{all, {Party: "platform:*", State: []string{"assigned"}, Fixed: 300, Note: "x"}}, []string{"rules: nothing is said of platform:meituan, picked_up, by customer, from 0 minutes on"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := penalty.Book{Rules: c.rules}.Validate(parties)
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			for line := range strings.Lines(err.Error()) {
				require.Contains(t, line, ": ", "a mistake has a path")
			}
		})
	}
	require.NoError(t, penalty.Book{Rules: []penalty.Rule{all, {Party: "platform:*", Note: "all"}}}.Validate(parties))
	require.ErrorContains(t, penalty.Book{Figure: penalty.Waits{FirstMin: -1}, Rules: []penalty.Rule{all}}.Validate(parties), "figure.first_min")
}
