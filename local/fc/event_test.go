package fc

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/clock"
)

func TestEventCallCarriesWhatTheProtocolSays(t *testing.T) {
	t.Parallel()
	now := clock.System.Now().Truncate(time.Millisecond)
	opts := only(eventFunction())
	opts.System = func() time.Time { return now }
	opts.Env = func(function string) map[string]string {
		return map[string]string{"OVER": "of the emulator", "NAME": function}
	}
	r, j := run(t, opts)
	e := invokeEcho(t, r, "OVER")
	require.Equal(t, "event", e.Function)
	require.Equal(t, 60, e.Timeout)
	require.Equal(t, now.Add(time.Minute).UnixMilli(), e.Deadline)
	require.Equal(t, "of the emulator", e.Env)
	require.Equal(t, "event", e.Cwd)
	require.Equal(t, "of s.yaml", invokeEcho(t, r, "OWN").Env)
	require.Equal(t, "event", invokeEcho(t, r, "NAME").Env)
	require.Equal(t, "event-1", invokeEcho(t, r, "FC_INSTANCE_ID").Env)
	require.Equal(t, "cn-hangzhou", invokeEcho(t, r, "FC_REGION").Env)
	require.Empty(t, invokeEcho(t, r, parentVariable).Env, "the environment is a clean one")
	j.until(t, "event-1: initialised\n")
	j.until(t, "event-1: FC Invoke Start RequestId: "+e.Request+"\n")
	require.Equal(t, map[string]int64{"event": 6}, r.Invocations())
	require.Len(t, r.Instances(), 1, "an instance is used again")
	require.Equal(t, "idle", r.Instances()[0].State)
}

func TestEventFailuresAreTheFunctionsOwn(t *testing.T) {
	t.Parallel()
	r, _ := run(t, only(eventFunction()))
	pid := invokeEcho(t, r, "").PID
	for _, c := range []struct{ do, kind, message string }{
		{"fail", "Refused", "because"},
		{"panic", "string", "because"},
		{"unknown", "errorString", "what?"},
	} {
		_, err := r.Invoke(t.Context(), "event", payload(c.do, "because"))
		var failure *FunctionError
		require.ErrorAs(t, err, &failure, c.do)
		require.Equal(t, c.kind, failure.Type)
		require.Equal(t, c.message, failure.Message)
		require.Equal(t, c.do == "panic", len(failure.Stack) > 0)
	}
	_, err := r.Invoke(t.Context(), "event", []byte(`{"do":7}`))
	require.ErrorContains(t, err, "UnmarshalTypeError")
	require.Equal(t, pid, invokeEcho(t, r, "").PID, "the process goes on after a panic")
}

func TestEventInstancesTakeOneCallEachUpToTheMaximum(t *testing.T) {
	t.Parallel()
	opts := only(eventFunction())
	opts.MaxInstances = map[string]int{"event": 3}
	r, _ := run(t, opts)
	pids := sync.Map{}
	var calls sync.WaitGroup
	for range 30 {
		calls.Go(func() { pids.Store(invokeEcho(t, r, "").PID, true) }) // the function itself refuses two at a time
	}
	calls.Wait()
	count := 0
	pids.Range(func(any, any) bool { count++; return true })
	require.LessOrEqual(t, count, 3)
	require.GreaterOrEqual(t, count, 1)
	require.LessOrEqual(t, len(r.Instances()), 3)
	require.Equal(t, int64(30), r.Invocations()["event"])
}

func TestReplacedInstancesEndAfterTheirCalls(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	opts := only(eventFunction())
	opts.MaxInstances = map[string]int{"event": 1}
	opts.CodeDir = func(fn template.Function) string { asked.Add(1); return fn.CodeDir }
	r, _ := run(t, opts)
	pid := invokeEcho(t, r, "").PID
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() { invokeEcho(t, r, "") }) // none of them fails
	}
	require.NoError(t, r.Replace("event"))
	require.Equal(t, "X", processState(pid), "the old one is gone")
	calls.Wait()
	require.NotEqual(t, pid, invokeEcho(t, r, "").PID)
	require.Equal(t, int64(2), asked.Load(), "the new one runs what was deployed last")
	require.ErrorIs(t, r.Replace("nobody"), ErrNoFunction)
}

