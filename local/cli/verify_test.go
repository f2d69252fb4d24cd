package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/deploy"
)

func TestVerifyPassesWhatIsDeployed(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	require.Equal(t, "s.yaml can be deployed\n", r.succeeds(t, "verify ../../s.yaml"))
	require.Equal(t, "preview-s.prod.json can be deployed\n", r.succeeds(t, "verify ../../deploy/testdata/preview-s.prod.json"))
	var shown struct{ Problems []deploy.Problem }
	require.NoError(t, json.Unmarshal([]byte(r.succeeds(t, "verify --json ../../s.yaml")), &shown))
	require.NotNil(t, shown.Problems)
	require.Empty(t, shown.Problems)
}

func TestVerifyTakesTheVariablesOfTheShell(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	code, _, errs := r.do(t, "verify ../../s.prod.yaml")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "environment variable QIANFAN_")
	require.Contains(t, errs, "set the variables that it asks for")

	r.look = func(name string) (string, bool) { return strings.Repeat("x", 5000), name == "QIANFAN_MEITUAN" }
	code, out, errs := r.do(t, "verify ../../s.yaml")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "resources.report.props.environmentVariables\n    5")
	require.Contains(t, out, "bytes in all, more than 4096\n    → shorten the parties' settings, longest first: QIANFAN_MEITUAN 5015, ")
	require.Contains(t, errs, "must not be deployed")
}

func TestVerifyOfNoDeployment(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	bad := filepath.Join(t.TempDir(), "bad.json")
	require.NoError(t, os.WriteFile(bad, []byte("{"), 0o600))
	for line, want := range map[string]string{
		"verify nope.yaml": "no such file", "verify nope.json": "no such file", "verify " + bad: "read preview",
	} {
		code, _, errs := r.do(t, line)
		require.Equal(t, exitFailed, code, line)
		require.Contains(t, errs, want)
	}
}
