package deploy

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	known "github.com/chuandao/qianfan/shared/carrier/carriers"
	stage "github.com/chuandao/qianfan/shared/function"
)

// Limits of the platform.
const (
	maxEnvironment = 4 << 10 // bytes of all names and values of a function
	cpuStep        = 0.05
	maxMemoryRatio = 4.0 // GB for one cpu; the least is 1
)

// whole checks what concerns single functions beyond the schema, and then what lies between them.
func (c *checker) whole() {
	for _, f := range c.functions {
		c.checkSize(f)
		c.checkEnvironment(f)
		c.checkParties(f)
		c.checkTriggers(f)
		c.checkScaling(f)
	}
	c.checkNames()
	c.checkStreams()
	c.checkRoutes()
	c.checkLimits()
}

func (c *checker) checkSize(f function) {
	if steps := f.CPU / cpuStep; math.Abs(steps-math.Round(steps)) > 1e-9 {
		c.add(f.at+".cpu", "round it", "%g is not a multiple of %g", f.CPU, cpuStep)
	}
	if ratio := f.MemorySize / 1024 / f.CPU; f.CPU > 0 && (ratio < 1 || ratio > maxMemoryRatio) {
		c.add(f.at+".cpu", "cpu to memory in GB must be between 1:1 and 1:4", "%g cpu with %g MB", f.CPU, f.MemorySize)
	}
}

func (c *checker) checkEnvironment(f function) {
	at, size, texts := f.at+".environmentVariables", 0, map[string]string{}
	for name, value := range f.Environment {
		text, ok := value.(string)
		if !ok {
			continue // the schema says so
		}
		texts[name] = text
		size += len(name) + len(text)
	}
	if size > maxEnvironment {
		c.add(at, "shorten the parties' settings, longest first: "+longest(texts), "%d bytes in all, more than %d", size, maxEnvironment)
	}
	env := stage.NewEnv(func(name string) (string, bool) { v, ok := texts[name]; return v, ok && name != stage.EnvDev })
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		env.Optional(name, "") // looks for published secrets
	}
	var bad *stage.SettingsError
	if errors.As(env.Err(), &bad) {
		for _, text := range bad.Problems {
			name, what, _ := strings.Cut(text, " ")
			c.add(at+"."+name, "set the party's own credentials; the function refuses these at start", "%s", what)
		}
	}
}

var (
	carriers  = known.Variables()
	platforms = []string{stage.EnvJD, stage.EnvMeituan, stage.EnvTaobao, stage.EnvCanonical}
)

// checkParties: a function that serves carriers must know one, and one that only serves platforms one of those. Each of them may
// be left out, so nothing else would tell that the shell of the deployment had none of their settings: every order would be
// refused, or fail for want of a carrier. A function with a single party does for that one what others do not need.
// A description without a database is only looked at, and may lack them.
func (c *checker) checkParties(f function) {
	if dsn, _ := f.Environment[stage.EnvMySQLDSN].(string); dsn == "" {
		return
	}
	served := f.lists(carriers)
	if len(served) == 0 {
		served = f.lists(platforms)
	}
	known := func(name string) bool {
		text, isText := f.Environment[name].(string)
		return !isText || text != ""
	}
	if len(served) > 1 && !slices.ContainsFunc(served, known) {
		c.add(f.at+".environmentVariables", "set at least one of "+strings.Join(served, ", "), "it serves parties and knows none of them")
	}
}

// lists are those of the names that are among the function's variables.
func (f function) lists(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { _, ok := f.Environment[name]; return !ok })
}