func TestEventTimeoutKillsTheInstance(t *testing.T) {
	t.Parallel()
	fn := eventFunction()
	fn.Timeout = time.Second
	r, _ := run(t, only(fn))
	pid := invokeEcho(t, r, "").PID
	_, err := r.Invoke(t.Context(), "event", payload("hang", ""))
	var failure *FunctionError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, TypeTimeout, failure.Type)
	require.Equal(t, "X", processState(pid))
	require.NotEqual(t, pid, invokeEcho(t, r, "").PID)
}

func TestEventCrashFailsItsCallAndIsReplaced(t *testing.T) {
	t.Parallel()
	opts := only(eventFunction())
	opts.MaxInstances = map[string]int{"event": 1}
	r, _ := run(t, opts)
	pid := invokeEcho(t, r, "").PID
	var calls sync.WaitGroup
	_, err := r.Invoke(t.Context(), "event", payload("exit", ""))
	var failure *FunctionError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, TypeExited, failure.Type)
	require.Contains(t, failure.Message, "exit status 3")
	for range 4 {
		calls.Go(func() { require.NotEqual(t, pid, invokeEcho(t, r, "").PID) })
	}
	calls.Wait()

	pid = r.Instances()[0].PID
	require.NoError(t, r.Kill(pid))
	eventually(t, func() bool { return len(r.Instances()) == 0 }, "a killed instance is gone")
	require.NotEqual(t, pid, invokeEcho(t, r, "").PID)
	require.ErrorContains(t, r.Kill(pid), "no instance")
}

func TestInstancesThatCannotStartFailWhoWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		variable, value, want string
	}{
		"exits at once":     {"START", "exit", "exit status 7"},
		"initializer fails": {"INIT", "fail", "cannot initialise"},
	} {
		for _, fn := range []template.Function{eventFunction(), webFunction()} {
			t.Run(name+" "+fn.Name, func(t *testing.T) {
				t.Parallel()
				fn.Environment = map[string]string{c.variable: c.value}
				r, _ := run(t, only(fn))
				for range 2 { // the second one after a pause
					_, err := r.Invoke(t.Context(), fn.Name, payload("echo", ""))
					require.ErrorContains(t, err, c.want)
				}
				require.Empty(t, r.Instances())
			})
		}
	}
	fn := eventFunction()
	fn.CodeDir = t.TempDir()
	r, _ := run(t, Options{Functions: []template.Function{fn}, Warm: true})
	require.ErrorContains(t, r.Start(t.Context()), "build the functions first")
	require.NoError(t, os.WriteFile(filepath.Join(fn.CodeDir, "bootstrap"), []byte("text"), 0o600))
	require.ErrorContains(t, r.Start(t.Context()), "is not executable")
}

func TestCallerMayGiveUpWhileTheCallGoesOn(t *testing.T) {
	t.Parallel()
	fn := eventFunction()
	fn.Timeout = 2 * time.Second
	opts := only(fn)
	opts.MaxInstances = map[string]int{"event": 1}
	r, _ := run(t, opts)
	invokeEcho(t, r, "")
	running, giveUp := context.WithCancel(t.Context())
	var calls sync.WaitGroup
	calls.Go(func() {
		_, err := r.Invoke(running, "event", payload("wait", ""))
		require.ErrorIs(t, err, context.Canceled)
	})
	eventually(t, func() bool { return r.Instances()[0].State == "busy" }, "the call begins")
	queued, leave := context.WithCancel(t.Context())
	calls.Go(func() {
		_, err := r.Invoke(queued, "event", payload("echo", ""))
		require.ErrorIs(t, err, context.Canceled)
	})
	eventually(t, func() bool { return r.waiting("event") == 1 }, "the next one queues")
	leave()
	giveUp()
	calls.Wait()
	require.Equal(t, "busy", r.Instances()[0].State)
	require.NotZero(t, invokeEcho(t, r, "").PID)
	require.Equal(t, int64(3), r.Invocations()["event"], "who left the queue was never called")
}

