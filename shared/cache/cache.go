// Package cache is the connection to Redis, which holds only what may be lost: what instances tell each other to be
// quicker, never what anybody relies on.
//
// Redis away is a state, not an error of anybody's work: the first operation that fails costs at most one short timeout,
// then the client is bypassed for a few seconds and every operation is ErrAway at once. Callers go on with what they know
// themselves. There are no retries and no goroutines of our own, because instances are frozen between calls.
package cache

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/chuandao/qianfan/shared/clock"
)

const (
	ioTimeout   = 100 * time.Millisecond // of one read or write, unless Options says otherwise
	dialTimeout = 2                      // of these
	wholeTrip   = 2.5                    // of these is all that one operation may cost, connecting included
	bypassFor   = 5 * time.Second        // nothing is tried for so long after a failure
	retireIdle  = 10 * time.Second       // well before the 20 s of silence after which sockets may be dead
	poolSize    = 16
)

// ErrAway says that there is no Redis, or that it failed a moment ago.
var ErrAway = errors.New("redis is away")

// Options says where Redis is.
type Options struct {
	Addr     string           // host:port; empty = there is none, every operation is ErrAway
	Password string           // may be empty; on Alibaba Cloud "account:password" for an account of its own
	TLS      bool             // as on instances with TLS switched on
	Timeout  time.Duration    // of one read or write; 0 = 100 ms. An operation that must connect may take 2.5 times as long
	Now      func() time.Time // system time; nil = the system's clock
	Log      *slog.Logger     // nil = slog.Default() at the time of logging
}

// Client does pipelines on Redis, or says that it is away. It is safe for concurrent use.
type Client struct {
	options Options

	mu     sync.Mutex
	conns  *redis.Client // nil until the next use: after a failure every pooled socket is suspect
	until  time.Time     // bypassed until then
	away   bool
	closed bool
}

// silence keeps the library's own log lines out of ours: one line tells of each outage.
var silence = sync.OnceFunc(logging.Disable)

// New makes a client. Nothing is connected before the first operation, so New cannot fail.
func New(o Options) *Client {
	silence()
	if o.Now == nil {
		o.Now = clock.System.Now
	}
	if o.Timeout == 0 {
		o.Timeout = ioTimeout
	}
	return &Client{options: o}
}

// Key names an entry: qf:<area>:v<version>:<part>:…. The version is raised when the shape of the entry's value changes,
// so that the builds of a rolling upgrade never read each other's.
func Key(area string, version int, parts ...string) string {
	return "qf:" + area + ":v" + strconv.Itoa(version) + ":" + strings.Join(parts, ":")
}

// Pipe sends the commands that fill queues in one round trip. The results are in the commands; an entry that does not
// exist leaves redis.Nil in its command and is no failure. An error means that nothing is known of any of the commands:
// it wraps ErrAway, or is ctx's own when the caller ended it. Every entry that fill writes must be given an expiry.
func (c *Client) Pipe(ctx context.Context, fill func(redis.Pipeliner)) error {
	conns, err := c.connections()
	if err != nil {
		return err
	}
	trip, cancel := context.WithTimeout(ctx, times(wholeTrip, c.options.Timeout))
	defer cancel()
	p := conns.Pipeline()
	fill(p)
	if p.Len() == 0 {
		return nil
	}
	cmds, err := p.Exec(trip)
	if err = failure(cmds, err); err == nil {
		c.back(conns)
		return nil
	}
	if ctx.Err() != nil { // the caller's time was over, which says nothing of Redis
		return fmt.Errorf("redis: %w", ctx.Err())
	}
	c.leave(conns, err)
	return fmt.Errorf("%w: %w", ErrAway, err)
}

// failure is the first real error of a pipeline.
func failure(cmds []redis.Cmder, err error) error {
	if err == nil || !errors.Is(err, redis.Nil) {
		return err
	}
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
	}
	return nil
}

// connections are those to use now, unless the client is bypassed. When a bypass ends one caller tries and the others
// go on being bypassed until it knows.
func (c *Client) connections() (*redis.Client, error) {
	if c.options.Addr == "" {
		return nil, ErrAway
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.options.Now()
	if c.closed || now.Before(c.until) {
		return nil, ErrAway
	}
	if c.away {
		c.until = now.Add(bypassFor)
	}
	if c.conns == nil {
		c.conns = c.open()
	}
	return c.conns, nil
}

// leave begins a bypass. Of several that fail together the first does.
func (c *Client) leave(conns *redis.Client, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns != conns {
		return
	}
	c.conns = nil
	c.until = c.options.Now().Add(bypassFor)
	_ = conns.Close() // its sockets are of no use; there is nobody to tell
	if !c.away && !c.closed {
		c.log().Warn("redis is away, going on without it", "addr", c.options.Addr, "error", err)
	}
	c.away = true
}

func (c *Client) back(conns *redis.Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.away || c.conns != conns {
		return
	}
	c.away, c.until = false, time.Time{}
	c.log().Info("redis is back", "addr", c.options.Addr)
}

func (c *Client) log() *slog.Logger {
	if c.options.Log != nil {
		return c.options.Log
	}
	return slog.Default()
}

// Close ends the connections; later operations are ErrAway.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.conns == nil {
		return nil
	}
	err := c.conns.Close()
	c.conns = nil
	return err
}

func (c *Client) open() *redis.Client {
	o := &redis.Options{
		Addr: c.options.Addr, Password: c.options.Password,
		DialTimeout: times(dialTimeout, c.options.Timeout), ReadTimeout: c.options.Timeout, WriteTimeout: c.options.Timeout, ContextTimeoutEnabled: true,
		MaxRetries: -1, DialerRetries: 1, // one try; the bypass decides about the next
		PoolSize: poolSize, PoolTimeout: c.options.Timeout, PipelinePoolSize: -1, ConnMaxIdleTime: retireIdle,
		Protocol: 2, DisableIdentity: true, // no more than every server of the last ten years understands
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if c.options.TLS {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return redis.NewClient(o)
}

func times(n float64, d time.Duration) time.Duration { return time.Duration(n * float64(d)) }
