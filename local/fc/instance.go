package fc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/chuandao/qianfan/local/template"
)

// startTimeout is how long a custom runtime has to open its port (function-compute.md §2.2); go1 gets the same to poll first.
const startTimeout = 120 * time.Second

// instance is one child process and the protocol spoken with it.
type instance struct {
	pool        *pool
	id          string
	invocations atomic.Int64
	killed      atomic.Bool // by us: not a crash

	// set by start
	process  *process
	protocol protocol

	// guarded by pool.mu
	ready    bool
	stopping bool
	inFlight int
	drained  chan struct{} // of a retired instance: closed after its last call; else nil
}

// protocol is one runtime's way to talk with a process.
type protocol interface {
	// variables are what the process finds in its environment to be reached.
	variables() map[string]string
	// ready waits until the process can take calls.
	ready(ctx context.Context) error
	// call runs one call or hook. It ends with ctx at the latest; only errors of the function are *FunctionError.
	call(ctx context.Context, c call) ([]byte, error)
	// close lets go of sockets; the process is dead.
	close()
}

type callKind int

const (
	kindInvoke callKind = iota
	kindInitialize
	kindPreStop
)

type call struct {
	kind      callKind
	requestID string
	payload   []byte
	deadline  time.Time // system time
	timeout   time.Duration
}

// enter takes a place. The pool's lock is held.
func (in *instance) enter() {
	in.inFlight++
	in.process.thaw()
}

// start runs the process and its initializer.
func (in *instance) start(ctx context.Context) (err error) {
	fn := in.pool.fn
	r := in.pool.runtime
	command, dir, err := in.command()
	if err != nil {
		return err
	}
	variables, err := r.variables(fn)
	if err != nil {
		return err
	}
	if in.protocol, err = newProtocol(r, in); err != nil {
		return err
	}
	env := processEnvironment(variables, r.systemVariables(fn, in.id, dir), in.protocol.variables())
	in.process, err = r.spawner.spawn(command, dir, env, func(line string) { r.opts.Log(fn.Name, in.id, line) })
	if err != nil {
		in.protocol.close()
		return err
	}
	r.work.Go(func() {
		<-in.process.exited
		in.pool.gone(in)
		in.protocol.close() // after the process: without its runtime API a go1 child would spin
	})
	defer func() {
		if err != nil {
			in.process.kill()
			<-in.process.exited
		}
	}()
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := in.protocol.ready(starting); err != nil {
		return fmt.Errorf("wait for %s: %w", in.id, err)
	}
	return in.hook(ctx, kindInitialize, fn.Initializer)
}

func newProtocol(r *Runtime, in *instance) (protocol, error) {
	if in.pool.fn.Custom() {
		return newCustom(r, in)
	}
	return newManaged(r, in)
}

// command is what to execute. /code stands for the code folder, as in the cloud.
func (in *instance) command() (command []string, dir string, err error) {
	fn := in.pool.fn
	dir = in.pool.runtime.opts.CodeDir(fn)
	command = []string{filepath.Join(dir, fn.Handler)}
	if fn.Custom() {
		command = make([]string, len(fn.Command))
		for i, part := range fn.Command {
			command[i] = part
			if rest, ok := strings.CutPrefix(part, "/code/"); ok {
				command[i] = filepath.Join(dir, rest)
			}
		}
	}
	info, err := os.Stat(command[0])
	switch {
	case errors.Is(err, os.ErrNotExist) && strings.HasPrefix(command[0], dir):
		return nil, "", fmt.Errorf("code of %s: %w (build the functions first)", fn.Name, err)
	case err == nil && (info.IsDir() || info.Mode().Perm()&0o111 == 0):
		return nil, "", fmt.Errorf("code of %s: %s is not executable", fn.Name, command[0])
	}
	return command, dir, nil
}

func (in *instance) hook(ctx context.Context, kind callKind, h *template.Hook) error {
	if h == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	_, err := in.protocol.call(ctx, in.newCall(kind, nil, h.Timeout))
	return err
}

func (in *instance) newCall(kind callKind, payload []byte, timeout time.Duration) call {
	return call{
		kind: kind, requestID: newRequestID(), payload: payload, timeout: timeout,
		deadline: in.pool.runtime.opts.System().Add(timeout),
	}
}

func newRequestID() string { return uuid.NewString() }

