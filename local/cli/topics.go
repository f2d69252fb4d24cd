package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/services"
	"github.com/chuandao/qianfan/local/template"
)

// topicsCmd prints what a RocketMQ must have before a function starts.
type topicsCmd struct {
	Format  string `enum:"table,mqadmin,terraform,json" default:"table" help:"${enum}."`
	File    string `default:"s.yaml" type:"path" help:"The deployment description."`
	Cluster string `default:"DefaultCluster" help:"Of mqadmin's commands."`
}

// Help is the example.
func (topicsCmd) Help() string {
	return `Examples:
  qianfan topics
  qianfan topics --format mqadmin | sh
  qianfan topics --format terraform > rocketmq.tf

A topic's type is fixed when it is created, and enforced; groups must exist before a client starts. NAMESRV_ADDR names mqadmin's server.`
}

// declaredTopic is a topic with the groups that read it.
type declaredTopic struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Groups []string `json:"groups"`
}

// Run is the verb.
func (c topicsCmd) Run(e *env) error {
	file, err := template.Load(c.File, e.look)
	if err != nil {
		return fmt.Errorf("%w; run it where s.yaml is, or name the file with --file", err)
	}
	topics := declared(file)
	if c.Format == "json" || e.json {
		e.json = true
		return e.show(map[string]any{"topics": topics}, nil)
	}
	switch c.Format {
	case "mqadmin":
		e.say("%s", mqadmin(topics, c.Cluster))
	case "terraform":
		e.say("%s", terraform(topics))
	default:
		e.table([]string{"TOPIC", "TYPE", "GROUPS"}, rows(topics, func(t declaredTopic) []string {
			return []string{t.Name, t.Type, strings.Join(t.Groups, ", ")}
		}))
	}
	return nil
}

func declared(file *template.File) []declaredTopic {
	var out []declaredTopic
	for _, t := range file.Topics {
		d := declaredTopic{Name: t.Name, Type: t.Type, Groups: []string{}}
		for _, s := range file.Streams() {
			if s.Topic == t.Name && !slices.Contains(d.Groups, s.Group) {
				d.Groups = append(d.Groups, s.Group)
			}
		}
		out = append(out, d)
	}
	return out
}

// mqadmin writes the commands for RocketMQ's own tool: two, because each starts a Java program. No group is ordered, that of the FIFO
// topic neither: an event stream promises no order, and an ordered group would only block a queue behind one message.
func mqadmin(topics []declaredTopic, cluster string) string {
	var ts []rocketmq.Topic
	var gs []rocketmq.Group
	for _, t := range topics {
		ts = append(ts, rocketmq.Topic{Name: t.Name, Type: rocketmq.TopicType(t.Type)})
		for _, g := range t.Groups {
			gs = append(gs, rocketmq.Group{Name: g})
		}
	}
	return fmt.Sprintf(`set -e
lists=$(mktemp -d)
cat >"$lists/topics.json" <<'JSON'
%s
JSON
cat >"$lists/groups.json" <<'JSON'
%s
JSON
mqadmin updateTopicList -c %[3]s -f "$lists/topics.json"
mqadmin updateSubGroupList -c %[3]s -f "$lists/groups.json"
rm -r "$lists"`, services.TopicList(ts), services.GroupList(gs), cluster)
}

// retries after the first delivery, as the emulator's broker has them.
const retries = rocketmq.DefaultMaxAttempts - 1

// terraform writes resources for the alicloud provider. A group has no dead-letter topic of its own: a batch that a function refuses for
// a day is moved to the topic dead-letter by its trigger, in the trigger's form; what the event stream itself never acknowledged
// stays in the group's %DLQ% topic, and its orders are found by the sweep.
func terraform(topics []declaredTopic) string {
	blocks := []string{`terraform {
  required_providers {
    alicloud = {
      source  = "aliyun/alicloud"
      version = ">= 1.212.0" # the first with alicloud_rocketmq_consumer_group
    }
  }
}`, `variable "rocketmq_instance_id" {
  type        = string
  description = "A RocketMQ 5.x instance, rmq-…; QIANFAN_ROCKETMQ_INSTANCE of the deployment."
}`}
	for _, t := range topics {
		blocks = append(blocks, fmt.Sprintf(`resource "alicloud_rocketmq_topic" "%s" {
  instance_id  = var.rocketmq_instance_id
  topic_name   = "%s"
  message_type = "%s"
}`, label(t.Name), t.Name, t.Type))
	}
	for _, t := range topics {
		for _, g := range t.Groups {
			blocks = append(blocks, fmt.Sprintf(`resource "alicloud_rocketmq_consumer_group" "%s" {
  instance_id         = var.rocketmq_instance_id
  consumer_group_id   = "%s"
  delivery_order_type = "Concurrently"
  consume_retry_policy {
    retry_policy    = "DefaultRetryPolicy"
    max_retry_times = %d
  }
}`, label(g), g, retries))
		}
	}
	return strings.Join(blocks, "\n\n")
}

// label makes a Terraform name.
func label(name string) string { return strings.ToLower(strings.ReplaceAll(name, "-", "_")) }
