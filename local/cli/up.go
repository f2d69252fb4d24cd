package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sqlserver"
	"github.com/chuandao/qianfan/shared/function"
)

// upCmd runs an emulator.
type upCmd struct {
	Orders          int      `default:"-1" help:"Orders to push; -1 is an endless trickle, 0 none."`
	Rate            *float64 `help:"Orders per second of virtual time; 0.05 for an endless trickle, else 0.2."`
	RealRate        bool     `help:"The rate is per second of system time, however fast the clock runs."`
	Seed            int64    `help:"Of everything that is drawn; 0 picks one and prints it."`
	Mix             string   `default:"jd=40,meituan=40,taobao=20" help:"Share of each platform; those not simulated yet are left out."`
	Faults          string   `default:"none" placeholder:"none|standard|FILE" help:"What goes wrong; none is the default."`
	Speed           *float64 `help:"Ceiling of virtual time, times system time; 20 for an endless trickle, else 1."`
	Haste           float64  `default:"1" help:"Riders are so many times as fast: for real services, whose clock cannot jump."`
	ExitWhenSettled bool     `help:"End when every order is closed; exit 3 when an invariant is violated."`
	Durability      string   `default:"flush" enum:"flush,relaxed" help:"flush: a commit is on disk before it is answered; relaxed: faster."`
	Freeze          bool     `help:"Stop instances between calls, as the cloud does."`
	NoBuild         bool     `help:"The binaries in build/ are up to date."`
	Verbose         bool     `short:"v" help:"Print what functions log."`
	GatewayAddr     string   `default:"127.0.0.1:9000" help:"A taken port moves to the next free one."`
	ConsoleAddr     string   `default:"127.0.0.1:9010" help:"Of the console and the control API."`
	RocketmqAddr    string   `name:"rocketmq-addr" default:"127.0.0.1:9081" help:"Of the embedded RocketMQ."`
	Bind            string   `placeholder:"HOST" help:"Host to listen on with everything but the embedded RocketMQ, as 0.0.0.0 in a container; who reaches the console may do anything."`
	PublicGateway   string   `placeholder:"URL" help:"The gateway as the simulated parties see it, where a proxy stands in front."`
	Reset           bool     `help:"Empty the database of QIANFAN_MYSQL_DSN first: everything in it is lost."`
}

// Help is the example.
func (upCmd) Help() string {
	return `Examples:
  qianfan up
  qianfan up --orders 300 --rate 10 --speed 60 --seed 7 --faults standard --exit-when-settled --json

Real services replace the embedded ones by address: QIANFAN_MYSQL_DSN, QIANFAN_REDIS_ADDR, QIANFAN_ROCKETMQ_ENDPOINT. With a real
RocketMQ the clock runs at ×10 at most and never jumps. QIANFAN_MYSQL_DSN's user makes and migrates the database;
QIANFAN_MYSQL_APP_DSN names the one that functions are, which may not change the ledger.

With --json the first line of stdout is {"ready":{…}} and the last one the summary. Ctrl-C ends it; a second one kills it.`
}

// Run is the verb.
func (c *upCmd) Run(e *env) error {
	o, err := c.options(e.json, e.services())
	if err != nil {
		return err
	}
	return finished(e.ctx, o.ExitWhenSettled, e.engine.up(e.ctx, o, e.out, e.errs))
}

func (c *upCmd) options(json bool, services emulator.Services) (emulator.Options, error) {
	durability := map[string]sqlserver.Durability{"flush": sqlserver.Flush, "relaxed": sqlserver.Relaxed}[c.Durability]
	o := emulator.Options{
		Orders: c.Orders, Seed: c.Seed, Mix: c.Mix, Faults: c.Faults, ExitWhenSettled: c.ExitWhenSettled, JSON: json,
		NoBuild: c.NoBuild, Freeze: c.Freeze, Verbose: c.Verbose, Durability: durability,
		Gateway: c.GatewayAddr, Console: c.ConsoleAddr, RocketMQ: c.RocketmqAddr,
		Services: services, Haste: c.Haste, RealRate: c.RealRate, Bind: c.Bind, PublicGateway: strings.TrimSuffix(c.PublicGateway, "/"), Reset: c.Reset,
	}
	o.Rate, o.Speed = 0.2, 1
	if c.Orders < 0 {
		o.Rate, o.Speed = 0.05, 20 // about an order a second of real time, and rides that end within a minute or two
		if services.RocketMQ != "" {
			o.Speed = emulator.MaxRealSpeed
		}
	}
	if c.Rate != nil {
		o.Rate = *c.Rate
	}
	if c.Speed != nil {
		o.Speed = *c.Speed
	}
	switch {
	case !(o.Rate > 0):
		return o, usage("--rate %v: want more than 0 orders per second; --orders 0 pushes none", o.Rate)
	case !(o.Speed > 0):
		return o, usage("--speed %v: want more than 0; `qianfan clock freeze` makes time stand", o.Speed)
	case services.RocketMQ != "" && o.Speed > emulator.MaxRealSpeed:
		return o, usage("--speed %v: a real RocketMQ (QIANFAN_ROCKETMQ_ENDPOINT) cannot follow virtual time, want at most %d", o.Speed, emulator.MaxRealSpeed)
	case !(c.Haste >= 1 && c.Haste <= 100):
		return o, usage("--haste %v: want 1 to 100", c.Haste)
	case c.Reset && services.MySQLDSN == "":
		return o, usage("--reset empties the database of QIANFAN_MYSQL_DSN, which is not set; the embedded one is new each time")
	case c.Bind != "" && net.ParseIP(c.Bind) == nil:
		return o, usage("--bind %q: want an IP address, as 0.0.0.0", c.Bind)
	case c.PublicGateway != "" && !strings.HasPrefix(c.PublicGateway, "http://") && !strings.HasPrefix(c.PublicGateway, "https://"):
		return o, usage("--public-gateway %q: want a URL, as http://gateway:80", c.PublicGateway)
	case c.Orders < -1:
		return o, usage("--orders %d: want a number of orders, 0 for none, or -1 for an endless trickle", c.Orders)
	case c.Orders < 0 && c.ExitWhenSettled:
		return o, usage("--exit-when-settled needs an end: say how many --orders")
	}
	return o, errors.Join(checkMix(c.Mix), checkAddresses(map[string]string{
		"--gateway-addr": c.GatewayAddr, "--console-addr": c.ConsoleAddr, "--rocketmq-addr": c.RocketmqAddr,
	}))
}

