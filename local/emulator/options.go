// Package emulator is the whole system on one machine, as one Go value: the functions of
// s.yaml as unmodified child processes, RocketMQ, a real SQL server, Redis, the gateway, the
// simulated platforms and carriers, and a virtual clock that they all obey.
//
// Not emulated: memory and CPU limits of instances, the cloud's scaling, access control of
// the cloud services, network failures between them, regions.
package emulator

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sqlserver"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/strategy"
)

// Options of an emulator. The zero value of a field is its default.
type Options struct {
	Root string // of the project, where s.yaml is; default "."

	Orders   int     // to push; negative = an endless trickle; 0 = none
	Lines    int     // of the bill that bench reconcile imports; 0 = its own number
	Rate     float64 // orders per second of virtual time; default 0.2
	RealRate bool    // Rate is per second of system time, however fast the clock runs
	Seed     int64   // 0 = from the system's randomness, printed
	Mix      string  // "jd=40,meituan=40,taobao=20"; platforms that are not there are left out
	Faults   string  // none, standard, or a JSON file
	Speed    float64 // ceiling of virtual time; default 1
	Start    time.Time

	ExitWhenSettled bool
	Patience        time.Duration // system time without progress after which Settle gives up; default 5 min
	JSON            bool
	NoBuild         bool    // the binaries in build/ are up to date
	Freeze          bool    // stop instances between calls, as the cloud does
	Verbose         bool    // print what functions log
	Haste           float64 // riders are so many times as fast, for clocks that cannot jump; default 1
	Instant         bool    // carriers answer without their usual latency
	Frozen          bool    // virtual time stands from the beginning
	Durability      sqlserver.Durability
	MaxInstances    map[string]int

	Strategies []strategy.Strategy   // in place of the seeded ones of the same names
	Accounts   []carrier.AccountRule // of prepaid accounts; each account with a carrier beyond its first, main, is simulated as a party of its own
	PhoneLife  time.Duration         // virtual, of 淘宝's privacy numbers; 0 = the simulator's default
	Deposits   map[string]money.Fen  // what accounts are prepaid with, by party (uupt, uupt-south), where it differs from the usual

	Services Services // real services, by address
	Reset    bool     // empty a real database that holds orders of an earlier run

	Bind                       string            // host of all addresses below instead of their own; default as they say
	PublicGateway              string            // the gateway's URL as the parties outside see it, where a proxy is in front; default its own
	Gateway, Console, RocketMQ string            // addresses; a taken port moves to the next free one
	Parties                    map[string]string // addresses of simulated parties, by name

	Code     map[string]string // folders with other builds of functions, by their resource in s.yaml
	Env      map[string]string // variables of all functions, over those that the emulator gives them
	Hook     BrokerHook        // spoils sends and deliveries, for tests
	BatchOne bool              // every trigger hands over single messages, for measuring
	Lockstep bool              // riders all take the same times, so that orders of one trip move together, for measuring
}

// defaultParties are the default addresses (fixed) of the platforms and, from their table, of
// the carriers.
var defaultParties = addresses(map[string]string{"jd": "127.0.0.1:9101", "meituan": "127.0.0.1:9102", "taobao": "127.0.0.1:9103"})

func addresses(all map[string]string) map[string]string {
	for _, c := range carrierTable {
		all[c.name] = c.address
	}
	return all
}

func (o Options) withDefaults() Options {
	set := func(v *string, d string) {
		if *v == "" {
			*v = d
		}
	}
	set(&o.Root, ".")
	set(&o.Mix, "jd=40,meituan=40,taobao=20")
	set(&o.Faults, "none")
	set(&o.Gateway, "127.0.0.1:9000")
	set(&o.Console, "127.0.0.1:9010")
	set(&o.RocketMQ, "127.0.0.1:9081")
	if o.Rate == 0 {
		o.Rate = 0.2
	}
	if o.Speed == 0 {
		o.Speed = 1
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Minute
	}
	if o.Haste == 0 {
		o.Haste = 1
	}
	if o.Durability == "" {
		o.Durability = sqlserver.Flush
	}
	parties := map[string]string{}
	for name, addr := range defaultParties {
		parties[name] = addr
		if a, ok := o.Parties[name]; ok {
			parties[name] = a
		}
	}
	for _, name := range o.accounts().parties() {
		if parties[name] == "" {
			parties[name] = "127.0.0.1:0"
		}
	}
	o.Parties = parties
	return o.bound()
}

// bound puts every address on the host to bind.
func (o Options) bound() Options {
	if o.Bind == "" {
		return o
	}
	move := func(addr string) string {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return addr // listening says what is wrong with it
		}
		return net.JoinHostPort(o.Bind, port)
	}
	o.Gateway, o.Console = move(o.Gateway), move(o.Console)
	for name, addr := range o.Parties {
		o.Parties[name] = move(addr)
	}
	return o
}

// Ephemeral makes every address a free port of the loopback interface, for tests.
func (o Options) Ephemeral() Options {
	const free = "127.0.0.1:0"
	o.Gateway, o.Console, o.RocketMQ = free, free, free
	o.Parties = map[string]string{}
	for name := range defaultParties {
		o.Parties[name] = free
	}
	return o
}

// ParseMix reads "jd=40,meituan=40,taobao=20" and leaves out what is not simulated; the names
// left out come back.
func ParseMix(text string) (mix map[string]int, missing []string, err error) {
	mix = map[string]int{}
	for part := range strings.SplitSeq(text, ",") {
		name, weight, ok := strings.Cut(strings.TrimSpace(part), "=")
		n, bad := strconv.Atoi(weight)
		if !ok || bad != nil || n < 0 || name == "" {
			return nil, nil, fmt.Errorf("--mix %q: want name=weight,name=weight", text)
		}
		if !slices.Contains(simulated, name) {
			missing = append(missing, name)
			continue
		}
		mix[name] = n
	}
	if len(mix) == 0 {
		return nil, missing, fmt.Errorf("--mix %q: none of these platforms is simulated", text)
	}
	return mix, missing, nil
}

// readFaults reads --faults.
func readFaults(name string) (*world.Faults, error) {
	switch name {
	case "none":
		return world.None(), nil
	case "standard":
		return world.Standard(), nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("--faults: want none, standard or a JSON file: %w", err)
	}
	f := world.None()
	if err := f.UnmarshalJSON(raw); err != nil {
		return nil, fmt.Errorf("--faults %s: %w", name, err)
	}
	return f, nil
}

// portTries is how far a taken port may move.
const portTries = 50

// listen takes an address, or the next free port after it.
func listen(addr string) (net.Listener, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	var last error
	for i := range portTries {
		var config net.ListenConfig
		l, err := config.Listen(background, "tcp", net.JoinHostPort(host, strconv.Itoa(port+i)))
		if err == nil {
			return l, nil
		}
		last = err
		if port == 0 {
			break
		}
	}
	return nil, fmt.Errorf("no free port from %s on: %w", addr, last)
}

// untaken is the address at which somebody else is to listen: itself when it leaves the port
// open, else itself or the next free one.
func untaken(addr string) (string, error) {
	if strings.HasSuffix(addr, ":0") {
		return addr, nil
	}
	l, err := listen(addr)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// writers that a run prints to.
type output struct {
	out io.Writer // for machines: the ready line and the summary
	log io.Writer // for people
}
