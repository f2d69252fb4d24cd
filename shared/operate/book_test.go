package operate

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/tariff"
)

var everybody = Known{Carriers: []string{"uupt", "shansong", "sftc", "fengniao", "dada"}, Platforms: []string{"jd", "meituan", "taobao", "canonical"}}

// What is written out reads back as it was, in YAML and in JSON.
func TestBooksReadBack(t *testing.T) {
	t.Parallel()
	text, err := WriteBook(penalty.Default())
	require.NoError(t, err)
	require.NotContains(t, string(text), "version")
	p, err := ReadPenalties(text, everybody)
	require.NoError(t, err, string(text))
	require.Equal(t, penalty.Default(), p)

	b := tariff.Default()
	b.Holidays = map[string]string{"2026-10-01": "国庆节"}
	text, err = WriteBook(b)
	require.NoError(t, err)
	back, err := ReadTariffs(text, everybody)
	require.NoError(t, err, string(text))
	require.Equal(t, b, back)

	_, err = ReadTariffs([]byte(`{"version": 9, "rates": [{"name": "x", "start_fen": 900, "start_km": 3, "km": [], "free_kg": 5, "kg": []}]}`), everybody)
	require.NoError(t, err)
}

// Every mistake is named with its path, those of the form before those of the content.
func TestBooksNameMistakes(t *testing.T) {
	t.Parallel()
	_, err := ReadPenalties([]byte("rules:\n- {party: carrier:uupt, fixed: 2, from_min: soon}\n"), everybody)
	require.ErrorContains(t, err, "rules[0].fixed: no such key; known are party, state")
	require.ErrorContains(t, err, `rules[0].from_min: "soon": want a whole number`)
	_, err = ReadPenalties([]byte("rules:\n- {party: carrier:uupt, fixed_fen: 200, from_min: 2, to_min: 1, note: x}\n- {party: carrier:pony, note: y}\n"), everybody)
	var all Mistakes
	require.ErrorAs(t, err, &all)
	require.Len(t, all, 2)
	require.Equal(t, []string{"rules[0].to_min", "rules[1].party"}, []string{all[0].Path, all[1].Path})
	_, err = ReadTariffs([]byte("rates:\n- {name: x, platform: [jd], start_fen: 12.5}\n"), everybody)
	require.ErrorContains(t, err, `rates[0].start_fen: "12.5": want a whole number`)
	_, err = ReadTariffs([]byte("rates:\n- {name: x, platform: [jd], start_fen: 12}\n"), everybody)
	require.ErrorContains(t, err, "rates: there is none for platform meituan")
}

// The examples of docs/rules.md are files that set takes.
func TestDocumentedBooks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/rules.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 2)
	p, err := ReadPenalties([]byte(blocks[0][1]), everybody)
	require.NoError(t, err)
	require.Len(t, p.Rules, 8)
	b, err := ReadTariffs([]byte(blocks[1][1]), everybody)
	require.NoError(t, err)
	require.Len(t, b.Rates, 2)
}

func TestDiffBooks(t *testing.T) {
	t.Parallel()
	before, after := penalty.Default(), penalty.Default()
	after.Version = 7
	after.Rules[3].Fixed = 250
	after.Rules[10].State = []string{"accepted"}
	after.Rules = append(after.Rules, penalty.Rule{Party: "carrier:x", Note: "n"})
	changes, err := DiffBooks(before, after)
	require.NoError(t, err)
	require.Equal(t, []Change{
		{"rules[3].fixed_fen", "200", "250"}, {"rules[10].state", `["accepted","arrived"]`, `["accepted"]`},
		{"rules[24].note", "", `"n"`}, {"rules[24].party", "", `"carrier:x"`},
	}, changes)
	changes, err = DiffBooks(before, before)
	require.NoError(t, err)
	require.Empty(t, changes)
}
