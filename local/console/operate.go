package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/rocketmq"
)

// Bounds of lists.
const (
	defaultRefused = 100
	maxRefused     = 10_000
)

func (s *server) invariants(r *http.Request) (any, error) {
	if s.Invariants == nil {
		return nil, absent("the invariant checker")
	}
	return s.Invariants(r.Context())
}

func (s *server) refused(r *http.Request) (any, error) {
	if s.Refused == nil {
		return nil, absent("the list of refused inputs")
	}
	limit, err := number(r, "limit", defaultRefused, 1, maxRefused)
	if err != nil {
		return nil, err
	}
	list := s.Refused(int(limit))
	if list == nil {
		list = []Refusal{}
	}
	return map[string]any{"refused": list}, nil
}

// instance is one process of a function.
type instance struct {
	ID          string `json:"id"`
	PID         int    `json:"pid"`
	State       string `json:"state"` // starting, idle, busy, frozen
	InFlight    int    `json:"in_flight"`
	Invocations int64  `json:"invocations"`
}

// function is a function with its processes.
type function struct {
	Name        string     `json:"name"`
	Invocations int64      `json:"invocations"` // of ended instances too
	Instances   []instance `json:"instances"`
}

func (s *server) functions(*http.Request) (any, error) {
	if s.Functions == nil {
		return nil, absent("the function runtime")
	}
	return map[string]any{"functions": s.listFunctions()}, nil
}

func (s *server) listFunctions() []function {
	list := []function{}
	for name, n := range s.Functions.Invocations() {
		list = append(list, function{Name: name, Invocations: n, Instances: []instance{}})
	}
	slices.SortFunc(list, func(a, b function) int { return strings.Compare(a.Name, b.Name) })
	for _, i := range s.Functions.Instances() {
		at := slices.IndexFunc(list, func(f function) bool { return f.Name == i.Function })
		if at >= 0 {
			list[at].Instances = append(list[at].Instances, instance{i.ID, i.PID, i.State, i.InFlight, i.Invocations})
		}
	}
	return list
}

// topic is what a topic holds.
type topic struct {
	Name     string             `json:"name"`
	Type     rocketmq.TopicType `json:"type"`
	Messages int                `json:"messages"`
	Delayed  int                `json:"delayed"`
	Half     int                `json:"half"`
	Groups   []group            `json:"groups"`
}

// group is what a consumer group still has to do.
type group struct {
	Name     string     `json:"name"`
	Ready    int        `json:"ready"`
	InFlight int        `json:"in_flight"`
	Parked   int        `json:"parked"`
	Dead     int        `json:"dead"`
	Oldest   *time.Time `json:"oldest,omitempty"` // system time
}

func (s *server) topics(*http.Request) (any, error) {
	if s.Broker == nil {
		return nil, absent("the embedded broker")
	}
	stats := s.Broker.Stats()
	list := []topic{}
	for name, t := range stats.Topics {
		if !strings.HasPrefix(name, deadPrefix) {
			list = append(list, topic{Name: name, Type: t.Type, Messages: t.Messages, Delayed: t.Delayed, Half: t.Half, Groups: groups(t.Groups, stats)})
		}
	}
	slices.SortFunc(list, func(a, b topic) int { return strings.Compare(a.Name, b.Name) })
	return map[string]any{"topics": list, "messages": map[string]int64{
		"sent": stats.Sent, "delivered": stats.Delivered, "redelivered": stats.Redelivered, "acked": stats.Acked, "dead": stats.Dead, "recalled": stats.Recalled,
	}}, nil
}

// deadPrefix begins the topic of a group's dead letters, as in the real broker.
const deadPrefix = "%DLQ%"

func groups(of map[string]rocketmq.GroupStats, all rocketmq.Stats) []group {
	list := []group{}
	for name, g := range of {
		one := group{Name: name, Ready: g.Ready, InFlight: g.InFlight, Parked: g.Parked, Dead: all.Topics[deadPrefix+name].Messages}
		if !g.Oldest.IsZero() {
			one.Oldest = &g.Oldest
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b group) int { return strings.Compare(a.Name, b.Name) })
	return list
}
