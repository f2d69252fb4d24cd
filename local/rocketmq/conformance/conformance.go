// Package conformance is one script of scenarios for a RocketMQ 5 broker, run through the unmodified official client and
// the raw stubs. The embedded broker and a real one must both pass it, and the tables of what they answered can be compared.
package conformance

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/stretchr/testify/require"
)

// Env describes the broker under test. Its first check of an open transaction, and the time between checks, must be some
// seconds: a stock broker's half minute is beyond the suite's patience.
type Env struct {
	// Prefix begins the name of every topic and group. The topics must hold no messages yet: a fresh prefix each time.
	Prefix string
	// Recall is whether the broker allows recalls.
	Recall bool
}

// Topics are the topics that must exist before Run.
func Topics(prefix string) []rocketmq.Topic {
	of := func(kind rocketmq.TopicType, names ...string) []rocketmq.Topic {
		ts := make([]rocketmq.Topic, len(names))
		for i, name := range names {
			ts[i] = rocketmq.Topic{Name: prefix + name, Type: kind}
		}
		return ts
	}
	return slices.Concat(
		of(rocketmq.Normal, "normal", "redeliver", "change", "dead", "batch", "tags", "push", "limits", "receive",
			"bare", "many", "missing", "restart"),
		of(rocketmq.FIFO, "fifo", "fifo-limits", "bare-fifo"),
		of(rocketmq.Delay, "delay", "recall", "delay-limits", "bare-delay", "restart-delay"),
		of(rocketmq.Transaction, "transaction", "bare-transaction", "halves", "restart-transaction"),
	)
}

// Groups are the consumer groups that must exist before Run: one for each topic, and the reader of dead letters.
func Groups(prefix string) []rocketmq.Group {
	groups := []rocketmq.Group{{Name: prefix + "undertaker-group"}}
	for _, t := range Topics("") {
		g := rocketmq.Group{Name: prefix + t.Name + "-group", Ordered: t.Type == rocketmq.FIFO}
		if t.Name == "dead" {
			g.MaxAttempts = 2
		}
		groups = append(groups, g)
	}
	return groups
}

// Row is one observation. Allowed are the answers that a broker may give; where there are several, brokers may differ.
type Row struct {
	Scenario, Step, Got string
	Allowed             []string
}

func (r Row) key() string { return r.Scenario + ": " + r.Step }

// Table is what a broker answered, sorted by scenario; the steps of a scenario are in order.
type Table []Row

// String is one line per row.
func (t Table) String() string {
	var b strings.Builder
	for _, r := range t {
		fmt.Fprintf(&b, "%-14s %-44s %s\n", r.Scenario, r.Step, r.Got)
	}
	return b.String()
}

// SideBySide is one line per row of either table, with both answers; what differs is marked: ~ may, ! may not.
func SideBySide(a, b Table) string {
	others := map[string]string{}
	for _, r := range b {
		others[r.key()] = r.Got
	}
	var lines strings.Builder
	line := func(r Row, first, second string) {
		mark := " "
		switch {
		case first == second:
		case len(r.Allowed) > 1:
			mark = "~"
		default:
			mark = "!"
		}
		fmt.Fprintf(&lines, "%s %-14s %-44s %-40s %s\n", mark, r.Scenario, r.Step, first, second)
	}
	for _, r := range a {
		line(r, r.Got, others[r.key()])
		delete(others, r.key())
	}
	for _, r := range b {
		if got, only := others[r.key()]; only {
			line(r, "", got)
		}
	}
	return lines.String()
}

// Diff names the rows in which two brokers differ although they may not.
func Diff(a, b Table) []string {
	others := map[string]Row{}
	for _, r := range b {
		others[r.key()] = r
	}
	var diffs []string
	for _, r := range a {
		o, both := others[r.key()]
		switch {
		case !both:
			diffs = append(diffs, r.key()+": only in the first")
		case o.Got != r.Got && len(r.Allowed) < 2:
			diffs = append(diffs, fmt.Sprintf("%s: %s, %s", r.key(), r.Got, o.Got))
		}
		delete(others, r.key())
	}
	for _, k := range slices.Sorted(maps.Keys(others)) {
		diffs = append(diffs, k+": only in the second")
	}
	return diffs
}

// patience is how long anything may take to arrive; only a broken broker uses it up.
const patience = 60 * time.Second

// suite is one run.
type suite struct {
	endpoint string
	env      Env
	run      string // makes ids of this run its own
	clients  *clients

	mu   sync.Mutex
	rows Table
	seq  int
}

// scenario is one script. It runs in parallel with the others, on topics and groups of its own.
type scenario struct {
	*testing.T
	*suite
	name string
}

type script struct {
	name string
	run  func(*scenario)
}

// bare scripts use the raw stubs only. They run first, while the official clients grow old enough to be used.
var bare = []script{
	{"receive", receiveScript}, {"batch", batchScript}, {"dead", deadScript}, {"change", changeScript},
	{"unknown", unknownScript}, {"limits", limitsScript}, {"types", typesScript}, {"tags", tagsScript},
	{"delay-limits", delayLimitsScript}, {"bare", bareScript}, {"halves", halvesScript}, {"many", manyScript},
	{"missing", missingScript},
}

// pushing goes before the other scripts of the official client, because the push consumer takes long to stop.
var pushing = []script{{"push", pushScript}}

// official scripts use the official client.
var official = []script{
	{"redeliver", redeliverScript}, {"fifo", fifoScript}, {"normal", normalScript}, {"recall", recallScript},
	{"delay", delayScript}, {"transaction", transactionScript},
}

// Run runs every scenario against the broker at the endpoint, host:port without TLS, and returns what it answered. The
// topics and groups of the environment must exist.
func Run(t *testing.T, endpoint string, env Env) Table {
	t.Helper()
	s := newSuite(t, endpoint, env)
	s.clients = startClients(t, s)
	s.play(t, "bare", bare)
	s.play(t, "pushing", pushing)
	s.play(t, "official", official)
	slices.SortStableFunc(s.rows, func(a, b Row) int { return strings.Compare(a.Scenario, b.Scenario) })
	return s.rows
}

func newSuite(t *testing.T, endpoint string, env Env) *suite {
	t.Helper()
	raw := make([]byte, 6)
	_, err := rand.Read(raw)
	require.NoError(t, err)
	return &suite{endpoint: endpoint, env: env, run: hex.EncodeToString(raw)}
}

// play runs scripts in parallel and waits for all.
func (s *suite) play(t *testing.T, name string, scripts []script) {
	t.Run(name, func(t *testing.T) {
		for _, one := range scripts {
			t.Run(one.name, func(t *testing.T) {
				t.Parallel()
				one.run(&scenario{T: t, suite: s, name: one.name})
			})
		}
	})
}

// saw notes an observation and checks that it is allowed.
func (s *scenario) saw(step, got string, allowed ...string) {
	s.Helper()
	s.mu.Lock()
	s.rows = append(s.rows, Row{Scenario: s.name, Step: step, Got: got, Allowed: allowed})
	s.mu.Unlock()
	require.Contains(s, allowed, got, step)
}

// topic is the full name of one of the run's topics.
func (s *suite) topic(name string) string { return s.env.Prefix + name }

// group is the full name of the group that goes with a topic.
func (s *suite) group(name string) string { return s.env.Prefix + name + "-group" }

// nextID is an id of this run that no other has: of clients and of messages.
func (s *suite) nextID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	return fmt.Sprintf("01%s%020X", strings.ToUpper(s.run), s.seq)
}