// longest names the three longest variables with their size.
func longest(texts map[string]string) string {
	names := slices.SortedFunc(maps.Keys(texts), func(a, b string) int {
		if d := len(texts[b]) - len(texts[a]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, name := range names[:min(3, len(names))] {
		parts = append(parts, fmt.Sprintf("%s %d", name, len(name)+len(texts[name])))
	}
	return strings.Join(parts, ", ")
}

// checkTriggers: names are unique, a web function has one HTTP trigger, and event streams come last.
func (c *checker) checkTriggers(f function) {
	https, stream, names := 0, "", map[string]bool{}
	for i, t := range f.Triggers {
		at := fmt.Sprintf("%s.triggers[%d]", f.at, i)
		if names[t.Name] {
			c.add(at+".triggerName", "give every trigger of a function its own name", "%q is used twice", t.Name)
		}
		names[t.Name] = true
		switch {
		case t.Type == "eventbridge":
			stream = t.Name
		case stream != "":
			c.add(at, fmt.Sprintf("move it before %q: the deploy tool skips what follows an unchanged eventbridge trigger", stream),
				"the %s trigger %q stands after an eventbridge trigger", t.Type, t.Name)
		}
		if t.Type == "http" {
			if https++; https > 1 {
				c.add(at, "remove it: a version has one HTTP trigger", "%q is a second HTTP trigger", t.Name)
			}
		}
	}
	if https == 0 && strings.HasPrefix(f.Runtime, "custom") {
		c.add(f.at+".triggers", "add one, before all others", "a web function without an HTTP trigger is never called")
	}
}

func (c *checker) checkScaling(f function) {
	at, names := f.at+".scalingConfig", map[string]bool{}
	for i, p := range f.Scaling.Policies {
		one := fmt.Sprintf("%s.scheduledPolicies[%d]", at, i)
		if names[p.Name] {
			c.add(one+".name", "give every policy of a function its own name", "%q is used twice", p.Name)
		}
		names[p.Name] = true
		if p.Start >= p.End { // both in UTC and of one form
			c.add(one+".endTime", "end it after its start", "%s is not after %s", p.End, p.Start)
		}
		if p.Target > f.Concurrency.Reserved {
			c.add(one+".target", "raise reservedConcurrency or lower the target", "%d warm instances, but at most %d may run", p.Target, f.Concurrency.Reserved)
		}
	}
	// An instance takes one batch at a time: with fewer of them a stream that is behind takes the place of another, or of the
	// sweep, which is then dropped.
	need := 0
	for _, t := range f.Triggers {
		switch t.Type {
		case "eventbridge":
			need += c.vars.StreamConcurrency
		case "timer":
			need++
		}
	}
	if need > f.Concurrency.Reserved {
		c.add(f.at+".concurrencyConfig.reservedConcurrency", fmt.Sprintf("raise it to %d, or lower vars.streamConcurrency", need),
			"at most %d instances for the %d calls that its triggers may make at a time", f.Concurrency.Reserved, need)
	}
	if f.Scaling.MinInstances > f.Concurrency.Reserved {
		c.add(at+".minInstances", "raise reservedConcurrency or lower it", "%d warm instances, but at most %d may run", f.Scaling.MinInstances, f.Concurrency.Reserved)
	}
}

func (c *checker) checkNames() {
	seen := map[string]bool{}
	for _, f := range c.functions {
		if seen[f.Name] {
			c.add(f.at+".functionName", "give it a name of its own", "a second function %q", f.Name)
		}
		seen[f.Name] = true
	}
}

var deadLetterARN = regexp.MustCompile(`^acs:mq:([^:/]+):[^:/]+:/instances/([^/]+)/topic/([^/]+)$`)

// checkStreams: every trigger has a declared group that nobody else uses, a declared topic, and declared dead letters.
func (c *checker) checkStreams() {
	topics, users := map[string]bool{}, map[string][]string{}
	for _, t := range c.vars.Topics {
		topics[t.Name] = true
	}
	groups := slices.Collect(maps.Values(c.vars.Groups))
	for _, f := range c.functions {
		for i, t := range f.Triggers {
			if t.Type != "eventbridge" {
				continue
			}
			source, at := t.Config.Source.Parameters.RocketMQ, fmt.Sprintf("%s.triggers[%d].triggerConfig", f.at, i)
			params := at + ".eventSourceConfig.eventSourceParameters.sourceRocketMQParameters"
			if by := users[source.Group]; len(by) > 0 {
				c.add(params+".GroupID", "give every trigger its own group, named GID-<function>-<topic>", "group %q serves %s already", source.Group, strings.Join(by, " and "))
			}
			users[source.Group] = append(users[source.Group], f.Name+"/"+t.Name)
			if !slices.Contains(groups, source.Group) {
				c.add(params+".GroupID", "declare it in vars.groups: it must exist before the trigger starts", "group %q is not declared", source.Group)
			}
			if !topics[source.Topic] {
				c.add(params+".Topic", "declare it in vars.topics", "topic %q is not declared", source.Topic)
			}
			if source.Region != f.Region {
				c.add(params+".RegionId", "use vars.region for both", "instance in %q, function in %q", source.Region, f.Region)
			}
			c.checkDeadLetters(at+".runOptions.deadLetterQueue.Arn", t, topics)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.vars.Groups)) {
		if group := c.vars.Groups[key]; len(users[group]) == 0 {
			c.add("vars.groups."+key, "remove it, or give it to the trigger that lacks it", "group %q belongs to no trigger", group)
		}
	}
}

func (c *checker) checkDeadLetters(at string, t trigger, topics map[string]bool) {
	m := deadLetterARN.FindStringSubmatch(t.Config.Run.DeadLetters.ARN)
	if m == nil {
		return // the schema says so
	}
	source := t.Config.Source.Parameters.RocketMQ
	if m[1] != source.Region || m[2] != source.Instance {
		c.add(at, "use the instance that the trigger reads", "dead letters would go to instance %s in %s", m[2], m[1])
	}
	if !topics[m[3]] {
		c.add(at, "declare it in vars.topics", "topic %q is not declared", m[3])
	}
}

func (c *checker) checkRoutes() {
	web := map[string]bool{}
	for _, f := range c.functions {
		web[f.Name] = slices.ContainsFunc(f.Triggers, func(t trigger) bool { return t.Type == "http" })
	}
	for _, d := range c.domains {
		seen := map[string]bool{}
		for i, r := range d.RouteConfig.Routes {
			at := fmt.Sprintf("%s.routeConfig.routes[%d]", d.at, i)
			isWeb, exists := web[r.Function]
			switch {
			case !exists:
				c.add(at+".functionName", "name it by ${resources.<name>.props.functionName}", "there is no function %q", r.Function)
			case !isWeb:
				c.add(at+".functionName", "route to a web function", "function %q has no HTTP trigger", r.Function)
			}
			if seen[r.Path] {
				c.add(at+".path", "keep one of them", "%q is routed twice", r.Path)
			}
			seen[r.Path] = true
		}
	}
}

// checkLimits adds up what all functions together may take.
func (c *checker) checkLimits() {
	streams, instances, connections := 0, 0, 0
	for _, f := range c.functions {
		instances += f.Concurrency.Reserved
		text, _ := f.Environment["QIANFAN_MYSQL_CONNS"].(string)
		each, err := strconv.Atoi(text)
		if err != nil {
			c.add(f.at+".environmentVariables.QIANFAN_MYSQL_CONNS", "say how many SQL connections one instance may hold", "%q is not a number", text)
		}
		connections += f.Concurrency.Reserved * each
		for _, t := range f.Triggers {
			if t.Type == "eventbridge" {
				streams++
			}
		}
	}
	for _, l := range []struct {
		name, what   string
		taken, limit int
	}{
		{"instances", "instances (the sum of reservedConcurrency)", instances, c.vars.Limits.Instances},
		{"mysqlConnections", "SQL connections (reservedConcurrency × QIANFAN_MYSQL_CONNS)", connections, c.vars.Limits.MySQLConnections},
		{"eventStreams", "event streams", streams, c.vars.Limits.EventStreams},
	} {
		if l.taken > l.limit {
			c.add("vars.limits."+l.name, "lower the functions' sizes, or have the account's quota raised and write the new one here", "%d %s, more than %d", l.taken, l.what, l.limit)
		}
	}
}
