package cli

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The golden files are the project's own s.yaml, as an operator gets it.
func TestTopics(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"table", "mqadmin", "terraform", "json"} {
		r := newRig(t, nil)
		out := r.succeeds(t, "topics --file ../../s.yaml --format "+format)
		golden := filepath.Join("testdata", "topics."+format)
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(out), 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), out, "go test ./local/cli -run TestTopics -update, if this is meant")
	}
}

func TestEveryFormatHasEveryTopicAndGroup(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	var list struct{ Topics []declaredTopic }
	require.NoError(t, json.Unmarshal([]byte(r.succeeds(t, "topics --file ../../s.yaml --json")), &list))
	require.NotEmpty(t, list.Topics)
	for _, format := range []string{"table", "mqadmin", "terraform"} {
		out := r.succeeds(t, "topics --file ../../s.yaml --format "+format)
		for _, topic := range list.Topics {
			require.NotEmpty(t, topic.Groups, "nobody reads %s", topic.Name)
			for _, name := range append([]string{topic.Name, topic.Type}, topic.Groups...) {
				require.Regexp(t, `\b`+regexp.QuoteMeta(name)+`\b`, out, format)
			}
		}
	}
	labels := map[string]bool{}
	for line := range strings.Lines(r.succeeds(t, "topics --file ../../s.yaml --format terraform")) {
		if strings.HasPrefix(line, "resource ") {
			require.False(t, labels[line], "twice: %s", line)
			labels[line] = true
		}
	}
}

func TestTopicsWithoutAFileSaysWhereToRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	code, _, errs := r.do(t, "topics --file nope.yaml")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "run it where s.yaml is")
}
