package rocketmq

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// Limits of the real broker.
const (
	maxBody         = 4 << 20
	maxTopicName    = 127
	maxGroupName    = 120
	maxMessageGroup = 63
	maxProperties   = 128
	maxPropertySize = 16 << 10
	maxDelay        = 24 * time.Hour
	maxBatch        = 32
	minInvisible    = 10 * time.Second
	maxInvisible    = 12 * time.Hour
)

var nameRule = regexp.MustCompile(`^[%|a-zA-Z0-9_-]+$`)

// systemTopics are the broker's own, which nobody may send to.
var systemTopics = map[string]bool{
	"TBW102": true, "SELF_TEST_TOPIC": true, "OFFSET_MOVED_EVENT": true, "SCHEDULE_TOPIC_XXXX": true,
	"RMQ_SYS_TRANS_HALF_TOPIC": true, "RMQ_SYS_TRANS_OP_HALF_TOPIC": true, "RMQ_SYS_TRACE_TOPIC": true,
	maxChecksTopic: true,
}

const systemTopicPrefix = "rmq_sys_"

// systemProperties are names that user properties may not have.
var systemProperties = map[string]bool{
	"TAGS": true, "KEYS": true, "WAIT": true, "DELAY": true, "RETRY_TOPIC": true, "REAL_TOPIC": true, "REAL_QID": true,
	"TRAN_MSG": true, "PGROUP": true, "MIN_OFFSET": true, "MAX_OFFSET": true, "BUYER_ID": true,
	"ORIGIN_MESSAGE_ID": true, "TRANSFER_FLAG": true, "CORRECTION_FLAG": true, "MQ2_FLAG": true,
	"RECONSUME_TIME": true, "MSG_REGION": true, "TRACE_ON": true, "UNIQ_KEY": true, "MAX_RECONSUME_TIMES": true,
	"CONSUME_START_TIME": true, "INSTANCE_ID": true, "POP_CK": true, "1ST_POP_TIME": true,
}

func badTopicName(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "blank topic"
	case len(name) > maxTopicName:
		return fmt.Sprintf("topic is longer than %d characters", maxTopicName)
	case !nameRule.MatchString(name):
		return "topic has illegal characters"
	case systemTopics[name], strings.HasPrefix(name, systemTopicPrefix):
		return "topic belongs to the system"
	}
	return ""
}

func badGroupName(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "blank group"
	case len(name) > maxGroupName:
		return fmt.Sprintf("group is longer than %d characters", maxGroupName)
	case !nameRule.MatchString(name):
		return "group has illegal characters"
	}
	return ""
}

// rule is one check of a message; bad explains, or is empty when the message passes.
type rule struct {
	code v2.Code
	bad  func(m *v2.Message, now time.Time) string
}

// rules are checked in order; the first that a message breaks is its answer.
var rules = []rule{
	{v2.Code_ILLEGAL_TOPIC, func(m *v2.Message, _ time.Time) string { return badTopicName(m.GetTopic().GetName()) }},
	{v2.Code_ILLEGAL_MESSAGE_ID, badID},
	{v2.Code_MESSAGE_BODY_EMPTY, badEmptyBody},
	{v2.Code_MESSAGE_BODY_TOO_LARGE, badLargeBody},
	{v2.Code_ILLEGAL_MESSAGE_TAG, badTag},
	{v2.Code_ILLEGAL_MESSAGE_KEY, badKey},
	{v2.Code_ILLEGAL_MESSAGE_PROPERTY_KEY, badPropertyKey},
	{v2.Code_MESSAGE_PROPERTIES_TOO_LARGE, badPropertySize},
	{v2.Code_ILLEGAL_MESSAGE_GROUP, badMessageGroup},
	{v2.Code_ILLEGAL_DELIVERY_TIME, badDeliveryTime},
}

// checkMessage returns what is wrong with m by itself, or nil.
func checkMessage(m *v2.Message, now time.Time) *v2.Status {
	for _, r := range rules {
		if why := r.bad(m, now); why != "" {
			return &v2.Status{Code: r.code, Message: why}
		}
	}
	return nil
}

