package services

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// discardTopic is where the broker puts half messages that nobody answered for (TopicValidator.RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC).
const discardTopic = "TRANS_CHECK_MAX_TIME_TOPIC"

// Discarded counts the half messages that the broker has given up.
func (r *RocketMQ) Discarded(ctx context.Context) (int, error) {
	text, err := r.mqadmin(ctx, "topicStatus", "-n", r.Namesrv(), "-t", discardTopic)
	if err != nil {
		return 0, fmt.Errorf("count discarded half messages: %w", err)
	}
	n := 0
	for line := range strings.Lines(text) { // broker, queue, least offset, greatest offset, …
		f := strings.Fields(line)
		if len(f) < 4 || f[0] != "broker-a" {
			continue
		}
		least, errLeast := strconv.Atoi(f[2])
		greatest, errGreatest := strconv.Atoi(f[3])
		if errLeast != nil || errGreatest != nil {
			return 0, fmt.Errorf("count discarded half messages: mqadmin says: %s", line)
		}
		n += greatest - least
	}
	return n, nil
}

// mqadmin runs a command and returns what it prints.
func (r *RocketMQ) mqadmin(ctx context.Context, args ...string) (string, error) {
	return mqadmin(ctx, r.command(append([]string{"admin"}, args...)...), r.group(), r.options.Log)
}
