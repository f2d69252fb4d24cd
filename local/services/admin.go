package services

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/chuandao/qianfan/local/rocketmq"
)

// queues of a topic: RocketMQ's own default.
const queues = 8

// readWrite is the permission of a topic (org.apache.rocketmq.common.constant.PermName).
const readWrite = 6

// topicConfig and groupConfig are what mqadmin reads (TopicConfig, SubscriptionGroupConfig of org.apache.rocketmq); what is left out
// has its default.
type topicConfig struct {
	TopicName      string            `json:"topicName"`
	ReadQueueNums  int               `json:"readQueueNums"`
	WriteQueueNums int               `json:"writeQueueNums"`
	Perm           int               `json:"perm"`
	Attributes     map[string]string `json:"attributes"`
}

type groupConfig struct {
	GroupName             string `json:"groupName"`
	ConsumeMessageOrderly bool   `json:"consumeMessageOrderly"`
	RetryMaxTimes         int32  `json:"retryMaxTimes"`
}

func topicConfigs(topics []rocketmq.Topic) []topicConfig {
	all := make([]topicConfig, len(topics))
	for i, t := range topics {
		all[i] = topicConfig{
			TopicName: t.Name, ReadQueueNums: queues, WriteQueueNums: queues, Perm: readWrite,
			Attributes: map[string]string{"+message.type": string(t.Type)},
		}
	}
	return all
}

func groupConfigs(groups []rocketmq.Group) []groupConfig {
	all := make([]groupConfig, len(groups))
	for i, g := range groups {
		attempts := g.MaxAttempts
		if attempts == 0 {
			attempts = rocketmq.DefaultMaxAttempts
		}
		all[i] = groupConfig{GroupName: g.Name, ConsumeMessageOrderly: g.Ordered, RetryMaxTimes: attempts - 1}
	}
	return all
}

// TopicList and GroupList are the files that mqadmin's updateTopicList and updateSubGroupList take, a line for each.
func TopicList(topics []rocketmq.Topic) string { return jsonLines(topicConfigs(topics)) }

// GroupList is TopicList for consumer groups.
func GroupList(groups []rocketmq.Group) string { return jsonLines(groupConfigs(groups)) }

func jsonLines[T any](list []T) string {
	lines := make([]string, len(list))
	for i, x := range list {
		raw, err := json.Marshal(x)
		if err != nil {
			panic(err) // plain data
		}
		lines[i] = string(raw)
	}
	return "[\n" + strings.Join(lines, ",\n") + "\n]"
}

// CreateTopics makes topics and groups, or changes those that are there, and returns when the gRPC endpoint serves them.
func (r *RocketMQ) CreateTopics(ctx context.Context, topics []rocketmq.Topic, groups []rocketmq.Group) error {
	a := admin{home: r.home.dir, group: r.group(), command: r.command, log: r.options.Log}
	a.where = []string{"-n", r.Namesrv(), "-b", local(r.ports.broker)}
	return a.create(ctx, r.conn, topics, groups)
}

// CreateTopicsAt does the same at servers that somebody else runs, on every broker of the cluster. It installs RocketMQ for its tools
// (see InstallRocketMQ). endpoint is the gRPC endpoint, namesrv the name server, host:port each.
func CreateTopicsAt(ctx context.Context, endpoint, namesrv, cluster string, topics []rocketmq.Topic, groups []rocketmq.Group, log io.Writer) (err error) {
	jars, err := InstallRocketMQ(ctx, log)
	if err != nil {
		return err
	}
	home, err := newHome("", "mqadmin")
	if err != nil {
		return fmt.Errorf("create topics and groups: %w", err)
	}
	defer func() { err = errors.Join(err, home.remove()) }()
	script, err := unpackScripts(home.dir)
	if err != nil {
		return err
	}
	conn, err := dial(endpoint)
	if err != nil {
		return fmt.Errorf("create topics and groups: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	a := admin{home: home.dir, log: log, where: []string{"-n", namesrv, "-c", cluster}, command: func(args ...string) *exec.Cmd {
		return scriptCommand(script, home.dir, []string{"ROCKETMQ_DIR=" + jars, "ROCKETMQ_DATA=" + home.dir}, args...)
	}}
	return a.create(ctx, conn, topics, groups)
}

// admin runs mqadmin.
type admin struct {
	home    string   // where it may write
	group   int      // process group; 0 is one for each run
	where   []string // mqadmin's arguments that name the servers
	command func(args ...string) *exec.Cmd
	log     io.Writer
}

func (a admin) create(ctx context.Context, conn *grpc.ClientConn, topics []rocketmq.Topic, groups []rocketmq.Group) error {
	work, ctxWork := errgroup.WithContext(ctx)
	if len(topics) > 0 {
		work.Go(func() error { return a.run(ctxWork, "updateTopicList", topicConfigs(topics)) })
	}
	if len(groups) > 0 {
		work.Go(func() error { return a.run(ctxWork, "updateSubGroupList", groupConfigs(groups)) })
	}
	err := work.Wait()
	if err == nil {
		err = verify(ctx, conn, topics, groups)
	}
	if err != nil {
		return fmt.Errorf("create topics and groups: %w", err)
	}
	return nil
}

// run runs a command that takes a file, again when the servers were too slow for it: mqadmin gives them five seconds.
func (a admin) run(ctx context.Context, command string, content any) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	file := filepath.Join(a.home, command+".json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	args := append([]string{"admin", command, "-f", file}, a.where...)
	for {
		text, err := mqadmin(ctx, a.command(args...), a.group, a.log)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", command, err)
		case strings.Contains(text, "success"):
			return nil
		case !strings.Contains(text, "RemotingTimeoutException"):
			return fmt.Errorf("%s: mqadmin says:\n%s", command, text)
		}
	}
}

// mqadmin is what a run of it prints. Its exit code says nothing.
func mqadmin(ctx context.Context, cmd *exec.Cmd, group int, log io.Writer) (string, error) {
	p, err := launch("mqadmin", cmd, group, log)
	if err != nil {
		return "", err
	}
	select {
	case <-p.exited:
		return p.printed(), nil
	case <-ctx.Done():
		p.kill()
		return "", ctx.Err()
	}
}
