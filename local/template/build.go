package template

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/deploy"
)

// build turns a resolved tree into a File.
func build(tree map[string]any, dir string) (*File, error) {
	b := &builder{file: &File{Dir: dir}}
	b.header(tree)
	b.vars(tree["vars"])
	resources, _ := tree["resources"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		b.resource(name, resources[name])
	}
	b.check()
	if err := b.problems.err(); err != nil {
		return nil, err
	}
	return b.file, nil
}

type builder struct {
	decoder
	file *File
}

func (b *builder) header(tree map[string]any) {
	b.file.Name, _ = tree["name"].(string)
	if b.file.Name == "" {
		b.problems.add("name", "is missing")
	}
	if tree["edition"] != "3.0.0" {
		b.problems.add("edition", "must be 3.0.0")
	}
	known := []string{"edition", "name", "access", "vars", "template", "resources", "actions", "flow"}
	for key := range tree {
		if !slices.Contains(known, key) {
			b.problems.add(key, "unknown key")
		}
	}
}

func (b *builder) vars(v any) {
	var vars varsSection
	b.open = true
	b.decode("vars", v, &vars)
	b.file.StreamConcurrency = vars.StreamConcurrency
	for _, key := range slices.Sorted(maps.Keys(vars.Topics)) {
		b.file.Topics = append(b.file.Topics, Topic(vars.Topics[key]))
	}
	for _, key := range slices.Sorted(maps.Keys(vars.Groups)) {
		b.file.Groups = append(b.file.Groups, vars.Groups[key])
	}
}

func (b *builder) resource(name string, v any) {
	resource, _ := v.(map[string]any)
	path := "resources." + name
	switch component, _ := resource["component"].(string); deploy.ComponentName(component) {
	case "fc3":
		var props functionProps
		b.decode(path+".props", resource["props"], &props)
		b.function(path+".props", name, props)
	case "fc3-domain":
		var props domainProps
		b.decode(path+".props", resource["props"], &props)
		for _, r := range props.RouteConfig.Routes {
			b.file.Routes = append(b.file.Routes, Route{Path: r.Path, Function: r.FunctionName, Methods: r.Methods})
		}
	default:
		b.problems.add(path+".component", "%q is neither fc3 nor fc3-domain", component)
	}
}

func (b *builder) function(path, resource string, p functionProps) {
	fn := Function{
		Resource: resource, Name: p.FunctionName, Region: p.Region, Runtime: p.Runtime, Handler: p.Handler,
		CodeDir: filepath.Join(b.file.Dir, p.Code), MemoryMB: p.MemorySize, CPU: p.CPU, DiskMB: p.DiskSize,
		Timeout: seconds(p.Timeout), Concurrency: max(1, p.InstanceConcurrency), Environment: p.EnvironmentVariables,
	}
	if filepath.IsAbs(p.Code) {
		fn.CodeDir = p.Code
	}
	if fn.Environment == nil {
		fn.Environment = map[string]string{}
	}
	if c := p.CustomRuntimeConfig; c != nil {
		fn.Command, fn.Port = append(slices.Clone(c.Command), c.Args...), c.Port
	}
	if fn.Custom() && len(fn.Command) == 0 {
		fn.Command = []string{"/code/bootstrap"}
	}
	if l := p.InstanceLifecycleConfig; l != nil {
		fn.Initializer, fn.PreStop = hookOf(l.Initializer), hookOf(l.PreStop)
	}
	b.checkFunction(path, p)
	for i, t := range p.Triggers {
		b.trigger(fmt.Sprintf("%s.triggers[%d]", path, i), &fn, t)
	}
	b.file.Functions = append(b.file.Functions, fn)
}

func hookOf(h *lifecycleHook) *Hook {
	if h == nil {
		return nil
	}
	return &Hook{Handler: h.Handler, Timeout: seconds(h.Timeout)}
}

func (b *builder) trigger(path string, fn *Function, t trigger) {
	config := path + ".triggerConfig"
	if t.TriggerConfig == nil {
		return // already said to be missing
	}
	switch t.TriggerType {
	case "http":
		var c httpConfig
		b.decode(config, t.TriggerConfig, &c)
		if fn.HTTP != nil {
			b.problems.add(path, "a second HTTP trigger: a version has one at most")
		}
		fn.HTTP = &HTTPTrigger{Name: t.TriggerName, AuthType: c.AuthType, Methods: c.Methods}
	case "timer":
		var c timerConfig
		b.decode(config, t.TriggerConfig, &c)
		schedule, err := ParseSchedule(c.CronExpression)
		if err != nil {
			b.problems.add(config+".cronExpression", "%v", err)
			return
		}
		if c.Enable {
			fn.Timers = append(fn.Timers, Timer{Function: fn.Name, Name: t.TriggerName, Schedule: schedule, Payload: c.Payload})
		}
	case "eventbridge":
		b.stream(path, fn, t)
	}
}

var deadLetterARN = regexp.MustCompile(`^acs:mq:([^:/]+):([^:/]+):/instances/([^/]+)/topic/([^/]+)$`)

func (b *builder) stream(path string, fn *Function, t trigger) {
	var c eventbridgeConfig
	config := path + ".triggerConfig"
	b.decode(config, t.TriggerConfig, &c)
	if t.InvocationRole == "" {
		b.problems.add(path+".invocationRole", "is missing: the deploy tool would create roles by itself")
	}
	if c.AsyncInvocationType {
		b.problems.add(config+".asyncInvocationType", "must be false: a function's error has to drive the trigger's retries")
	}
	source, run := c.EventSourceConfig.EventSourceParameters.RocketMQ, c.RunOptions
	s := Stream{
		Function: fn.Name, Name: t.TriggerName, Region: source.RegionID, Instance: source.InstanceID, Topic: source.Topic, Group: source.GroupID,
		Tag: source.Tag, CountWindow: run.BatchWindow.CountBasedWindow, TimeWindow: seconds(run.BatchWindow.TimeBasedWindow),
		Retry: run.RetryStrategy.PushRetryStrategy, ErrorsTolerance: run.ErrorsTolerance, EventSchema: c.EventSinkConfig.DeliveryOption.EventSchema,
	}
	if s.Tag == "" {
		s.Tag = "*"
	}
	if arn := run.DeadLetterQueue.Arn; arn != "" {
		m := deadLetterARN.FindStringSubmatch(arn)
		if m == nil {
			b.problems.add(config+".runOptions.deadLetterQueue.Arn", "%q is not acs:mq:<region>:<account>:/instances/<id>/topic/<topic>", arn)
		} else {
			s.Account, s.DeadLetterTopic = m[2], m[4]
		}
	}
	if s.Region != fn.Region {
		b.problems.add(config+".eventSourceConfig", "instance and function must be in the same region, not %s and %s", s.Region, fn.Region)
	}
	if c.TriggerEnable {
		fn.Streams = append(fn.Streams, s)
	}
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func joined(names []string) string { return strings.Join(names, ", ") }