// invoke runs one event call; ctx as for timed. A function that is not done at its timeout is killed.
func (in *instance) invoke(ctx context.Context, payload []byte) (Result, error) {
	system := in.pool.runtime.opts.System
	began := system()
	c := in.newCall(kindInvoke, payload, in.pool.fn.Timeout)
	var out []byte
	err := in.timed(ctx, c.requestID, func(ctx context.Context) (err error) {
		out, err = in.protocol.call(ctx, c)
		return err
	})
	return Result{RequestID: c.requestID, Payload: out, Duration: system().Sub(began)}, err
}

// timed counts a call and ends it, and the process with it, at the function's timeout. ctx must not end by itself: a caller who hangs
// up does not stop a function.
func (in *instance) timed(ctx context.Context, requestID string, run func(ctx context.Context) error) error {
	fn := in.pool.fn
	in.invocations.Add(1)
	in.pool.invocations.Add(1)
	ctx, cancel := context.WithTimeout(ctx, fn.Timeout)
	defer cancel()
	err := run(ctx)
	switch {
	case err == nil:
		in.pool.worked()
	case ctx.Err() != nil:
		in.killed.Store(true)
		in.process.interrogate()
		<-in.process.exited
		return in.failure(requestID, TypeTimeout, fmt.Sprintf("not done after %s", fn.Timeout))
	}
	return err
}

func (in *instance) failure(requestID, kind, message string) *FunctionError {
	return &FunctionError{Function: in.pool.fn.Name, RequestID: requestID, Type: kind, Message: message}
}

// exited is the failure of a call whose process ended under it.
func (in *instance) exited(requestID string) *FunctionError {
	return in.failure(requestID, TypeExited, in.process.how())
}

// stop ends an instance that gets no more calls: at once when it still has some, else after its PreStop hook. One that dies by itself
// before or in its hook is a crash like any other: it is logged, and no failure of stop.
func (in *instance) stop() error {
	in.pool.mu.Lock()
	idle := in.inFlight == 0
	in.process.thaw()
	in.pool.mu.Unlock()
	var err error
	if idle && !in.process.ended() {
		err = in.hook(context.Background(), kindPreStop, in.pool.fn.PreStop)
	}
	var failure *FunctionError
	if errors.As(err, &failure) && failure.Type == TypeExited {
		in.pool.runtime.opts.Log(in.pool.fn.Name, in.id, "WARNING: crashed before it was stopped: "+failure.Message)
		err = nil
	}
	in.killed.Store(true)
	if errors.Is(err, context.DeadlineExceeded) {
		in.process.interrogate()
	}
	in.process.kill()
	<-in.process.exited
	if err != nil {
		return fmt.Errorf("pre-stop of %s: %w", in.id, err)
	}
	return nil
}

// account is the made-up owner of every function.
const account = "1000000000000000"

// variables are a function's own, with those of the emulator over them.
func (r *Runtime) variables(fn template.Function) (map[string]string, error) {
	all := make(map[string]string, len(fn.Environment))
	for k, v := range fn.Environment {
		all[k] = v
	}
	if r.opts.Env != nil {
		for k, v := range r.opts.Env(fn.Name) {
			all[k] = v
		}
	}
	return all, template.CheckEnvironment(all)
}

// systemVariables are the platform's (function-compute.md §2.3).
func (r *Runtime) systemVariables(fn template.Function, instance, dir string) map[string]string {
	return map[string]string{
		"FC_FUNC_CODE_PATH": dir, "FC_ACCOUNT_ID": account, "FC_FUNCTION_NAME": fn.Name, "FC_FUNCTION_HANDLER": fn.Handler,
		"FC_FUNCTION_MEMORY_SIZE": strconv.Itoa(fn.MemoryMB), "FC_REGION": fn.Region, "FC_INSTANCE_ID": instance,
		"FC_FUNCTION_VERSION": "LATEST", "FC_VER_ID": "LATEST",
		"ALIBABA_CLOUD_ACCESS_KEY_ID": "local", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "local", "ALIBABA_CLOUD_SECURITY_TOKEN": "local",
	}
}

// commonHeaders are what every call tells the function about itself.
func (r *Runtime) commonHeaders(fn template.Function, c call) map[string]string {
	return map[string]string{
		"x-fc-request-id": c.requestID, "x-fc-function-name": fn.Name, "x-fc-function-handler": fn.Handler,
		"x-fc-function-memory": strconv.Itoa(fn.MemoryMB), "x-fc-function-timeout": strconv.Itoa(int(c.timeout / time.Second)),
		"x-fc-region": fn.Region, "x-fc-account-id": account, "x-fc-qualifier": "LATEST", "x-fc-version-id": "LATEST",
		"x-fc-access-key-id": "local", "x-fc-access-key-secret": "local", "x-fc-security-token": "local",
	}
}
