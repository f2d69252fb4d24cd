package template

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const deployed = "../../s.yaml"

func TestDeployedFileIsWhatTheDesignSays(t *testing.T) {
	t.Parallel()
	file, err := Load(deployed, nil)
	require.NoError(t, err)

	reads := map[string][]string{}
	for _, fn := range file.Functions {
		reads[fn.Name] = []string{}
		for _, s := range fn.Streams {
			reads[fn.Name] = append(reads[fn.Name], s.Topic)
			require.Equal(t, "GID-"+fn.Name+"-"+s.Topic, s.Group)
			require.Equal(t, Stream{
				Function: fn.Name, Name: s.Topic, Region: "cn-hangzhou", Account: "1000000000000000", Instance: "rmq-cn-preview", Topic: s.Topic,
				Group: s.Group, Tag: "*", CountWindow: 100, Retry: ExponentialDecayRetry, ErrorsTolerance: ToleranceAll,
				DeadLetterTopic: "dead-letter", EventSchema: SchemaCloudEvents,
			}, s)
		}
		require.NotNil(t, fn.Initializer)
		require.NotNil(t, fn.PreStop)
		require.True(t, strings.HasSuffix(fn.CodeDir, "/build/"+fn.Name))
		if fn.Custom() {
			require.Equal(t, "custom.debian12", fn.Runtime)
			require.Equal(t, 100, fn.Concurrency)
			require.Equal(t, []string{"/code/bootstrap"}, fn.Command)
			require.Equal(t, "anonymous", fn.HTTP.AuthType)
		} else {
			require.Equal(t, "go1", fn.Runtime)
			require.Equal(t, "bootstrap", fn.Handler)
			require.Equal(t, 1, fn.Concurrency)
		}
	}
	require.Equal(t, map[string][]string{
		"intake": {}, "callback": {},
		"quote":    {"order-accepted", "quote-wanted"},
		"dispatch": {"order-quoted", "carrier-event", "order-command"},
		"report":   {"order-status"},
		"settle":   {"settlement"},
		"timeout":  {"order-timer", "dead-letter"},
	}, reads)
	require.Equal(t, 8, file.StreamConcurrency)
	require.ElementsMatch(t, []Topic{
		{"order-accepted", "TRANSACTION"}, {"quote-wanted", "NORMAL"}, {"order-quoted", "NORMAL"}, {"carrier-event", "NORMAL"},
		{"order-command", "NORMAL"}, {"order-status", "NORMAL"}, {"settlement", "FIFO"}, {"order-timer", "DELAY"}, {"dead-letter", "NORMAL"},
	}, file.Topics)
	require.Len(t, file.Groups, len(file.Streams()))
	require.ElementsMatch(t, []Route{
		{"/upstream/*", "intake", []string{"GET", "POST", "PATCH"}}, {"/carrier/*", "callback", []string{"GET", "POST"}},
	}, file.Routes)
	require.Len(t, file.Timers(), 1)
	sweep := file.Timers()[0]
	require.Equal(t, "timeout", sweep.Function)
	require.Equal(t, "@every 1m", sweep.Schedule.String())
}

// deploy/testdata has what Serverless Devs prints for `s preview -o json` with the variables of preview.env; its tests keep that true.
func TestResolvedTreeIsThatOfTheDeployTool(t *testing.T) {
	t.Parallel()
	const previews = "../../deploy/testdata/"
	variables := map[string]string{}
	text, err := os.ReadFile(previews + "preview.env")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			variables[name] = value
		}
	}
	for file, golden := range map[string]string{"s.yaml": "preview-s.json", "s.prod.yaml": "preview-s.prod.json"} {
		tree, err := Render("../../"+file, func(name string) (string, bool) { v, ok := variables[name]; return v, ok })
		require.NoError(t, err)
		ours, err := json.Marshal(map[string]any{"vars": tree["vars"], "resources": tree["resources"]})
		require.NoError(t, err)
		var theirs map[string]any
		text, err := os.ReadFile(previews + golden)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &theirs))
		want, err := json.Marshal(map[string]any{"vars": theirs["vars"], "resources": theirs["resources"]})
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(ours), file)
	}
}

