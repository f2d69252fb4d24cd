package deploy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
)

var update = flag.Bool("update", false, "write the golden files anew")

// files are the deployment descriptions, with the golden file of each one's preview.
var files = map[string]string{"s.yaml": "preview-s.json", "s.prod.yaml": "preview-s.prod.json"}

// needNode skips where the deploy tool cannot run; CI installs node.
func needNode(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"node", "npm", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not on PATH: the deploy tool cannot run here (%v)", tool, err)
		}
	}
	require.NoError(t, installed())
}

// installed lets the first run put the tool into its cache, before others come at the same time.
var installed = sync.OnceValue(func() error {
	if out, err := exec.Command("bash", "s.sh", "preview", "--help").CombinedOutput(); err != nil {
		return fmt.Errorf("install the deploy tool: %w\n%s", err, out)
	}
	return nil
})

// variables are those of preview.env.
func variables(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/preview.env")
	require.NoError(t, err)
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			all[name] = value
		}
	}
	require.NotEmpty(t, all)
	return all
}

// tool runs the deploy tool in dir with the variables and nothing else that could set one.
func tool(t *testing.T, dir string, variables map[string]string, args ...string) (string, error) {
	t.Helper()
	script, err := filepath.Abs("s.sh")
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "bash", append([]string{script}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "QIANFAN_") && !strings.HasPrefix(v, "FC_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	for name, value := range variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

// preview is what `s preview` prints for a file of dir.
func preview(t *testing.T, dir, file string, variables map[string]string) []byte {
	t.Helper()
	target := filepath.Join(t.TempDir(), "preview.json")
	out, err := tool(t, dir, variables, "preview", "-t", file, "-o", "json", "--output-file", target)
	require.NoError(t, err, out)
	text, err := os.ReadFile(target)
	require.NoError(t, err)
	return text
}

// The golden files are the real `s preview`. They change only with s.yaml: read what changed, then go test ./deploy -update.
func TestPreviewsAreAsExpected(t *testing.T) {
	t.Parallel()
	needNode(t)
	for file, golden := range files {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			got := tidy(t, preview(t, "..", file, variables(t)))
			golden = filepath.Join("testdata", golden)
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got), "go test ./deploy -run TestPreviews -update, if this is meant")
			here, err := filepath.Abs("..")
			require.NoError(t, err)
			require.NotContains(t, string(got), here, "a path of this machine")
		})
	}
}

// tidy leaves out the templates, which the resources have taken in, and sorts keys.
func tidy(t *testing.T, text []byte) []byte {
	t.Helper()
	var tree map[string]any
	require.NoError(t, json.Unmarshal(text, &tree))
	delete(tree, "template")
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(tree))
	return out.Bytes()
}

func TestTheRealVerifyPasses(t *testing.T) {
	t.Parallel()
	needNode(t)
	for file := range files {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			out, err := tool(t, "..", variables(t), "verify", "-t", file)
			require.NoError(t, err, out)
			require.Contains(t, out, "Format verification for ["+file+"] passed.")
		})
	}
}

func TestProductionHasNoDefaults(t *testing.T) {
	t.Parallel()
	parties := append(carriers.Variables(), "QIANFAN_JD", "QIANFAN_MEITUAN", "QIANFAN_TAOBAO", "QIANFAN_CANONICAL") // each may be left out
	all := variables(t)
	for name := range all {
		_, err := template.Render("../s.prod.yaml", func(n string) (string, bool) { v, ok := all[n]; return v, ok && n != name })
		if slices.Contains(parties, name) {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "environment variable "+name+" is not set")
	}
	needNode(t)
	delete(all, "QIANFAN_MYSQL_DSN")
	out, err := tool(t, "..", all, "preview", "-t", "s.prod.yaml", "-o", "json", "--output-file", filepath.Join(t.TempDir(), "preview.json"))
	require.Error(t, err, out)
	require.Contains(t, out, "QIANFAN_MYSQL_DSN")
}
