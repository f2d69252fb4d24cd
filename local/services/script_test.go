package services

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/rocketmq"
)

// bench is a place to run the script with stand-ins for the programs it calls.
type bench struct {
	*testing.T
	dir, script, bin string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, dir: t.TempDir()}
	var err error
	b.script, err = unpackScripts(filepath.Join(b.dir, "scripts"))
	require.NoError(t, err)
	b.bin = filepath.Join(b.dir, "bin")
	require.NoError(t, os.Mkdir(b.bin, 0o700))
	for _, tool := range []string{"bash", "cat", "chmod", "dirname", "mkdir", "mktemp", "mv", "rm", "touch"} {
		path, err := exec.LookPath(tool)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(b.bin, tool)))
	}
	return b
}

// program puts a shell program on the script's PATH.
func (b *bench) program(name, text string) {
	b.Helper()
	require.NoError(b, os.WriteFile(filepath.Join(b.bin, name), []byte("#!"+filepath.Join(b.bin, "bash")+"\n"+text), 0o700))
}

func (b *bench) run(env []string, args ...string) (string, error) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), filepath.Join(b.bin, "bash"), append([]string{b.script}, args...)...)
	cmd.Env = append([]string{"PATH=" + b.bin}, env...)
	cmd.Dir = b.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (b *bench) read(path ...string) string {
	b.Helper()
	raw, err := os.ReadFile(filepath.Join(append([]string{b.dir}, path...)...))
	require.NoError(b, err)
	return string(raw)
}

// installed makes a directory as install leaves it.
func (b *bench) installed() string {
	b.Helper()
	dir := filepath.Join(b.dir, "jars")
	require.NoError(b, os.Mkdir(dir, 0o700))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "complete"), nil, 0o600))
	return dir
}

func TestInstallFetchesOnceAndWhole(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dir := filepath.Join(b.dir, "cache", "rocketmq")
	out, err := b.run(nil, "install", dir)
	require.Error(t, err)
	require.Contains(t, out, "java is missing: apt-get install -y --no-install-recommends openjdk-17-jre-headless")
	b.program("java", "")
	out, err = b.run(nil, "install", dir)
	require.Error(t, err)
	require.Contains(t, out, "mvn is missing: apt-get install -y --no-install-recommends maven")

	b.program("mvn", "exit 1")
	out, err = b.run(nil, "install", dir)
	require.Error(t, err)
	require.Contains(t, out, "Maven could not fetch RocketMQ 5.5.0")
	left, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Empty(t, left, "a failed install leaves nothing")

	b.program("mvn", `
for a in "$@"; do case $a in -DoutputDirectory=*) out=${a#*=} ;; esac; done
mkdir -p "$out"; echo "$@" >>"`+b.dir+`/mvn.log"; touch "$out/broker.jar"`)
	for range 2 {
		out, err = b.run([]string{"ROCKETMQ_VERSION=5.4.0"}, "install", dir)
		require.NoError(t, err, out)
	}
	require.FileExists(t, filepath.Join(dir, "lib", "broker.jar"))
	calls := b.read("mvn.log")
	require.Equal(t, 1, strings.Count(calls, "\n"), calls)
	require.Contains(t, calls, "-Drocketmq.version=5.4.0")
}

func TestRunWritesTheConfigurationAndBecomesJava(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.program("java", `printf '%s\n' "$@"`)
	env := []string{
		"ROCKETMQ_DIR=" + b.installed(), "ROCKETMQ_DATA=" + filepath.Join(b.dir, "data"), "ROCKETMQ_NAMESRV_PORT=12001",
		"ROCKETMQ_GRPC_PORT=12002", "ROCKETMQ_REMOTING_PORT=12003", "ROCKETMQ_BROKER_PORT=12007", "ROCKETMQ_HA_PORT=12004",
		"ROCKETMQ_TRANSACTION_TIMEOUT_MS=1500", "ROCKETMQ_TRANSACTION_CHECK_MS=2500", "ROCKETMQ_HEAP=300m", "ROCKETMQ_JAVA_OPTIONS=-Xint -Xrs",
	}
	out, err := b.run(env, "run", "proxy")
	require.NoError(t, err, out)
	for _, want := range []string{"-Xmx300m\n", "-Xint\n-Xrs\n", "org.apache.rocketmq.proxy.ProxyStartup\n-pm\nlocal\n", "java.base/sun.nio.ch=ALL-UNNAMED"} {
		require.Contains(t, out, want)
	}
	broker := b.read("data", "conf", "broker.conf")
	for _, want := range []string{
		"namesrvAddr=127.0.0.1:12001", "listenPort=12007", "haListenPort=12004", "brokerIP1=127.0.0.1", "bindAddress=127.0.0.1",
		"flushDiskType=SYNC_FLUSH", "autoCreateTopicEnable=false", "autoCreateSubscriptionGroup=false", "recallMessageEnable=true",
		"transactionTimeOut=1500", "transactionCheckInterval=2500", "storePathRootDir=" + filepath.Join(b.dir, "data", "store"),
	} {
		require.Contains(t, broker, want+"\n")
	}
	var proxy map[string]any
	require.NoError(t, json.Unmarshal([]byte(b.read("data", "conf", "rmq-proxy.json")), &proxy))
	require.EqualValues(t, 12002, proxy["grpcServerPort"])
	require.EqualValues(t, 12003, proxy["remotingListenPort"])
	require.Equal(t, "127.0.0.1:12001", proxy["namesrvAddr"])

	out, err = b.run(env, "run", "namesrv")
	require.NoError(t, err, out)
	require.Contains(t, out, "org.apache.rocketmq.namesrv.NamesrvStartup\n-c\n")
	require.Contains(t, b.read("data", "conf", "namesrv.conf"), "listenPort=12001\n")

	out, err = b.run(env, "admin", "clusterList", "-n", "127.0.0.1:12001")
	require.NoError(t, err, out)
	require.Contains(t, out, "MQAdminStartup\nclusterList\n-n\n127.0.0.1:12001\n")
}

func TestScriptRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.program("java", "")
	jars := "ROCKETMQ_DIR=" + b.installed()
	for _, c := range []struct {
		env, args []string
		want      string
	}{
		{nil, nil, "usage:"},
		{nil, []string{"install"}, "usage:"},
		{nil, []string{"run", "proxy"}, "set ROCKETMQ_DIR"},
		{[]string{"ROCKETMQ_DIR=" + b.dir}, []string{"run", "proxy"}, "there is no RocketMQ in"},
		{[]string{jars}, []string{"run", "controller"}, "not run controller"},
	} {
		out, err := b.run(c.env, c.args...)
		require.Error(t, err, c.args)
		require.Contains(t, out, c.want)
	}
}

func TestWhatMqadminReads(t *testing.T) {
	t.Parallel()
	topics, err := json.Marshal(topicConfigs([]rocketmq.Topic{{Name: "settlement", Type: rocketmq.FIFO}}))
	require.NoError(t, err)
	require.JSONEq(t, `[{"topicName":"settlement","readQueueNums":8,"writeQueueNums":8,"perm":6,"attributes":{"+message.type":"FIFO"}}]`, string(topics))
	groups, err := json.Marshal(groupConfigs([]rocketmq.Group{{Name: "a"}, {Name: "b", Ordered: true, MaxAttempts: 3}}))
	require.NoError(t, err)
	require.JSONEq(t, `[{"groupName":"a","consumeMessageOrderly":false,"retryMaxTimes":16},
		{"groupName":"b","consumeMessageOrderly":true,"retryMaxTimes":2}]`, string(groups))
}
