package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
)

// leaves are all verbs, as one types them.
func leaves(t *testing.T) []string {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Name("qianfan"), kong.Vars{"benches": ""})
	require.NoError(t, err)
	var paths []string
	for _, leaf := range parser.Model.Leaves(true) {
		paths = append(paths, strings.TrimPrefix(leaf.FullPath(), "qianfan "))
	}
	require.Greater(t, len(paths), 20)
	return paths
}

// examples are the command lines that a help shows, without the program's name and what the shell does with the output.
func examples(help string) []string {
	var lines []string
	for line := range strings.Lines(help) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "qianfan ")
		if ok {
			line, _, _ = strings.Cut(line, "|")
			line, _, _ = strings.Cut(line, ">")
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestEveryVerbHasAHelpWithAnExampleThatParses(t *testing.T) {
	t.Parallel()
	for _, path := range append(leaves(t), "order", "ledger", "clock", "fault", "dlq") {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			help := r.succeeds(t, path+" --help")
			require.Contains(t, help, "--json")
			shown := examples(help)
			require.NotEmpty(t, shown, help)
			for _, line := range shown {
				require.Contains(t, line, strings.Fields(path)[0])
				parser, err := kong.New(&commands{}, kong.Name("qianfan"), kong.Vars{"benches": ""})
				require.NoError(t, err)
				_, err = parser.Parse(strings.Fields(line))
				require.NoError(t, err, line)
			}
		})
	}
}

func TestTheHelpListsEveryVerb(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	help := r.succeeds(t, "--help")
	for _, path := range leaves(t) {
		require.Contains(t, help, "  "+path+" ")
	}
	require.Contains(t, help, "http://127.0.0.1:9010", "where the console is looked for")
}

func TestUsageErrorsExitWithTwo(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"frob":                               "see `qianfan --help`",
		"order":                              "see `qianfan order --help`",
		"order frob":                         "see `qianfan order --help`",
		"up --rate x":                        "see `qianfan up --help`",
		"up --rate 0":                        "want more than 0 orders per second",
		"up --rate -1":                       "want more than 0 orders per second",
		"up --speed 0":                       "clock freeze",
		"up --orders -2":                     "-1 for an endless trickle",
		"up --orders -1 --exit-when-settled": "say how many --orders",
		"up --exit-when-settled":             "say how many --orders",
		"up --mix meituan":                   "want shares such as",
		"up --mix meituan=x":                 "want shares such as",
		"up --gateway-addr x":                "--gateway-addr \"x\": want a host and a port",
		"up --console-addr 127.0.0.1:99999":  "want a host and a port",
		"up --durability hope":               `"flush","relaxed"`,
		"clock speed":                        "see `qianfan clock speed --help`",
		"clock speed fast":                   "see `qianfan clock speed --help`",
		"fault set callback_lost":            "want a fault and a probability",
		"fault set callback_lost=2":          "want a fault and a probability",
		"order new --lng 120":                "belong together",
		"order new --value much":             "want an amount in 元",
		"order new --value -1":               "want an amount in 元",
		"order new --expected soon":          "want RFC 3339",
		"dlq redrive x":                      "see `qianfan dlq redrive --help`",
		"topics --format xml":                "see `qianfan topics --help`",
		"--console nowhere clock":            "want an address such as",
	} {
		r := newRig(t, nil)
		code, out, errs := r.do(t, line)
		require.Equal(t, exitUsage, code, "%s: %s", line, errs)
		require.Contains(t, errs, want, line)
		require.Empty(t, out, line)
		require.Empty(t, r.requests, line)
	}
}

// upOptions are those with which a command line starts an emulator.
func upOptions(t *testing.T, line string) emulator.Options {
	t.Helper()
	var got *emulator.Options
	r := newRig(t, nil)
	r.engine.up = func(_ context.Context, o emulator.Options, _, _ io.Writer) error { got = &o; return nil }
	r.succeeds(t, line)
	require.NotNil(t, got, "no emulator was started by %q", line)
	return *got
}

func TestUpIsTheDefaultAndHasDefaults(t *testing.T) {
	t.Parallel()
	want := emulator.Options{Orders: -1, Rate: 0.05, Mix: "jd=40,meituan=40,taobao=20", Faults: "none", Speed: 20, Haste: 1, Durability: "flush",
		Gateway: "127.0.0.1:9000", Console: "127.0.0.1:9010", RocketMQ: "127.0.0.1:9081"}
	for _, line := range []string{"", "up", "up --orders -1", "--orders -1", "up --orders=-1"} {
		require.Equal(t, want, upOptions(t, line), "qianfan %s", line)
	}
	want = emulator.Options{Orders: 300, Rate: 10, Seed: 7, Mix: "meituan=100", Faults: "standard", Speed: 60, Haste: 1, ExitWhenSettled: true, JSON: true, Durability: "relaxed",
		NoBuild: true, Freeze: true, Verbose: true, Gateway: "127.0.0.1:0", Console: "127.0.0.1:1", RocketMQ: "127.0.0.1:2"}
	const flags = "--orders 300 --rate 10 --seed 7 --mix meituan=100 --faults standard --speed 60 --exit-when-settled --json --durability relaxed --no-build --freeze -v" +
		" --gateway-addr 127.0.0.1:0 --console-addr 127.0.0.1:1 --rocketmq-addr 127.0.0.1:2"
	require.Equal(t, want, upOptions(t, "up "+flags))
	require.Equal(t, want, upOptions(t, flags))
	require.Zero(t, upOptions(t, "up --orders 0").Orders)
}

