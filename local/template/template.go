// Package template reads s.yaml, the description that `s deploy` deploys, as far as the emulator needs it: variables, environment,
// template inheritance, references, functions, triggers, routes. It is stricter than the deploy tool, which checks nothing inside
// trigger blocks: a misspelt key is an error here, with its path.
package template

import (
	"fmt"
	"sort"
	"strings"
	"time"
)

// File is a whole s.yaml, resolved and checked.
type File struct {
	Name              string
	Dir               string // absolute folder of the file; code paths are relative to it
	Functions         []Function
	Routes            []Route
	Topics            []Topic
	Groups            []string // consumer groups, one per RocketMQ trigger
	StreamConcurrency int      // batches of one stream that may be with a function at a time
}

// Function is one fc3 resource.
type Function struct {
	Resource    string // key under resources
	Name        string // functionName
	Region      string
	Runtime     string // go1, or custom, custom.debian10 …
	Handler     string
	CodeDir     string // absolute
	MemoryMB    int
	CPU         float64
	DiskMB      int
	Timeout     time.Duration
	Concurrency int // requests one instance takes at a time: 1 on go1
	Environment map[string]string
	Command     []string // custom runtimes: command and args
	Port        int      // custom runtimes
	Initializer *Hook    // nil when not configured
	PreStop     *Hook
	HTTP        *HTTPTrigger
	Timers      []Timer
	Streams     []Stream
}

// Custom tells a web function (HTTP server on a custom runtime) from one on the managed runtime go1.
func (f Function) Custom() bool { return strings.HasPrefix(f.Runtime, "custom") }

// Hook is a lifecycle hook.
type Hook struct {
	Handler string
	Timeout time.Duration
}

// HTTPTrigger lets requests from outside in.
type HTTPTrigger struct {
	Name     string
	AuthType string // anonymous, function or jwt
	Methods  []string
}

// Timer is a timer trigger.
type Timer struct {
	Function string
	Name     string
	Schedule Schedule
	Payload  string
}

// Retry strategies and tolerances of a stream.
const (
	BackoffRetry          = "BACKOFF_RETRY"
	ExponentialDecayRetry = "EXPONENTIAL_DECAY_RETRY"
	ToleranceNone         = "NONE"
	ToleranceAll          = "ALL"
	SchemaCloudEvents     = "CloudEvents"
	SchemaRawData         = "RawData"
)

// Stream is a RocketMQ trigger in mode event-streaming.
type Stream struct {
	Function        string
	Name            string
	Region          string
	Account         string // from the dead letter queue's ARN
	Instance        string
	Topic           string
	Group           string
	Tag             string // "*" for all
	CountWindow     int    // messages
	TimeWindow      time.Duration
	Retry           string // BackoffRetry or ExponentialDecayRetry
	ErrorsTolerance string // ToleranceNone or ToleranceAll
	DeadLetterTopic string
	EventSchema     string // SchemaCloudEvents or SchemaRawData
}

// Route is a path of the custom domain. A trailing * stands for any rest.
type Route struct {
	Path     string
	Function string
	Methods  []string // empty: all
}

// Topic is a topic with its message type: NORMAL, FIFO, DELAY or TRANSACTION.
type Topic struct {
	Name string
	Type string
}

// Function finds a function by name.
func (f *File) Function(name string) (Function, bool) {
	for _, fn := range f.Functions {
		if fn.Name == name {
			return fn, true
		}
	}
	return Function{}, false
}

// Streams lists the streams of all functions.
func (f *File) Streams() []Stream {
	var all []Stream
	for _, fn := range f.Functions {
		all = append(all, fn.Streams...)
	}
	return all
}

// Timers lists the timer triggers of all functions.
func (f *File) Timers() []Timer {
	var all []Timer
	for _, fn := range f.Functions {
		all = append(all, fn.Timers...)
	}
	return all
}

// Problems is the error for a file that can be read but must not be deployed: every problem, each with its path.
type Problems []string

func (p Problems) Error() string {
	return fmt.Sprintf("%d problems: %s", len(p), strings.Join(p, "; "))
}

func (p *Problems) add(path, format string, args ...any) {
	*p = append(*p, path+": "+fmt.Sprintf(format, args...))
}

func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	sort.Strings(p)
	return p
}