// broken loads the deployed file after replacements of its text.
func broken(t *testing.T, replacements ...string) error {
	t.Helper()
	text, err := os.ReadFile(deployed)
	require.NoError(t, err)
	for i := 0; i < len(replacements); i += 2 {
		require.Contains(t, string(text), replacements[i], "the deployed file has changed: mend the test")
		text = []byte(strings.Replace(string(text), replacements[i], replacements[i+1], 1))
	}
	path := filepath.Join(t.TempDir(), "s.yaml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	_, err = Load(path, nil)
	return err
}

func TestProblemsNameTheirPath(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"case of a key": {"{CountBasedWindow: 100,", "{countBasedWindow: 100,", []string{
			"resources.quote.props.triggers[0].triggerConfig.runOptions.batchWindow.countBasedWindow: unknown key (did you mean CountBasedWindow?)",
			"resources.quote.props.triggers[0].triggerConfig.runOptions.batchWindow.CountBasedWindow: is missing"}},
		"unknown key":     {"triggerEnable: true", "triggerEnable: true\n    retries: 3", []string{"triggerConfig.retries: unknown key"}},
		"prop":            {"memorySize: ${vars.event.memory}", "memorySise: 512", []string{"props.memorySise: unknown key (did you mean memorySize?)"}},
		"range":           {"TimeBasedWindow: 0}", "TimeBasedWindow: 16}", []string{"batchWindow.TimeBasedWindow: 16 is not from 0 to 15"}},
		"value":           {"errorsTolerance: ALL", "errorsTolerance: SOME", []string{`runOptions.errorsTolerance: "SOME" is none of NONE, ALL`}},
		"type":            {"triggerEnable: true", "triggerEnable: 'true'", []string{"triggerEnable: must be true or false, not a text"}},
		"no dead letters": {"      deadLetterQueue:\n        Arn: acs:mq:${vars.region}:${vars.account}:/instances/${vars.rocketmq.instance}/topic/${vars.topics.deadLetter.name}\n", "", []string{"runOptions.deadLetterQueue: is missing"}},
		"dead letter ARN": {"/topic/${vars.topics.deadLetter.name}", "", []string{"deadLetterQueue.Arn:", "is not acs:mq:"}},
		"dead letters elsewhere": {"/topic/${vars.topics.deadLetter.name}", "/topic/graveyard", []string{
			`dead letter topic "graveyard" is not in vars.topics`}},
		"shared group": {"${vars.groups.quoteQuoteWanted}", "${vars.groups.quoteOrderAccepted}", []string{
			"group GID-quote-order-accepted: is shared by quote/order-accepted, quote/quote-wanted", `"GID-quote-quote-wanted" belongs to no enabled trigger`}},
		"undeclared group": {"${vars.groups.quoteQuoteWanted}", "GID-other", []string{`group "GID-other" is not in vars.groups`}},
		"undeclared topic": {"${vars.topics.quoteWanted.name}", "quote-unheard", []string{`topic "quote-unheard" is not in vars.topics`}},
		"topic type":       {"type: FIFO", "type: ORDERED", []string{`vars.topics.settlement.type: "ORDERED" is none of NORMAL, FIFO, DELAY, TRANSACTION`}},
		"env not text":     {"QIANFAN_MEITUAN: ${env('QIANFAN_MEITUAN', '')}", "QIANFAN_MEITUAN: 1", []string{"resources.intake.props.environmentVariables.QIANFAN_MEITUAN: must be a text in quotes, not 1"}},
		"env reserved":     {"QIANFAN_MEITUAN: $", "FC_MEITUAN: $", []string{"resources.intake.props.environmentVariables:", "FC_MEITUAN: the prefix FC_ is reserved"}},
		"env name":         {"QIANFAN_MEITUAN: $", "QIANFAN-MEITUAN: $", []string{"QIANFAN-MEITUAN: a variable's name is"}},
		"env size":         {"${env('QIANFAN_MEITUAN', '')}", strings.Repeat("x", 4<<10), []string{"bytes in all: more than 4096"}},
		"development":      {"QIANFAN_MEITUAN: ${env('QIANFAN_MEITUAN', '')}", "QIANFAN_DEV: '1'", []string{"QIANFAN_DEV: only the emulator may set it"}},
		"order of triggers": {"        - <<: *stream\n          triggerName: settlement\n", "        - {<<: *stream, triggerName: first, triggerConfig: {<<: *delivery}}\n        - {triggerName: http, triggerType: http, qualifier: LATEST, triggerConfig: {authType: anonymous, methods: [GET]}}\n        - <<: *stream\n          triggerName: settlement\n", []string{
			"resources.settle.props.triggers[1]: stands after an eventbridge trigger", "triggers[0].triggerConfig.eventSourceConfig: is missing"}},
		"concurrency on go1": {"    runtime: go1\n", "    runtime: go1\n    instanceConcurrency: 10\n", []string{"instanceConcurrency: go1 takes one request per instance"}},
		"memory":             {"web: {memory: 1024,", "web: {memory: 1000,", []string{"memorySize: must be a multiple of 64"}},
		"cpu":                {"cpu: 0.5", "cpu: 0.1", []string{"cpu: cpu to memory in GB must be between 1:1 and 1:4"}},
		"cpu step":           {"cpu: 1,", "cpu: 0.99,", []string{"cpu: must be a multiple of 0.05"}},
		"role":               {"    invocationRole: acs:ram::${vars.account}:role/qianfan-trigger # without one the deploy tool would make roles of its own\n", "", []string{"invocationRole: is missing"}},
		"async":              {"asyncInvocationType: false", "asyncInvocationType: true", []string{"asyncInvocationType: must be false"}},
		"route":              {"functionName: ${resources.callback.props.functionName}", "functionName: callbacks", []string{`no function "callbacks"`}},
		"schedule":           {"'@every 1m'", "'@every 30s'", []string{"cronExpression:", "@every takes whole minutes"}},
		"edition":            {"edition: 3.0.0", "edition: 1.0.0", []string{"edition: must be 3.0.0"}},
		"top level":          {"access: default", "acess: default", []string{"acess: unknown key"}},
		"component":          {"'fc3-domain@0.0.29'", "'fc-domain@0.0.29'", []string{`resources.domain.component: "fc-domain@0.0.29" is neither fc3 nor fc3-domain`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := broken(t, c.from, c.to)
			var problems Problems
			require.ErrorAs(t, err, &problems)
			for _, want := range c.want {
				require.Contains(t, err.Error(), want)
			}
		})
	}
}

