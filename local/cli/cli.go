// Package cli is the command line of 千帆: `qianfan <verb>`. Verbs that look at or change a running emulator speak to its control
// API; `up` and `bench` run one themselves; `topics` and `doctor` need none.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/scenario"
)

// Exit codes. 0 is success only.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitViolated = 3 // an invariant is violated, or the books do not match
	exitStopped  = 130
)

// commands is the whole grammar.
type commands struct {
	ConsoleURL string `name:"console" help:"Control API of a running emulator, ${default}." default:"http://127.0.0.1:9010" placeholder:"URL"`
	JSON       bool   `help:"Print JSON for machines."`

	Up        upCmd        `cmd:"" default:"withargs" help:"Run the whole system on this machine (the default)."`
	Order     orderCmd     `cmd:"" help:"Make, list, show and cancel orders."`
	Ledger    ledgerCmd    `cmd:"" help:"Balances and entries of the books."`
	Bill      billCmd      `cmd:"" help:"Download a simulated carrier's bill of a day, with deliberate mistakes if wanted."`
	Resync    resyncCmd    `cmd:"" help:"Rebuild from the carriers what a restore of the database lost."`
	Clock     clockCmd     `cmd:"" help:"Show and move virtual time."`
	Fault     faultCmd     `cmd:"" help:"What goes wrong in the simulated world."`
	DLQ       dlqCmd       `cmd:"" name:"dlq" help:"Dead letters."`
	Scenario  scenarioCmd  `cmd:"" help:"Play what is written in files."`
	Strategy  strategyCmd  `cmd:"" help:"Which carriers get which orders, and in which way."`
	Shop      shopCmd      `cmd:"" help:"Register shops, and say how carriers serve them."`
	Switch    switchCmd    `cmd:"" help:"Switch carriers, platforms and cities off and on."`
	Account   accountCmd   `cmd:"" help:"Prepaid accounts with carriers."`
	Penalty   penaltyCmd   `cmd:"" help:"What cancels cost on both sides (违约金), and why."`
	Tariff    tariffCmd    `cmd:"" help:"What platforms pay for a delivery, and why."`
	Audit     auditCmd     `cmd:"" help:"What was changed by hand, and by whom."`
	Topics    topicsCmd    `cmd:"" help:"Topics and consumer groups of s.yaml, for people, mqadmin or Terraform."`
	Verify    verifyCmd    `cmd:"" help:"Check s.yaml or s.prod.yaml before it is deployed."`
	Migrate   migrateCmd   `cmd:"" help:"Bring a real database to the schema of this build."`
	Provision provisionCmd `cmd:"" help:"Put shops, strategies and deposits into a real database."`
	Doctor    doctorCmd    `cmd:"" help:"Check what this machine needs."`
	Services  servicesCmd  `cmd:"" help:"Run real RocketMQ, Redis and MySQL for an emulator."`
	Bench     benchCmd     `cmd:"" help:"Measure."`
}

// env is what a verb works with.
type env struct {
	ctx    context.Context
	api    *api
	json   bool
	out    io.Writer
	errs   io.Writer
	look   func(string) (string, bool)
	engine engine
}

// engine runs emulators; a stand-in for tests.
type engine struct {
	up    func(ctx context.Context, o emulator.Options, out, errs io.Writer) error
	bench func(ctx context.Context, name string, o emulator.Options, out, errs io.Writer) error
	play  scenario.Player // nil = scenario.Play
}

// exitError carries an exit code; its cause says what happened.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage is an error about how a verb was called.
func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// Main runs one command line, without the program's name, and returns the exit code. The first SIGINT or SIGTERM ends what runs in
// good order, the second at once.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // from then on a signal kills
	return run(env{
		ctx: ctx, out: os.Stdout, errs: os.Stderr, look: os.LookupEnv,
		engine: engine{up: emulator.Up, bench: emulator.Bench},
	}, args)
}

// run parses args and runs the verb.
func run(e env, args []string) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("qianfan"),
		kong.Description("千帆: local delivery, aggregated. Without a verb it runs the whole system on this machine.\n\nExample: qianfan up --orders 300 --rate 10 --speed 60 --exit-when-settled"),
		kong.Writers(e.out, e.errs), kong.Exit(func(code int) { exited = code }),
		kong.WithHyphenPrefixedParameters(true),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Bind(&e), kong.Vars{"benches": strings.Join(emulator.BenchNames(), ", ")})
	if err != nil {
		return e.report(fmt.Errorf("command line: %w", err))
	}
	verb, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		return e.report(usage("%w; see `%s --help`", err, verbOf(err)))
	}
	e.json = c.JSON
	e.api = &api{base: c.ConsoleURL, client: &http.Client{Timeout: apiTimeout}}
	return e.report(verb.Run())
}

// verbOf is how far a command line was understood, for the advice which help to read.
func verbOf(err error) string {
	var p *kong.ParseError
	if !errors.As(err, &p) || p.Context == nil {
		return "qianfan"
	}
	verb := p.Context.Selected()
	if verb == nil || !slices.Contains(p.Context.Args, verb.Name) { // a default that nobody wrote
		return "qianfan"
	}
	return verb.FullPath()
}

// apiTimeout bounds one call of the control API: moving the clock by hours fires many timers.
const apiTimeout = 10 * time.Minute

// report prints an error and gives the exit code.
func (e *env) report(err error) int {
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintln(e.errs, "qianfan:", err)
	var x *exitError
	if errors.As(err, &x) {
		return x.code
	}
	return exitFailed
}