func TestTheEndOfARunIsAnExitCode(t *testing.T) {
	t.Parallel()
	broken := fmt.Errorf("the run: %w: 2 invariants are violated", emulator.ErrViolated)
	for name, c := range map[string]struct {
		line    string
		err     error
		stopped bool
		code    int
		says    string
	}{
		"settled":                {line: "up --orders 3 --exit-when-settled"},
		"violated":               {line: "up --orders 3 --exit-when-settled", err: broken, code: exitViolated, says: "2 invariants"},
		"start failed":           {line: "up", err: errors.New("no SQL server"), code: exitFailed, says: "no SQL server"},
		"not in the project":     {line: "up", err: fmt.Errorf("load: %w", &fs.PathError{Op: "open", Path: "/tmp/s.yaml", Err: fs.ErrNotExist}), code: exitFailed, says: "run it in the project's folder"},
		"trickle stopped":        {line: "up", stopped: true},
		"trickle stopped, told":  {line: "up", stopped: true, err: context.Canceled},
		"stopped before its end": {line: "up --orders 3 --exit-when-settled", stopped: true, code: exitStopped, says: "stopped before every order was closed"},
		"violated, then stopped": {line: "up --orders 3 --exit-when-settled", stopped: true, err: broken, code: exitViolated, says: "2 invariants"},
		"unknown benchmark":      {line: "bench nope", err: fmt.Errorf("%w %q", emulator.ErrBench, "nope"), code: exitUsage, says: "nope"},
		"bench":                  {line: "bench"},
		"bench stopped":          {line: "bench latency", stopped: true, err: context.Canceled, code: exitStopped},
	} {
		r := newRig(t, nil)
		ctx, stop := context.WithCancel(t.Context())
		r.ctx = ctx
		end := func() error {
			if c.stopped {
				stop()
			}
			return c.err
		}
		r.engine.up = func(context.Context, emulator.Options, io.Writer, io.Writer) error { return end() }
		r.engine.bench = func(context.Context, string, emulator.Options, io.Writer, io.Writer) error { return end() }
		code, _, errs := r.do(t, c.line)
		stop()
		require.Equal(t, c.code, code, "%s: %s", name, errs)
		require.Contains(t, errs, c.says, name)
	}
}

func TestBenchPassesItsOptionsOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	var name string
	var got emulator.Options
	r.engine.bench = func(_ context.Context, n string, o emulator.Options, _, _ io.Writer) error {
		name, got = n, o
		return nil
	}
	r.succeeds(t, "bench")
	require.Equal(t, "latency", name)
	require.Equal(t, emulator.Options{Seed: 1, Durability: "flush"}, got)
	r.succeeds(t, "bench cost --orders 20 --rate 3 --seed 9 --durability relaxed --no-build --json")
	require.Equal(t, "cost", name)
	require.Equal(t, emulator.Options{Orders: 20, Rate: 3, Seed: 9, Durability: "relaxed", NoBuild: true, JSON: true}, got)
	require.Contains(t, strings.Join(strings.Fields(r.succeeds(t, "bench --help")), " "), strings.Join(emulator.BenchNames(), ", "))
}

func TestWithoutAnEmulatorItSaysHowToStartOne(t *testing.T) {
	t.Parallel()
	gone := newRig(t, nil)
	gone.url = "http://127.0.0.1:1"
	for _, line := range []string{"order list", "order new", "order show 1", "order cancel 1", "ledger", "ledger entries", "ledger verify", "clock", "clock next", "fault", "fault clear", "dlq", "dlq redrive"} {
		code, out, errs := gone.do(t, line)
		require.Equal(t, exitFailed, code, line)
		require.Contains(t, errs, "no emulator answers at http://127.0.0.1:1: start one with `make run`", line)
		require.Empty(t, out, line)
	}
}

func TestRefusalsOfTheConsoleAreShownWithTheirHint(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"GET /api/clock": "409 {\"error\":\"no timer\",\"hint\":\"advance instead\"}", "GET /api/faults": "409 <html>"})
	code, _, errs := r.do(t, "clock")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "qianfan: no timer; advance instead\n", errs)
	code, _, errs = r.do(t, "fault")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "qianfan: the console answered 409: <html>\n", errs)
	r.answers["GET /api/clock"] = "[]"
	code, _, errs = r.do(t, "clock")
	require.Equal(t, exitFailed, code, errs)
}