// services are the real ones that the environment names.
func (e *env) services() emulator.Services {
	value := func(name string) string { v, _ := e.look(name); return v }
	return emulator.Services{
		OTLP: value("QIANFAN_OTLP_ENDPOINT"), OTLPHeaders: value("QIANFAN_OTLP_HEADERS"),
		MySQLDSN: value(function.EnvMySQLDSN), AppDSN: value(function.EnvMySQLAppDSN), RedisAddr: value(function.EnvRedisAddr), RocketMQ: value(function.EnvRocketMQEndpoint),
	}
}

func checkAddresses(byFlag map[string]string) error {
	for _, flag := range slices.Sorted(maps.Keys(byFlag)) {
		_, port, err := net.SplitHostPort(byFlag[flag])
		if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
			return usage("%s %q: want a host and a port, as 127.0.0.1:9000, or port 0 for any free one", flag, byFlag[flag])
		}
	}
	return nil
}

// checkMix finds a misspelt mix before anything is started.
func checkMix(mix string) error {
	for part := range strings.SplitSeq(mix, ",") {
		name, share, ok := strings.Cut(strings.TrimSpace(part), "=")
		if n, err := strconv.Atoi(share); !ok || err != nil || n < 0 || name == "" {
			return usage("--mix %q: want shares such as jd=40,meituan=40,taobao=20", mix)
		}
	}
	return nil
}

// finished turns the end of a run into an exit code. A run without an end of its own is meant to be stopped.
func finished(ctx context.Context, hasEnd bool, err error) error {
	switch {
	case errors.Is(err, emulator.ErrBench):
		return usage("%w", err)
	case errors.Is(err, emulator.ErrViolated):
		return &exitError{exitViolated, err}
	case ctx.Err() != nil && hasEnd:
		return &exitError{exitStopped, fmt.Errorf("stopped before every order was closed")}
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return nil
	}
	var missing *fs.PathError
	if errors.As(err, &missing) && filepath.Base(missing.Path) == "s.yaml" {
		return fmt.Errorf("%w; run it in the project's folder, where s.yaml is", err)
	}
	return err
}

// benchCmd measures.
type benchCmd struct {
	Name       string  `arg:"" default:"latency" help:"What to measure: ${benches}."`
	Orders     int     `default:"0" help:"Orders to measure with; 0 is the benchmark's own number."`
	Lines      int     `default:"0" help:"Lines of the bill of reconcile; 0 is 3,000,000."`
	Rate       float64 `default:"0" help:"Orders per second of virtual time; 0 is the benchmark's own rate."`
	Seed       int64   `default:"1" help:"Of everything that is drawn."`
	Durability string  `default:"flush" enum:"flush,relaxed" help:"As for up."`
	NoBuild    bool    `help:"The binaries in build/ are up to date."`
	Reset      bool    `help:"As for up."`
}

// Help is the example.
func (benchCmd) Help() string { return "Example:\n  qianfan bench latency --json" }

// Run is the verb.
func (c *benchCmd) Run(e *env) error {
	durability := map[string]sqlserver.Durability{"flush": sqlserver.Flush, "relaxed": sqlserver.Relaxed}[c.Durability]
	o := emulator.Options{Orders: c.Orders, Lines: c.Lines, Rate: c.Rate, Seed: c.Seed, Durability: durability, NoBuild: c.NoBuild, JSON: e.json, Services: e.services(), Reset: c.Reset}
	return finished(e.ctx, true, e.engine.bench(e.ctx, c.Name, o, e.out, e.errs))
}
