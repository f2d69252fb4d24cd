package rocketmq

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// handle is one delivery of one message to one group: what a receipt handle says. It is opaque to consumers.
type handle struct {
	topic, group string
	seq          uint64
	delivery     int32 // which delivery of the message to the group, from 1
	change       int32 // how often its invisible time has been changed since
	popped       time.Time
	invisible    time.Duration
}

const handleVersion = "qf1"

var errHandle = errors.New("not a receipt handle of this broker")

func (h handle) String() string {
	return fmt.Sprintf("%s %d %d %d %d %d %s %s", handleVersion,
		h.seq, h.popped.UnixMilli(), h.invisible.Milliseconds(), h.delivery, h.change, h.topic, h.group)
}

func parseHandle(text string) (handle, error) {
	f := strings.Split(text, " ")
	if len(f) != 8 || f[0] != handleVersion {
		return handle{}, errHandle
	}
	var n [5]int64
	for i := range n {
		v, err := strconv.ParseInt(f[i+1], 10, 64)
		if err != nil || v < 0 {
			return handle{}, errHandle
		}
		n[i] = v
	}
	return handle{
		topic: f[6], group: f[7], seq: uint64(n[0]), delivery: int32(n[3]), change: int32(n[4]),
		popped: time.UnixMilli(n[1]), invisible: time.Duration(n[2]) * time.Millisecond,
	}, nil
}

// expired reports whether the invisible time that came with the handle is over.
func (h handle) expired(now time.Time) bool { return now.After(h.popped.Add(h.invisible)) }

// recallHandle is what takes a delayed message back, in the real broker's form: base64url of
// "v1 <topic> <broker> <due, unix ms> <message id>".
func recallHandle(topic, id string, due time.Time) string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "v1 %s %s %d %s", topic, brokerName, due.UnixMilli(), id))
}

func parseRecallHandle(text string) (topic, id string, err error) {
	raw, err := base64.URLEncoding.DecodeString(text)
	if err != nil {
		return "", "", fmt.Errorf("recall handle: %w", err)
	}
	f := strings.SplitN(string(raw), " ", 5)
	if len(f) != 5 || f[0] != "v1" {
		return "", "", errors.New("recall handle: not of version v1")
	}
	return f[1], f[4], nil
}
