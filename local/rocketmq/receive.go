package rocketmq

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chuandao/qianfan/shared/clock"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// Long polling as the real broker does it.
const (
	minPoll = 5 * time.Second
	maxPoll = 20 * time.Second
	// pollSlack is how far under minPoll a deadline may be by the time the request is here.
	pollSlack = 500 * time.Millisecond
	// pollMargin is how long before the deadline an empty answer leaves.
	pollMargin = 300 * time.Millisecond
	// defaultRequestTimeout stands in for the one in the settings of a client that has sent none.
	defaultRequestTimeout = 3 * time.Second
	// renewedInvisible is the invisible time of a receive that leaves renewal to the broker.
	renewedInvisible = time.Minute
	// giveBackAfter is when deliveries that could not be handed over come back.
	giveBackAfter = time.Second
)

type receiveStream = grpc.ServerStreamingServer[v2.ReceiveMessageResponse]

// ReceiveMessage waits for messages, hands them over and ends the stream: clients read to its end before they use anything.
func (v *service) ReceiveMessage(r *v2.ReceiveMessageRequest, stream receiveStream) error {
	id, refused := v.admit(stream.Context())
	var w want
	var poll time.Duration
	if refused == nil {
		w, refused = v.want(r, id)
	}
	if refused == nil {
		poll, refused = v.pollTime(stream.Context(), r, id)
	}
	if refused != nil {
		return stream.Send(statusPart(refused))
	}
	ctx, cancel := context.WithTimeout(stream.Context(), poll)
	defer cancel()
	if w.limit == 0 {
		<-ctx.Done()
	}
	for ctx.Err() == nil {
		if got := v.spoil(v.store.receive(ctx, w)); len(got) > 0 {
			return v.handOver(stream, got)
		}
	}
	return stream.Send(statusPart(newStatus(v2.Code_MESSAGE_NOT_FOUND, "no new message")))
}

// want reads a receive. It makes the group a consumer of the topic.
func (v *service) want(r *v2.ReceiveMessageRequest, client string) (want, *v2.Status) {
	w := want{
		limit: int(r.GetBatchSize()), tags: parseTags(r.GetFilterExpression().GetExpression()),
		invisible: r.GetInvisibleDuration().AsDuration(), renew: r.GetAutoRenew(), client: client,
		attemptID: r.GetAttemptId(),
	}
	switch {
	case w.limit < 0, w.limit > maxBatch:
		return want{}, newStatus(v2.Code_INTERNAL_SERVER_ERROR, "batch size is not within 0 and 32")
	case r.GetFilterExpression().GetType() == v2.FilterType_SQL:
		return want{}, newStatus(v2.Code_ILLEGAL_FILTER_EXPRESSION, "SQL filters are not supported")
	case w.renew && r.GetInvisibleDuration() == nil:
		w.invisible = renewedInvisible
	case w.invisible < minInvisible, w.invisible > maxInvisible:
		return want{}, newStatus(v2.Code_ILLEGAL_INVISIBLE_TIME, "invisible time is not within 10 s and 12 h")
	}
	refused := okStatus()
	v.store.update(func(time.Time) {
		t, g := v.store.topics[r.GetMessageQueue().GetTopic().GetName()], v.store.groups[r.GetGroup().GetName()]
		switch {
		case t == nil:
			refused = newStatus(v2.Code_INTERNAL_SERVER_ERROR, "topic not found: "+r.GetMessageQueue().GetTopic().GetName())
		case g == nil:
			refused = newStatus(v2.Code_INTERNAL_SERVER_ERROR, "group not found: "+r.GetGroup().GetName())
		default:
			w.sub, refused = v.store.subscribe(t, g), nil
		}
	})
	return w, refused
}

// pollTime is how long a receive may wait: what it asks for, or what its deadline leaves after half a request timeout,
// within the broker's limits and answered before the deadline.
func (v *service) pollTime(ctx context.Context, r *v2.ReceiveMessageRequest, client string) (time.Duration, *v2.Status) {
	deadline, limited := ctx.Deadline()
	remaining := maxPoll + pollMargin
	if limited {
		remaining = deadline.Sub(clock.System.Now())
	}
	if remaining < minPoll-pollSlack {
		return 0, newStatus(v2.Code_ILLEGAL_POLLING_TIME, "the deadline leaves too little time for polling")
	}
	var poll time.Duration
	if asked := r.GetLongPollingTimeout(); asked != nil {
		poll = asked.AsDuration()
	} else {
		timeout := defaultRequestTimeout
		if known := v.clients.settings(client).GetRequestTimeout(); known != nil {
			timeout = known.AsDuration()
		}
		poll = remaining - timeout/2
	}
	return min(clampPoll(poll), remaining-pollMargin), nil
}

func clampPoll(d time.Duration) time.Duration { return min(max(d, minPoll), maxPoll) }

// spoil asks the hook about each delivery, and returns those that reach the consumer.
func (v *service) spoil(ds []delivery) []delivery {
	if v.hook == nil {
		return ds
	}
	kept := ds[:0]
	for _, d := range ds {
		f := v.hook.OnDeliver(d.handle.topic, d.handle.group, d.m.id)
		if f.Duplicate {
			v.store.update(func(time.Time) { v.store.duplicate(d) })
		}
		if !f.Drop {
			kept = append(kept, d)
		}
	}
	return kept
}

// handOver sends the status, the messages and the time of delivery. What cannot be sent comes back soon.
func (v *service) handOver(stream receiveStream, ds []delivery) error {
	lost := func(from int, err error) error {
		v.store.update(func(now time.Time) { v.store.giveBack(ds[from:], giveBackAfter, now) })
		return err
	}
	if err := stream.Send(statusPart(okStatus())); err != nil {
		return lost(0, err)
	}
	for i, d := range ds {
		part := &v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Message{Message: d.protobuf(v.addr)}}
		if err := stream.Send(part); err != nil {
			return lost(i, err)
		}
	}
	return stream.Send(&v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_DeliveryTimestamp{
		DeliveryTimestamp: timestamppb.New(v.store.system()),
	}})
}

func statusPart(s *v2.Status) *v2.ReceiveMessageResponse {
	return &v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Status{Status: s}}
}
