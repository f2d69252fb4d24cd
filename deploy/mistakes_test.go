package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/deploy"
)

// mistakes are small patches of s.yaml, each of which the components' own schemas let pass or `s deploy` only notes.
var mistakes = []struct {
	name, from, to string
	verify         string // what the real `s verify` says; empty: it cannot see it
	check          string // what Check says, path, text and remedy
}{
	{"wrong key case", "batchWindow: {CountBasedWindow:", "batchWindow: {countBasedWindow:",
		"quote/props/triggers/0/triggerConfig/runOptions/batchWindow must have required property 'CountBasedWindow'",
		"resources.quote.props.triggers[0].triggerConfig.runOptions.batchWindow.countBasedWindow: unknown key → write CountBasedWindow"},
	{"unknown key", "    triggerEnable: true\n", "    triggerEnable: true\n    maximumRetries: 3\n",
		"quote/props/triggers/0/triggerConfig must NOT have additional properties",
		"resources.quote.props.triggers[0].triggerConfig.maximumRetries: unknown key → known here: asyncInvocationType, "},
	{"shared group", "GroupID: ${vars.groups.dispatchCarrierEvent}", "GroupID: ${vars.groups.quoteOrderAccepted}",
		"",
		"resources.quote.props.triggers[0].triggerConfig.eventSourceConfig.eventSourceParameters.sourceRocketMQParameters.GroupID: " +
			`group "GID-quote-order-accepted" serves dispatch/carrier-event already → give every trigger its own group, named GID-<function>-<topic>`},
	{"missing dead-letter queue", "      deadLetterQueue:\n        Arn: acs:mq:${vars.region}:${vars.account}:/instances/${vars.rocketmq.instance}/topic/${vars.topics.deadLetter.name}\n", "",
		"timeout/props/triggers/2/triggerConfig/runOptions must have required property 'deadLetterQueue'",
		"resources.timeout.props.triggers[2].triggerConfig.runOptions.deadLetterQueue: is missing → deadLetterQueue: {Arn: …} of the topic dead-letter; without one a batch whose retries are used up is dropped"},
	{"variable that is no text", "QIANFAN_MEITUAN: ${env('QIANFAN_MEITUAN', '')}", "QIANFAN_MEITUAN: 1",
		"intake/props/environmentVariables/QIANFAN_MEITUAN must be string",
		"resources.intake.props.environmentVariables.QIANFAN_MEITUAN: got number, want string → a text: put it in quotes"},
	{"prefix FC_", "QIANFAN_MEITUAN: $", "FC_MEITUAN: $",
		"intake/props/environmentVariables property name must be valid",
		"resources.intake.props.environmentVariables.FC_MEITUAN: this name is not allowed → a letter, then letters, digits and underscores; the platform reserves FC_"},
	{"variables too large", "${env('QIANFAN_MEITUAN', '')}", strings.Repeat("x", 4<<10),
		"",
		"bytes in all, more than 4096 → shorten the parties' settings, longest first: QIANFAN_MEITUAN 4111, "},
	{"two HTTP triggers", "          methods: [GET, POST, PATCH]\n", "          methods: [GET, POST, PATCH]\n      - {triggerName: https, triggerType: http, qualifier: LATEST, triggerConfig: {authType: anonymous, methods: [GET]}}\n",
		"",
		`resources.intake.props.triggers[1]: "https" is a second HTTP trigger → remove it: a version has one HTTP trigger`},
	{"trigger order", "", "", // see order
		"",
		`resources.timeout.props.triggers[2]: the timer trigger "sweep" stands after an eventbridge trigger → move it before "dead-letter": the deploy tool skips what follows an unchanged eventbridge trigger`},
	{"missing role", "    role: acs:ram::${vars.account}:role/qianfan-function # in lower case: the deploy tool lowers it\n", "",
		"settle/props must have required property 'role'",
		"resources.settle.props.role: is missing → an ARN acs:ram::<account>:role/<name>"},
	{"missing invocation role", "    invocationRole: acs:ram::${vars.account}:role/qianfan-trigger # without one the deploy tool would make roles of its own\n", "",
		"settle/props/triggers/0 must have required property 'invocationRole'",
		"resources.settle.props.triggers[0].invocationRole: is missing → without invocationRole the deploy tool makes service-linked roles"},
}

// sweep is the timer trigger of s.yaml.
const sweep = `        - triggerName: sweep
          triggerType: timer
          qualifier: LATEST
          triggerConfig: {cronExpression: '@every 1m', enable: true, payload: sweep}
`

// order moves the timer trigger behind the event streams.
func order(text string) string {
	return strings.Replace(strings.Replace(text, sweep, "", 1), "\n  domain:\n    component:", sweep+"\n  domain:\n    component:", 1)
}

func TestPlantedMistakesAreCaught(t *testing.T) {
	t.Parallel()
	needNode(t)
	text, err := os.ReadFile("../s.yaml")
	require.NoError(t, err)
	var mu sync.Mutex
	rows := make([]string, len(mistakes))
	t.Run("mistakes", func(t *testing.T) {
		for i, m := range mistakes {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				spoiled := order(string(text))
				if m.from != "" {
					require.Contains(t, string(text), m.from, "s.yaml has changed: mend the test")
					spoiled = strings.Replace(string(text), m.from, m.to, 1)
				}
				require.NotEqual(t, string(text), spoiled, "s.yaml has changed: mend the test")
				require.NoError(t, os.WriteFile(filepath.Join(dir, "s.yaml"), []byte(spoiled), 0o600))

				out, err := tool(t, dir, variables(t), "verify", "-t", "s.yaml")
				by := "check"
				if m.verify == "" {
					require.NoError(t, err, "`s verify` sees this mistake: say so here\n%s", out)
				} else {
					require.Error(t, err)
					require.Contains(t, out, m.verify)
					by = "s verify, check"
				}
				problems := deploy.AsProblems(deploy.Check(rendered(t, filepath.Join(dir, "s.yaml"))))
				message := ""
				for _, p := range problems {
					require.NotEmpty(t, p.Remedy, p)
					if strings.Contains(p.String(), m.check) {
						message = p.String()
					}
				}
				require.NotEmpty(t, message, "not found: %s\nin: %v", m.check, problems)
				mu.Lock()
				defer mu.Unlock()
				rows[i] = fmt.Sprintf("%-26s | %-15s | %s", m.name, by, message)
			})
		}
	})
	t.Logf("mistake → caught by → message\n%s", strings.Join(rows, "\n"))
}
