package services

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"
)

// RedisOptions of StartRedis. The zero value is a server in the system's temporary directory.
type RedisOptions struct {
	// Dir is where the server's own directory is made; empty means the system's temporary directory. It must exist.
	Dir string
	// Log gets every line that the server prints; nil drops them.
	Log io.Writer
}

// Redis is a running server that keeps nothing on disk. Close it at the end. Kill and Restart are not for use by several goroutines
// at a time.
type Redis struct {
	options RedisOptions
	home    *home
	program string
	port    int
	client  *redis.Client

	server *process
	close  sync.Once
	closed error
}

// StartRedis starts the redis-server on PATH, on a free port of the loopback interface. It returns when the server answers. ctx bounds
// the start only.
func StartRedis(ctx context.Context, o RedisOptions) (*Redis, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("start Redis: %w: apt-get install -y --no-install-recommends redis-server", err)
	}
	for {
		r, err := startRedis(ctx, program, o)
		if !portTaken(err) {
			return r, err
		}
	}
}

func startRedis(ctx context.Context, program string, o RedisOptions) (*Redis, error) {
	port, err := freePorts(ctx, 1)
	if err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	home, err := newHome(o.Dir, "redis")
	if err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	r := &Redis{options: o, home: home, program: program, port: port}
	r.client = redis.NewClient(&redis.Options{Addr: r.Addr(), MaxRetries: -1})
	if err := r.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start Redis: %w", err), r.Close())
	}
	return r, nil
}

// arguments are the whole configuration: no file, no persistence, loopback only.
func (r *Redis) arguments() []string {
	return []string{
		"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", r.home.dir,
		"--save", "", "--appendonly", "no", "--loglevel", "notice", "--always-show-logo", "no",
	}
}

func (r *Redis) start(ctx context.Context) (err error) {
	cmd := exec.Command(r.program, r.arguments()...) //nolint:noctx // Close ends it
	if r.server, err = launch("redis", cmd, 0, r.options.Log); err != nil {
		return err
	}
	r.home.guardian.Watch(r.server.pid())
	return r.server.await(ctx, func(ctx context.Context) error {
		if err := until(ctx, func() error { return r.listens(ctx) }); err != nil {
			return err
		}
		return until(ctx, func() error { return r.client.Ping(ctx).Err() })
	})
}

// listens comes before the first command: the client writes to the program's standard error when it cannot connect.
func (r *Redis) listens(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.Addr())
	if err != nil {
		return err
	}
	return conn.Close()
}

// Addr is host:port.
func (r *Redis) Addr() string { return local(r.port) }

// Exited is closed when the server has ended, by Kill, by Close or by itself. Restart begins a new one.
func (r *Redis) Exited() <-chan struct{} { return r.server.exited }

// Kill ends the server at once, as kill -9 does.
func (r *Redis) Kill() {
	r.server.kill()
	r.home.guardian.Gone()
}

// Restart starts the server again on the same port, empty, killing it first if it runs. It returns when the server answers.
func (r *Redis) Restart(ctx context.Context) error {
	r.Kill()
	if err := r.start(ctx); err != nil {
		return fmt.Errorf("restart Redis: %w", err)
	}
	return nil
}

// FlushAll empties the server.
func (r *Redis) FlushAll(ctx context.Context) error {
	if err := r.client.FlushAll(ctx).Err(); err != nil {
		return fmt.Errorf("empty Redis: %w", err)
	}
	return nil
}

// Close kills the server and removes its directory. Closing again does nothing.
func (r *Redis) Close() error {
	r.close.Do(func() {
		if r.server != nil {
			r.server.kill()
		}
		r.closed = errors.Join(r.client.Close(), r.home.remove())
	})
	return r.closed
}