func TestReferencesThatDoNotResolve(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to, want string }{
		"nothing there":    {"${vars.groups.quoteQuoteWanted}", "${vars.groups.other}", "${vars.groups.other} refers to nothing"},
		"cycle":            {"instance: ${env('QIANFAN_ROCKETMQ_INSTANCE', 'rmq-cn-preview')}", "instance: ${vars.rocketmq.instance}", "refers to itself"},
		"no default":       {"${env('QIANFAN_MEITUAN', '')}", "${env('QIANFAN_MEITUAN')}", "QIANFAN_MEITUAN is not set and has no default"},
		"unknown function": {"${env('QIANFAN_MEITUAN', '')}", "${config('AccountID')}", "is not understood"},
		"map in a text":    {"/topic/${vars.topics.deadLetter.name}", "/topic/${vars.topics.deadLetter}", "is not a single value"},
		"template":         {"extend: {name: web}", "extend: {name: webb}", `no template "webb"`},
		"this outside":     {"name: settlement,", "name: '${this.props.x}',", "outside of a resource"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, broken(t, c.from, c.to), c.want)
		})
	}
}

func TestExtendingAnotherFileMergesMapsAndReplacesLists(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	base := "a: {x: 1, y: [1, 2]}\nb: 1\n"
	write("base.yaml", base)
	tree, err := read(write("over.yaml", "extend: base.yaml\na: {y: [3], z: 4}\n"), nil)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": map[string]any{"x": 1, "y": []any{3}, "z": 4}, "b": 1}, tree)

	_, err = read(write("loop.yaml", "extend: loop.yaml\n"), nil)
	require.ErrorContains(t, err, "extends itself")
	_, err = read(filepath.Join(dir, "none.yaml"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestTemplatesAndThis(t *testing.T) {
	t.Parallel()
	tree, err := resolveTree(map[string]any{
		"vars":     map[string]any{"n": "${env('N', 8)}", "f": "${env('F', 0.5)}", "yes": "${env('Y', true)}"},
		"template": map[string]any{"t": map[string]any{"a": 1, "drop": 2, "m": map[string]any{"x": 1}}},
		"resources": map[string]any{"r": map[string]any{
			"extend": map[string]any{"name": "t", "ignore": []any{"drop"}},
			"props":  map[string]any{"m": map[string]any{"y": "${this.props.a}-${vars.n}-${vars.f}-${vars.yes}"}, "n": "${vars.n}"},
		}},
	}, nil)
	require.NoError(t, err)
	props := tree["resources"].(map[string]any)["r"].(map[string]any)["props"]
	require.Equal(t, map[string]any{"a": 1, "m": map[string]any{"x": 1, "y": "1-8-0.5-true"}, "n": 8}, props)
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		v, err := time.Parse("2006-01-02 15:04:05", s)
		require.NoError(t, err)
		return v
	}
	for _, c := range []struct{ text, after, want string }{
		{"@every 1m", "2026-11-23 04:00:30", "2026-11-23 04:01:30"},
		{"@every 1h30m", "2026-11-23 23:00:00", "2026-11-24 00:30:00"},
		{"0 0 4 * * *", "2026-11-23 04:00:00", "2026-11-24 04:00:00"},
		{"0 */15 * * * *", "2026-11-23 04:14:59", "2026-11-23 04:15:00"},
		{"30 5/20 * * * ?", "2026-11-23 04:25:30", "2026-11-23 04:45:30"},
		{"0 0 9-11,20 * * MON", "", ""},
		{"0 0 9-11,20 * * 1-5", "2026-11-20 20:00:00", "2026-11-23 09:00:00"},
		{"0 0 0 29 2 *", "2026-01-01 00:00:00", "2028-02-29 00:00:00"},
		{"0 0 0 1 * 7", "2026-11-23 00:00:00", "2026-11-29 00:00:00"},
		{"CRON_TZ=Asia/Shanghai 0 0 4 * * *", "2026-11-23 04:00:00", "2026-11-23 20:00:00"},
		{"@every 90s", "", ""}, {"@daily", "", ""}, {"0 0 4 * *", "", ""}, {"0 60 * * * *", "", ""}, {"0 0 0 30 2 *", "", ""},
		{"0 5-1 * * * *", "", ""}, {"0 */0 * * * *", "", ""}, {"CRON_TZ=Moon/Base 0 0 4 * * *", "", ""},
	} {
		s, err := ParseSchedule(c.text)
		if c.want == "" {
			require.Error(t, err, c.text)
			continue
		}
		require.NoError(t, err, c.text)
		require.Equal(t, at(c.want), s.Next(at(c.after)), c.text)
	}
}