// inferType is a message's type by its properties, which is what counts. It is unspecified when they contradict each
// other.
func inferType(m *v2.Message) v2.MessageType {
	sp := m.GetSystemProperties()
	grouped, timed := sp.MessageGroup != nil, sp.GetDeliveryTimestamp() != nil
	transactional := sp.GetMessageType() == v2.MessageType_TRANSACTION
	switch {
	case grouped && !timed && !transactional:
		return v2.MessageType_FIFO
	case timed && !grouped && !transactional:
		return v2.MessageType_DELAY
	case transactional && !grouped && !timed:
		return v2.MessageType_TRANSACTION
	case !grouped && !timed && !transactional:
		return v2.MessageType_NORMAL
	}
	return v2.MessageType_MESSAGE_TYPE_UNSPECIFIED
}

func badID(m *v2.Message, _ time.Time) string {
	if strings.TrimSpace(m.GetSystemProperties().GetMessageId()) == "" {
		return "message id is blank"
	}
	return ""
}

func badEmptyBody(m *v2.Message, _ time.Time) string {
	if len(m.GetBody()) == 0 {
		return "message body is empty"
	}
	return ""
}

func badLargeBody(m *v2.Message, _ time.Time) string {
	if len(m.GetBody()) > maxBody {
		return fmt.Sprintf("message body is larger than %d bytes", maxBody)
	}
	return ""
}

func badTag(m *v2.Message, _ time.Time) string {
	tag := m.GetSystemProperties().Tag
	switch {
	case tag == nil:
		return ""
	case strings.TrimSpace(*tag) == "":
		return "tag is blank"
	case strings.Contains(*tag, "|"):
		return "tag contains |"
	case hasControl(*tag):
		return "tag contains a control character"
	}
	return ""
}

func badKey(m *v2.Message, _ time.Time) string {
	for _, key := range m.GetSystemProperties().GetKeys() {
		if strings.TrimSpace(key) == "" {
			return "key is blank"
		}
		if hasControl(key) {
			return "key contains a control character"
		}
	}
	return ""
}

func badPropertyKey(m *v2.Message, _ time.Time) string {
	for key, value := range m.GetUserProperties() {
		if systemProperties[key] {
			return "property belongs to the system: " + key
		}
		if hasControl(key) || hasControl(value) {
			return fmt.Sprintf("property %q contains a control character", key)
		}
	}
	return ""
}

func badPropertySize(m *v2.Message, _ time.Time) string {
	size := 0
	for key, value := range m.GetUserProperties() {
		size += len(key) + len(value)
	}
	switch {
	case len(m.GetUserProperties()) > maxProperties:
		return fmt.Sprintf("more than %d properties", maxProperties)
	case size > maxPropertySize:
		return fmt.Sprintf("properties take more than %d bytes", maxPropertySize)
	}
	return ""
}

func badMessageGroup(m *v2.Message, _ time.Time) string {
	group := m.GetSystemProperties().MessageGroup
	switch {
	case group == nil:
		return ""
	case strings.TrimSpace(*group) == "":
		return "message group is blank"
	case utf8.RuneCountInString(*group) > maxMessageGroup:
		return fmt.Sprintf("message group is longer than %d characters", maxMessageGroup)
	}
	return ""
}

func badDeliveryTime(m *v2.Message, now time.Time) string {
	at := m.GetSystemProperties().GetDeliveryTimestamp()
	if at == nil {
		return ""
	}
	if at.AsTime().Sub(now) > maxDelay {
		return fmt.Sprintf("delivery is more than %s ahead", maxDelay)
	}
	if text, ok := m.GetUserProperties()[VirtualDueProperty]; ok {
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return fmt.Sprintf("property %s is not unix milliseconds: %q", VirtualDueProperty, text)
		}
	}
	return ""
}

func hasControl(s string) bool { return strings.IndexFunc(s, unicode.IsControl) >= 0 }
