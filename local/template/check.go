package template

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

// Limits of the platform (function-compute.md §2.5).
const (
	maxEnvironment  = 4 << 10
	maxTriggers     = 50
	maxPreStop      = 90
	memoryStep      = 64
	cpuStep         = 0.05
	maxMemoryPerCPU = 4.0
)

var (
	variableName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	resourceName = regexp.MustCompile(`^[%A-Za-z0-9_-]{1,60}$`) // of topics and groups
)

// CheckEnvironment finds what the platform refuses in a function's variables: names, the reserved prefix FC_, more than 4 KB in all.
func CheckEnvironment(variables map[string]string) error {
	var problems Problems
	size := 0
	for name, value := range variables {
		size += len(name) + len(value)
		switch {
		case !variableName.MatchString(name):
			problems.add(name, "a variable's name is a letter, then letters, digits and underscores")
		case strings.HasPrefix(name, "FC_"):
			problems.add(name, "the prefix FC_ is reserved")
		}
	}
	if size > maxEnvironment {
		problems.add("environmentVariables", "%d bytes in all: more than %d", size, maxEnvironment)
	}
	return problems.err()
}

// checkFunction checks what concerns one function alone.
func (b *builder) checkFunction(path string, p functionProps) {
	if err := CheckEnvironment(p.EnvironmentVariables); err != nil {
		b.problems.add(path+".environmentVariables", "%v", err)
	}
	if _, ok := p.EnvironmentVariables["QIANFAN_DEV"]; ok {
		b.problems.add(path+".environmentVariables.QIANFAN_DEV", "only the emulator may set it")
	}
	if p.MemorySize%memoryStep != 0 {
		b.problems.add(path+".memorySize", "must be a multiple of %d", memoryStep)
	}
	if steps := p.CPU / cpuStep; math.Abs(steps-math.Round(steps)) > 1e-9 {
		b.problems.add(path+".cpu", "must be a multiple of %g", cpuStep)
	}
	if perCPU := float64(p.MemorySize) / 1024 / p.CPU; p.CPU > 0 && (perCPU < 1 || perCPU > maxMemoryPerCPU) {
		b.problems.add(path+".cpu", "cpu to memory in GB must be between 1:1 and 1:4")
	}
	if p.Runtime == "go1" {
		b.checkManaged(path, p)
	}
	if l := p.InstanceLifecycleConfig; l != nil && l.PreStop != nil && l.PreStop.Timeout > maxPreStop {
		b.problems.add(path+".instanceLifecycleConfig.preStop.timeout", "at most %d", maxPreStop)
	}
	if len(p.Triggers) > maxTriggers {
		b.problems.add(path+".triggers", "at most %d", maxTriggers)
	}
	b.checkTriggerList(path+".triggers", p.Triggers)
}

func (b *builder) checkManaged(path string, p functionProps) {
	if p.Handler == "" {
		b.problems.add(path+".handler", "is missing: the executable's path in the code folder")
	}
	if p.InstanceConcurrency > 1 {
		b.problems.add(path+".instanceConcurrency", "go1 takes one request per instance")
	}
	if p.CustomRuntimeConfig != nil {
		b.problems.add(path+".customRuntimeConfig", "is not for go1")
	}
}

// checkTriggerList: names are unique, and eventbridge triggers come last, because the deploy tool skips what follows an unchanged one.
func (b *builder) checkTriggerList(path string, triggers []trigger) {
	streams, names := false, map[string]bool{}
	for i, t := range triggers {
		at := fmt.Sprintf("%s[%d]", path, i)
		if names[t.TriggerName] {
			b.problems.add(at+".triggerName", "%q is used twice", t.TriggerName)
		}
		names[t.TriggerName] = true
		if t.TriggerType == "eventbridge" {
			streams = true
		} else if streams {
			b.problems.add(at, "stands after an eventbridge trigger and might not be deployed")
		}
	}
}

// check checks what concerns the file as a whole.
func (b *builder) check() {
	b.checkNames()
	b.checkStreams()
	for _, r := range b.file.Routes {
		fn, ok := b.file.Function(r.Function)
		switch {
		case !ok:
			b.problems.add("routes "+r.Path, "no function %q", r.Function)
		case fn.HTTP == nil:
			b.problems.add("routes "+r.Path, "function %q has no HTTP trigger", r.Function)
		}
		if !strings.HasPrefix(r.Path, "/") || strings.Contains(strings.TrimSuffix(r.Path, "*"), "*") {
			b.problems.add("routes "+r.Path, "a path begins with / and has a * only at its end")
		}
	}
}

func (b *builder) checkNames() {
	seen := map[string]bool{}
	for _, fn := range b.file.Functions {
		if seen["function "+fn.Name] {
			b.problems.add("resources."+fn.Resource, "a second function %q", fn.Name)
		}
		seen["function "+fn.Name] = true
	}
	for _, t := range b.file.Topics {
		if !resourceName.MatchString(t.Name) || seen["topic "+t.Name] {
			b.problems.add("vars.topics", "%q is not a name of its own: letters, digits, _ - %%, 1 to 60", t.Name)
		}
		seen["topic "+t.Name] = true
	}
	for _, g := range b.file.Groups {
		if !resourceName.MatchString(g) || seen["group "+g] {
			b.problems.add("vars.groups", "%q is not a name of its own: letters, digits, _ - %%, 1 to 60", g)
		}
		seen["group "+g] = true
	}
}

func (b *builder) checkStreams() {
	hasTopic := func(name string) bool {
		return slices.ContainsFunc(b.file.Topics, func(t Topic) bool { return t.Name == name })
	}
	users := map[string][]string{}
	for _, s := range b.file.Streams() {
		at := "function " + s.Function + " trigger " + s.Name
		users[s.Group] = append(users[s.Group], s.Function+"/"+s.Name)
		if !hasTopic(s.Topic) {
			b.problems.add(at, "topic %q is not in vars.topics", s.Topic)
		}
		if s.DeadLetterTopic != "" && !hasTopic(s.DeadLetterTopic) {
			b.problems.add(at, "dead letter topic %q is not in vars.topics", s.DeadLetterTopic)
		}
		if !slices.Contains(b.file.Groups, s.Group) {
			b.problems.add(at, "group %q is not in vars.groups", s.Group)
		}
	}
	for group, by := range users {
		if len(by) > 1 {
			b.problems.add("group "+group, "is shared by %s: every trigger needs its own", joined(by))
		}
	}
	for _, g := range b.file.Groups {
		if len(users[g]) == 0 {
			b.problems.add("vars.groups", "%q belongs to no enabled trigger", g)
		}
	}
}
