package services

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/chuandao/qianfan/local/rocketmq"
)

// RocketMQOptions of StartRocketMQ. The zero value is an empty broker in the system's temporary directory.
type RocketMQOptions struct {
	// Dir is where the broker's own directory is made; empty means the system's temporary directory. It must exist.
	Dir string
	// Topics and Groups exist when StartRocketMQ returns. Nothing else does: names that are not declared are refused.
	Topics []rocketmq.Topic
	Groups []rocketmq.Group
	// TransactionTimeout is the age of a half message at its first check-back (0: 6 s), CheckInterval the time between two looks for
	// such messages (0: 30 s). Both are the broker's stock figures.
	TransactionTimeout, CheckInterval time.Duration
	// CheckMax is after how many check-backs a half message is given up (0: 15).
	CheckMax int
	// Log gets every line that the processes print; nil drops them.
	Log io.Writer
}

// RocketMQ is a running name server, and a proxy with the broker inside. Close it at the end. Kill and Restart are not for use by
// several goroutines at a time.
type RocketMQ struct {
	options RocketMQOptions
	home    *home
	jars    string
	script  string
	ports   rocketmqPorts
	conn    *grpc.ClientConn // to the gRPC endpoint, for what is administered

	namesrv *process
	broker  *process
	close   sync.Once
	closed  error
}

// rocketmqPorts are neighbours: the broker takes the one two below its own as well.
type rocketmqPorts struct{ namesrv, grpc, remoting, ha, fast, broker int }

const rocketmqPortCount = 7

func portsFrom(first int) rocketmqPorts {
	return rocketmqPorts{namesrv: first, grpc: first + 1, remoting: first + 2, ha: first + 3, fast: first + 4, broker: first + 6}
}

// StartRocketMQ installs RocketMQ if need be (see InstallRocketMQ), and starts it. It returns when the gRPC endpoint answers for
// every topic and group. ctx bounds the start only.
func StartRocketMQ(ctx context.Context, o RocketMQOptions) (*RocketMQ, error) {
	jars, err := InstallRocketMQ(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	for {
		r, err := startRocketMQ(ctx, jars, o)
		if !portTaken(err) {
			return r, err
		}
	}
}

// portTaken tells that somebody took a port between our look and the broker's.
func portTaken(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "Address already in use") || strings.Contains(err.Error(), "BindException"))
}

func startRocketMQ(ctx context.Context, jars string, o RocketMQOptions) (*RocketMQ, error) {
	first, err := freePorts(ctx, rocketmqPortCount)
	if err != nil {
		return nil, fmt.Errorf("start RocketMQ: %w", err)
	}
	home, err := newHome(o.Dir, "rocketmq")
	if err != nil {
		return nil, fmt.Errorf("start RocketMQ: %w", err)
	}
	r := &RocketMQ{options: o, home: home, jars: jars, ports: portsFrom(first)}
	if err := r.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start RocketMQ: %w", err), r.Close())
	}
	return r, nil
}

func (r *RocketMQ) start(ctx context.Context) (err error) {
	if r.script, err = unpackScripts(r.home.dir); err != nil {
		return err
	}
	if r.conn, err = dial(r.Endpoint()); err != nil {
		return err
	}
	if r.namesrv, err = launch("namesrv", r.command("run", "namesrv"), 0, r.options.Log); err != nil {
		return err
	}
	r.home.guardian.Watch(r.group())
	if err := r.startBroker(ctx); err != nil {
		return err
	}
	return r.CreateTopics(ctx, r.options.Topics, r.options.Groups)
}

func (r *RocketMQ) startBroker(ctx context.Context) (err error) {
	if r.broker, err = launch("broker", r.command("run", "proxy"), r.group(), r.options.Log); err != nil {
		return err
	}
	return r.broker.await(ctx, func(ctx context.Context) error { return answers(ctx, r.conn) })
}

// group is the process group of all of it: the name server's.
func (r *RocketMQ) group() int { return r.namesrv.pid() }

// Endpoint is the gRPC endpoint that clients use, host:port without TLS.
func (r *RocketMQ) Endpoint() string { return local(r.ports.grpc) }

// Namesrv is the name server's host:port, for mqadmin.
func (r *RocketMQ) Namesrv() string { return local(r.ports.namesrv) }

// Exited is closed when the broker has ended, by Kill, by Close or by itself. Restart begins a new one.
func (r *RocketMQ) Exited() <-chan struct{} { return r.broker.exited }

// Kill ends proxy and broker at once, as kill -9 does. The name server stays.
func (r *RocketMQ) Kill() { r.broker.kill() }

// Restart starts proxy and broker again on the same ports and store, killing them first if they run. It returns when the gRPC
// endpoint answers for every topic that was there.
func (r *RocketMQ) Restart(ctx context.Context) error {
	r.Kill()
	if err := r.startBroker(ctx); err != nil {
		return fmt.Errorf("restart RocketMQ: %w", err)
	}
	if err := verify(ctx, r.conn, r.options.Topics, r.options.Groups); err != nil {
		return fmt.Errorf("restart RocketMQ: %w", err)
	}
	return nil
}

// Close kills everything and removes the store. Closing again does nothing.
func (r *RocketMQ) Close() error {
	r.close.Do(func() {
		for _, p := range []*process{r.broker, r.namesrv} {
			if p != nil {
				p.kill()
			}
		}
		if r.conn != nil {
			r.closed = r.conn.Close()
		}
		r.closed = errors.Join(r.closed, r.home.remove())
	})
	return r.closed
}

// command is a run of the script with this broker's settings.
func (r *RocketMQ) command(args ...string) *exec.Cmd {
	return scriptCommand(r.script, r.home.dir, r.environment(), args...)
}

func scriptCommand(script, dir string, env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("bash", append([]string{script}, args...)...) //nolint:noctx // whoever launches it ends it
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

func (r *RocketMQ) environment() []string {
	env := []string{
		"ROCKETMQ_DIR=" + r.jars, "ROCKETMQ_DATA=" + r.home.dir,
		"ROCKETMQ_NAMESRV=" + r.Namesrv(),
		fmt.Sprintf("ROCKETMQ_NAMESRV_PORT=%d", r.ports.namesrv),
		fmt.Sprintf("ROCKETMQ_GRPC_PORT=%d", r.ports.grpc),
		fmt.Sprintf("ROCKETMQ_REMOTING_PORT=%d", r.ports.remoting),
		fmt.Sprintf("ROCKETMQ_BROKER_PORT=%d", r.ports.broker),
		fmt.Sprintf("ROCKETMQ_HA_PORT=%d", r.ports.ha),
		"ROCKETMQ_JAVA_OPTIONS=-XX:TieredStopAtLevel=1", // two cores that do other things as well
	}
	if d := r.options.TransactionTimeout; d > 0 {
		env = append(env, fmt.Sprintf("ROCKETMQ_TRANSACTION_TIMEOUT_MS=%d", d.Milliseconds()))
	}
	if d := r.options.CheckInterval; d > 0 {
		env = append(env, fmt.Sprintf("ROCKETMQ_TRANSACTION_CHECK_MS=%d", d.Milliseconds()))
	}
	if n := r.options.CheckMax; n > 0 {
		env = append(env, fmt.Sprintf("ROCKETMQ_TRANSACTION_CHECK_MAX=%d", n))
	}
	return env
}
