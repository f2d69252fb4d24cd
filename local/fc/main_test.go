package fc

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/template"
)

// code holds the binaries of testdata: code/event/bootstrap and so on.
var code string

const parentVariable = "FC_TEST_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentVariable); dir != "" {
		beParent(dir)
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fc")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	code = dir
	for _, name := range []string{"event", "web", "stage"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, name, "bootstrap"), "./testdata/"+name)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", name, err, out)
			return 1
		}
	}
	return m.Run()
}

// beParent runs functions until it is killed.
func beParent(dir string) {
	code = dir
	r, err := New(Options{Functions: []template.Function{eventFunction(), webFunction()}, Warm: true, Freeze: true})
	if err == nil {
		err = r.Start(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, in := range r.Instances() {
		fmt.Println(in.PID)
	}
	select {}
}

func eventFunction() template.Function {
	return template.Function{
		Name: "event", Runtime: "go1", Handler: "bootstrap", Region: "cn-hangzhou", CodeDir: filepath.Join(code, "event"),
		MemoryMB: 512, Timeout: time.Minute, Concurrency: 1, Environment: map[string]string{"OWN": "of s.yaml", "OVER": "of s.yaml"},
		Initializer: &template.Hook{Handler: "bootstrap", Timeout: 10 * time.Second},
		PreStop:     &template.Hook{Handler: "bootstrap", Timeout: 10 * time.Second},
		HTTP:        &template.HTTPTrigger{AuthType: "anonymous", Methods: []string{"GET", "POST"}},
	}
}

func webFunction() template.Function {
	fn := eventFunction()
	fn.Name, fn.Runtime, fn.CodeDir, fn.Command = "web", "custom.debian12", filepath.Join(code, "web"), []string{"/code/bootstrap"}
	fn.Concurrency, fn.Port = 100, 9000
	return fn
}

// journal keeps what instances print.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) log(_, instance, line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, instance+": "+line)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n") + "\n"
}

// until waits for a text: what a process prints and what it answers come by different ways.
func (j *journal) until(t *testing.T, want string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(j.text(), want) }, 20*time.Second, time.Millisecond, want)
}

// counting is a Clock that counts tokens.
type counting struct{ open, ever atomic.Int64 }

func (c *counting) Busy(kind string) func() {
	if kind != BusyInvocation {
		panic("unknown kind " + kind)
	}
	c.open.Add(1)
	c.ever.Add(1)
	return func() { c.open.Add(-1) }
}

// run makes a runtime that ends with the test and leaves no process and no token behind.
func run(t *testing.T, opts Options) (*Runtime, *journal) {
	t.Helper()
	j := &journal{}
	clock := &counting{}
	opts.Log, opts.Clock = j.log, clock
	r, err := New(opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, r.Close())
		require.Empty(t, r.Instances())
		require.Zero(t, clock.open.Load(), "tokens left")
		if t.Failed() {
			t.Log(j.text())
		}
	})
	return r, j
}

func only(fn template.Function) Options { return Options{Functions: []template.Function{fn}} }

func payload(do, text string) []byte {
	out, err := json.Marshal(map[string]string{"do": do, "text": text})
	if err != nil {
		panic(err)
	}
	return out
}

type echo struct {
	Text, Request, Function, Env, Cwd string
	Size, PID, Timeout                int
	Deadline                          int64
}

func invokeEcho(t *testing.T, r *Runtime, text string) echo {
	t.Helper()
	result, err := r.Invoke(t.Context(), "event", payload("echo", text))
	require.NoError(t, err)
	var e echo
	require.NoError(t, json.Unmarshal(result.Payload, &e))
	require.Equal(t, result.RequestID, e.Request)
	return e
}

// processState is the letter of /proc: R, S, T … or X when there is no such process.
func processState(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "X"
	}
	return string(stat[strings.LastIndexByte(string(stat), ')')+2])
}

func eventually(t *testing.T, condition func() bool, what string) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, 2*time.Millisecond, what)
}
