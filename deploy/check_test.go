package deploy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/deploy"
	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/function"
)

// rendered is a file as the emulator's reader renders it.
func rendered(t *testing.T, file string) map[string]any {
	t.Helper()
	all := variables(t)
	tree, err := template.Render(file, func(name string) (string, bool) { v, ok := all[name]; return v, ok })
	require.NoError(t, err)
	return tree
}

func TestBothFilesPass(t *testing.T) {
	t.Parallel()
	for file, golden := range files {
		require.NoError(t, deploy.Check(rendered(t, "../"+file)), file)
		text, err := os.ReadFile("testdata/" + golden)
		require.NoError(t, err)
		require.NoError(t, deploy.CheckJSON(text), golden)
	}
}

// A developer's s.yaml without any variable is good as well: the emulator's defaults are checked by the same rules.
func TestDefaultsPass(t *testing.T) {
	t.Parallel()
	tree, err := template.Render("../s.yaml", nil)
	require.NoError(t, err)
	require.NoError(t, deploy.Check(tree))
}

// The variables of every function leave room for one more party, with settings as long as real ones.
func TestVariablesLeaveRoom(t *testing.T) {
	t.Parallel()
	const limit, oneParty = 4 << 10, 600
	text, err := os.ReadFile("testdata/preview-s.prod.json")
	require.NoError(t, err)
	var tree struct {
		Resources map[string]struct {
			Props struct {
				Environment map[string]string `json:"environmentVariables"`
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &tree))
	for name, r := range tree.Resources {
		size := 0
		for k, v := range r.Props.Environment {
			size += len(k) + len(v)
		}
		t.Logf("%-9s %5d of %d bytes", name, size, limit)
		require.LessOrEqual(t, size+oneParty, limit, name)
	}
}

// props is a path into the props of a resource.
func props(t *testing.T, tree map[string]any, resource string, path ...any) any {
	t.Helper()
	at := tree["resources"].(map[string]any)[resource].(map[string]any)["props"]
	for _, step := range path {
		switch step := step.(type) {
		case string:
			at = at.(map[string]any)[step]
		case int:
			at = at.([]any)[step]
		}
		require.NotNil(t, at, "%v", path)
	}
	return at
}

func TestProblemsNamePathAndRemedy(t *testing.T) {
	t.Parallel()
	type at = map[string]any
	for name, c := range map[string]struct {
		spoil func(t *testing.T, tree at)
		want  string
	}{
		"component": {func(_ *testing.T, tree at) { tree["resources"].(at)["quote"].(at)["component"] = "fc@1" },
			"resources.quote.component: \"fc@1\" is not a component that this project deploys → use fc3 or fc3-domain"},
		"topic": {func(t *testing.T, tree at) { source(t, tree)["Topic"] = "unheard" },
			"sourceRocketMQParameters.Topic: topic \"unheard\" is not declared → declare it in vars.topics"},
		"group": {func(t *testing.T, tree at) { source(t, tree)["GroupID"] = "GID-x" },
			"GroupID: group \"GID-x\" is not declared → declare it in vars.groups"},
		"idle group": {func(t *testing.T, tree at) { source(t, tree)["GroupID"] = "GID-x" },
			"vars.groups.settleSettlement: group \"GID-settle-settlement\" belongs to no trigger"},
		"region": {func(t *testing.T, tree at) { source(t, tree)["RegionId"] = "cn-beijing" },
			"RegionId: instance in \"cn-beijing\", function in \"cn-hangzhou\" → use vars.region for both"},
		"dead letters": {func(t *testing.T, tree at) {
			props(t, tree, "settle", "triggers", 0, "triggerConfig", "runOptions", "deadLetterQueue").(at)["Arn"] = "acs:mq:cn-hangzhou:1:/instances/rmq-cn-other/topic/graveyard"
		}, "deadLetterQueue.Arn: dead letters would go to instance rmq-cn-other"},
		"dead letter topic": {func(t *testing.T, tree at) {
			props(t, tree, "settle", "triggers", 0, "triggerConfig", "runOptions", "deadLetterQueue").(at)["Arn"] = "acs:mq:cn-hangzhou:1:/instances/rmq-cn-example00001/topic/graveyard"
		}, "deadLetterQueue.Arn: topic \"graveyard\" is not declared"},
		"tolerance": {func(t *testing.T, tree at) {
			props(t, tree, "settle", "triggers", 0, "triggerConfig", "runOptions").(at)["errorsTolerance"] = "NONE"
		}, "runOptions.errorsTolerance: value must be 'ALL' → with NONE one bad batch blocks the stream"},
		"published secret": {func(t *testing.T, tree at) {
			props(t, tree, "intake", "environmentVariables").(at)["QIANFAN_MEITUAN"] = `{"secret":"mt-test-secret-0001"}`
		}, "environmentVariables.QIANFAN_MEITUAN: holds a published development secret → set the party's own"},
		"development": {func(t *testing.T, tree at) {
			props(t, tree, "intake", "environmentVariables").(at)["QIANFAN_DEV"] = "1"
		},
			"environmentVariables.QIANFAN_DEV: this name is not allowed → a letter, then letters"},
		"cpu": {func(t *testing.T, tree at) { props(t, tree, "intake").(at)["cpu"] = 0.25 },
			"resources.intake.props.cpu: 0.25 cpu with 2048 MB → cpu to memory in GB must be between 1:1 and 1:4"},
		"cpu step": {func(t *testing.T, tree at) { props(t, tree, "intake").(at)["cpu"] = 1.01 },
			"resources.intake.props.cpu: 1.01 is not a multiple of 0.05 → round it"},
		"concurrency on go1": {func(t *testing.T, tree at) { props(t, tree, "settle").(at)["instanceConcurrency"] = 10 },
			"resources.settle.props.instanceConcurrency: maximum: got 10, want 1 → go1 takes one request per instance: leave it out"},
		"web without its settings": {func(t *testing.T, tree at) { delete(props(t, tree, "intake").(at), "customRuntimeConfig") },
			"resources.intake.props.customRuntimeConfig: is missing → a web function needs instanceConcurrency and customRuntimeConfig"},
		"no HTTP trigger": {func(t *testing.T, tree at) {
			props(t, tree, "intake").(at)["triggers"] = []any{at{"triggerName": "t", "triggerType": "timer", "qualifier": "LATEST", "triggerConfig": at{"cronExpression": "@every 1m", "enable": true, "payload": ""}}}
		}, "resources.intake.props.triggers: a web function without an HTTP trigger is never called → add one, before all others"},
		"trigger names": {func(t *testing.T, tree at) {
			props(t, tree, "quote", "triggers", 1).(at)["triggerName"] = "order-accepted"
		},
			"resources.quote.props.triggers[1].triggerName: \"order-accepted\" is used twice"},
		"function names": {func(t *testing.T, tree at) { props(t, tree, "quote").(at)["functionName"] = "settle" },
			"functionName: a second function \"settle\""},
		"route": {func(t *testing.T, tree at) {
			props(t, tree, "domain", "routeConfig", "routes", 1).(at)["functionName"] = "settle"
		}, "resources.domain.props.routeConfig.routes[1].functionName: function \"settle\" has no HTTP trigger"},
		"route to nobody": {func(t *testing.T, tree at) {
			props(t, tree, "domain", "routeConfig", "routes", 1).(at)["functionName"] = "callbacks"
		}, "routes[1].functionName: there is no function \"callbacks\""},
		"doubled route": {func(t *testing.T, tree at) {
			props(t, tree, "domain", "routeConfig", "routes", 1).(at)["path"] = "/upstream/*"
		}, "routes[1].path: \"/upstream/*\" is routed twice"},
		"warm beyond the cap": {func(t *testing.T, tree at) {
			props(t, tree, "settle", "scalingConfig", "scheduledPolicies", 0).(at)["target"] = 99
		}, "scheduledPolicies[0].target: 99 warm instances, but at most 12 may run"},
		"least beyond the cap": {func(t *testing.T, tree at) { props(t, tree, "settle", "scalingConfig").(at)["minInstances"] = 99 },
			"scalingConfig.minInstances: 99 warm instances, but at most 12 may run"},
		"no carrier": {func(t *testing.T, tree at) {
			settings := props(t, tree, "quote", "environmentVariables").(at)
			for _, name := range carriers.Variables() {
				settings[name] = ""
			}
		}, "resources.quote.props.environmentVariables: it serves parties and knows none of them → set at least one of QIANFAN_DADA, QIANFAN_FENGNIAO, QIANFAN_SFTC, QIANFAN_SHANSONG, QIANFAN_UUPT"},
		"fewer instances than batches": {func(t *testing.T, tree at) {
			props(t, tree, "timeout", "concurrencyConfig").(at)["reservedConcurrency"] = 16
		}, "resources.timeout.props.concurrencyConfig.reservedConcurrency: at most 16 instances for the 17 calls that its triggers may make at a time → raise it to 17"},
		"policy names": {func(t *testing.T, tree at) {
			props(t, tree, "settle", "scalingConfig", "scheduledPolicies", 1).(at)["name"] = "lunch"
		}, "scheduledPolicies[1].name: \"lunch\" is used twice"},
		"policy that is over before it begins": {func(t *testing.T, tree at) {
			props(t, tree, "settle", "scalingConfig", "scheduledPolicies", 4).(at)["endTime"] = "2027-01-01T00:00:00Z"
		}, "scheduledPolicies[4].endTime: 2027-01-01T00:00:00Z is not after 2027-02-05T16:00:00Z"},
		"instances": {func(_ *testing.T, tree at) { tree["vars"].(at)["limits"].(at)["instances"] = 100 },
			"vars.limits.instances: 222 instances (the sum of reservedConcurrency), more than 100"},
		"connections": {func(_ *testing.T, tree at) { tree["vars"].(at)["limits"].(at)["mysqlConnections"] = 1000 },
			"vars.limits.mysqlConnections: 1088 SQL connections"},
		"connections unknown": {func(t *testing.T, tree at) {
			delete(props(t, tree, "settle", "environmentVariables").(at), "QIANFAN_MYSQL_CONNS")
		}, "QIANFAN_MYSQL_CONNS: \"\" is not a number → say how many SQL connections"},
		"streams": {func(_ *testing.T, tree at) { tree["vars"].(at)["limits"].(at)["eventStreams"] = 8 },
			"vars.limits.eventStreams: 9 event streams, more than 8"},
		"tracing as text": {func(t *testing.T, tree at) { props(t, tree, "settle", "tracingConfig").(at)["params"] = "http://x" },
			"tracingConfig.params: got string, want object → a map with the key endpoint"},
		"wrong type that hides the rest": {func(t *testing.T, tree at) { props(t, tree, "settle").(at)["triggers"] = "none" },
			"resources.settle.props.triggers: got string, want array"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := rendered(t, "../s.prod.yaml")
			c.spoil(t, tree)
			err := deploy.Check(tree)
			require.NotEmpty(t, deploy.AsProblems(err))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func source(t *testing.T, tree map[string]any) map[string]any {
	return props(t, tree, "settle", "triggers", 0, "triggerConfig", "eventSourceConfig", "eventSourceParameters", "sourceRocketMQParameters").(map[string]any)
}

func TestWhatIsNoDeployment(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{":                "read preview",
		`{"resources": 1}`: "vars or resources are not what they should be",
		`{"resources": {"a": {"component": "fc3"}}}`:                               "resources.a.props",
		`{"resources": {"a": {"component": "fc3", "props": {"functionName": 3}}}}`: "resources.a.props.functionName: got number, want string",
	} {
		require.ErrorContains(t, deploy.CheckJSON([]byte(text)), want, text)
	}
	require.Nil(t, deploy.AsProblems(nil))
	require.Equal(t, "a: b", deploy.Problem{Path: "a", Text: "b"}.String())
	require.Equal(t, "fc3", deploy.ComponentName("/x/deploy/component/fc3"))
	require.Equal(t, "fc3-domain", deploy.ComponentName("fc3-domain@0.0.29"))
	require.True(t, strings.HasPrefix(deploy.Problems{{Path: "a", Text: "b", Remedy: "c"}}.Error(), "1 problems: a: b → c"))
}

// Every address of the gateway has a function behind it, and nothing else has.
func TestRoutesServeEveryAddress(t *testing.T) {
	t.Parallel()
	file, err := template.Load("../s.yaml", nil)
	require.NoError(t, err)
	for address, want := range map[string]string{
		"/upstream/jd/djsw/newOrder": "intake", "/upstream/meituan/order/cancel": "intake", "/upstream/taobao": "intake",
		"/upstream/v1/orders": "intake", "/upstream/v1/orders/1/cancel": "intake",
		"/carrier/uupt": "callback", "/carrier/shansong": "callback", "/carrier/shansong/secret": "callback",
		"/carrier/sftc": "callback", "/carrier/fengniao": "callback",
		"/": "", "/upstream": "", "/metrics": "", "/invoke": "",
	} {
		got := ""
		for _, r := range file.Routes {
			if prefix, ok := strings.CutSuffix(r.Path, "*"); ok && strings.HasPrefix(address, prefix) || r.Path == address {
				got = r.Function
				methods := []string{"GET", "POST"}
				if r.Function == "intake" {
					methods = append(methods, "PATCH") // a change of address in the canonical API
				}
				require.ElementsMatch(t, methods, r.Methods)
			}
		}
		require.Equal(t, want, got, address)
	}
}

// docs/deploy.md argues with the sizes of s.prod.yaml; whoever changes one changes the other.
func TestTheDocumentHasTheSizesOfProduction(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../docs/deploy.md")
	require.NoError(t, err)
	vars := rendered(t, "../s.prod.yaml")["vars"].(map[string]any)
	var idle, peak, reserved int
	for name, sizes := range vars["instances"].(map[string]any) {
		n := sizes.(map[string]any)
		idle, peak, reserved = idle+n["idle"].(int), peak+n["peak"].(int), reserved+n["reserved"].(int)
		row := fmt.Sprintf("| %d · %d · %d | %d |", n["idle"], n["peak"], n["holiday"], n["reserved"])
		require.Regexp(t, `(?m)^ *\| `+name+` \|.*`+regexp.QuoteMeta(row)+`$`, string(document))
	}
	require.Contains(t, string(document), fmt.Sprintf("In the meals %d instances are warm, the caps add up to %d of", peak, reserved))
	require.Contains(t, string(document), fmt.Sprintf("the rest | %d web", idle-10), "idle web instances and 10 of events")
}

// Whatever a function must be told about the services it works with is in both files: a setting that is read but never
// passed on would leave the service away for good, and nobody would know.
func TestFunctionsAreToldOfEveryService(t *testing.T) {
	t.Parallel()
	for file := range files {
		resources := rendered(t, "../"+file)["resources"].(map[string]any)
		for _, name := range []string{"intake", "quote", "dispatch", "callback", "report", "settle", "timeout"} {
			settings := resources[name].(map[string]any)["props"].(map[string]any)["environmentVariables"].(map[string]any)
			for _, setting := range []string{
				function.EnvMySQLDSN, function.EnvDataKey, function.EnvRedisAddr, cache.EnvPassword, cache.EnvTLS,
				function.EnvRocketMQEndpoint, function.EnvRocketMQAccessKey, function.EnvRocketMQSecretKey, "QIANFAN_ROCKETMQ_TLS",
			} {
				require.NotEmpty(t, settings[setting], "%s: %s of %s", file, setting, name)
			}
		}
	}
}

// Whoever serves carriers is given every one of them: a carrier without its variable in one of
// the three functions would be asked for prices and never placed, or placed and never heard.
func TestEveryCarrierCanBeServed(t *testing.T) {
	t.Parallel()
	tree := rendered(t, "../s.yaml")
	for _, fn := range []string{"quote", "dispatch", "callback"} {
		settings := props(t, tree, fn, "environmentVariables").(map[string]any)
		for _, name := range carriers.Variables() {
			require.Contains(t, settings, name, fn)
		}
	}
}