func (r *Runtime) waiting(function string) int {
	p := r.pools[function]
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}

func TestFrozenBetweenCalls(t *testing.T) {
	t.Parallel()
	opts := Options{Functions: []template.Function{eventFunction(), webFunction()}, Freeze: true, Warm: true}
	r, _ := run(t, opts)
	require.NoError(t, r.Start(t.Context()))
	for range 3 {
		for _, in := range r.Instances() {
			require.Equal(t, "frozen", in.State)
			eventually(t, func() bool { return processState(in.PID) == "T" }, "stopped in fact")
		}
		invokeEcho(t, r, "")
		require.Equal(t, 202, get(t, r, "/echo").status)
	}
	require.Len(t, r.Instances(), 2, "thawed, not replaced")
}

func TestCloseRunsPreStopAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, freeze := range []bool{false, true} {
		dir := t.TempDir()
		opts := Options{
			Functions: []template.Function{eventFunction(), webFunction()}, Warm: true, Freeze: freeze,
			Env: func(fn string) map[string]string { return map[string]string{"MARK": filepath.Join(dir, fn)} },
		}
		r, _ := run(t, opts)
		require.NoError(t, r.Start(t.Context()))
		instances := r.Instances()
		require.NoError(t, r.Close())
		for _, in := range instances {
			require.Equal(t, "X", processState(in.PID))
			require.FileExists(t, filepath.Join(dir, in.Function))
		}
		_, err := r.Invoke(t.Context(), "event", payload("echo", ""))
		require.ErrorIs(t, err, ErrClosed)
	}
}

func TestCloseEndsCallsInFlight(t *testing.T) {
	t.Parallel()
	opts := only(eventFunction())
	opts.MaxInstances = map[string]int{"event": 1}
	r, _ := run(t, opts)
	invokeEcho(t, r, "")
	var calls sync.WaitGroup
	calls.Go(func() {
		_, err := r.Invoke(t.Context(), "event", payload("hang", ""))
		require.ErrorContains(t, err, TypeExited)
	})
	eventually(t, func() bool { return r.Instances()[0].State == "busy" }, "the call begins")
	calls.Go(func() {
		_, err := r.Invoke(t.Context(), "event", payload("echo", ""))
		require.ErrorIs(t, err, ErrClosed)
	})
	eventually(t, func() bool { return r.waiting("event") == 1 }, "the next one queues")
	require.NoError(t, r.Close())
	calls.Wait()
}

func TestLimits(t *testing.T) {
	t.Parallel()
	r, _ := run(t, only(eventFunction()))
	_, err := r.Invoke(t.Context(), "event", make([]byte, 32<<20+1))
	require.ErrorIs(t, err, ErrPayloadTooLarge)
	require.Equal(t, 32<<20-30, invokeEcho(t, r, strings.Repeat("x", 32<<20-30)).Size)
	_, err = r.Invoke(t.Context(), "none", nil)
	require.ErrorIs(t, err, ErrNoFunction)

	_, err = New(Options{Functions: []template.Function{eventFunction()}, Env: func(string) map[string]string {
		return map[string]string{"FC_X": "1", "BIG": strings.Repeat("x", 4<<10)}
	}})
	require.ErrorContains(t, err, "FC_X: the prefix FC_ is reserved")
	require.ErrorContains(t, err, "more than 4096")
}

func TestLinesAreHandedOnAsTheyWerePrinted(t *testing.T) {
	t.Parallel()
	r, j := run(t, only(eventFunction()))
	long := strings.Repeat("x", maxLine+1)
	_, err := r.Invoke(t.Context(), "event", payload("print", "short"))
	require.NoError(t, err)
	_, err = r.Invoke(t.Context(), "event", payload("print", long))
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, 3, strings.Count(j.text(), "event-1: short\n"))
	require.Equal(t, 3, strings.Count(j.text(), "event-1: "+long[:maxLine]+"\nevent-1: x\n"))
	require.Contains(t, j.text(), "event-1: no end of lineno end of line\n")
}
