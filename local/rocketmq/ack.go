package rocketmq

import (
	"context"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// AckMessage finishes deliveries. The status of the whole is that of its entries if they agree, else MULTIPLE_RESULTS.
func (v *service) AckMessage(ctx context.Context, r *v2.AckMessageRequest) (*v2.AckMessageResponse, error) {
	_, refused := v.admit(ctx)
	if refused == nil && len(r.GetEntries()) == 0 {
		refused = newStatus(v2.Code_INTERNAL_SERVER_ERROR, "no entry to acknowledge")
	}
	if refused != nil {
		return &v2.AckMessageResponse{Status: refused}, nil
	}
	codes := v.acknowledge(r.GetEntries())
	whole := codes[0]
	entries := make([]*v2.AckMessageResultEntry, len(codes))
	for i, code := range codes {
		asked := r.GetEntries()[i]
		entries[i] = &v2.AckMessageResultEntry{
			MessageId: asked.GetMessageId(), ReceiptHandle: asked.GetReceiptHandle(), Status: statusOf(code),
		}
		if code != whole {
			whole = v2.Code_MULTIPLE_RESULTS
		}
	}
	return &v2.AckMessageResponse{Status: statusOf(whole), Entries: entries}, nil
}

// acknowledge finishes each entry on its own; only the receipt handle matters.
func (v *service) acknowledge(asked []*v2.AckMessageEntry) []v2.Code {
	codes := make([]v2.Code, len(asked))
	v.store.update(func(now time.Time) {
		for i, a := range asked {
			h, err := parseHandle(a.GetReceiptHandle())
			if err != nil {
				codes[i] = v2.Code_INTERNAL_SERVER_ERROR
				continue
			}
			codes[i] = v.store.ack(h, now)
		}
	})
	return codes
}

// ChangeInvisibleDuration makes a delivery come back after another time. The old handle no longer changes anything, but
// still acknowledges.
func (v *service) ChangeInvisibleDuration(
	ctx context.Context, r *v2.ChangeInvisibleDurationRequest,
) (*v2.ChangeInvisibleDurationResponse, error) {
	_, refused := v.admit(ctx)
	d := r.GetInvisibleDuration().AsDuration()
	h, err := parseHandle(r.GetReceiptHandle())
	switch {
	case refused != nil:
	case d < 0, d > maxInvisible:
		refused = newStatus(v2.Code_ILLEGAL_INVISIBLE_TIME, "invisible time is not within 0 s and 12 h")
	case err != nil:
		refused = newStatus(v2.Code_INTERNAL_SERVER_ERROR, err.Error())
	}
	if refused != nil {
		return &v2.ChangeInvisibleDurationResponse{Status: refused}, nil
	}
	var renewed handle
	var code v2.Code
	v.store.update(func(now time.Time) { renewed, code = v.store.park(h, d, now) })
	if code != v2.Code_OK {
		return &v2.ChangeInvisibleDurationResponse{Status: statusOf(code)}, nil
	}
	return &v2.ChangeInvisibleDurationResponse{Status: okStatus(), ReceiptHandle: renewed.String()}, nil
}

// ForwardMessageToDeadLetterQueue ends a delivery as a dead letter of its group.
func (v *service) ForwardMessageToDeadLetterQueue(
	ctx context.Context, r *v2.ForwardMessageToDeadLetterQueueRequest,
) (*v2.ForwardMessageToDeadLetterQueueResponse, error) {
	_, refused := v.admit(ctx)
	h, err := parseHandle(r.GetReceiptHandle())
	switch {
	case refused != nil:
	case err != nil:
		refused = newStatus(v2.Code_INTERNAL_SERVER_ERROR, err.Error())
	}
	if refused != nil {
		return &v2.ForwardMessageToDeadLetterQueueResponse{Status: refused}, nil
	}
	var code v2.Code
	var position uint64
	v.store.update(func(now time.Time) {
		code = v.store.kill(h, now)
		position = v.store.position
	})
	if err := v.store.settle(position); err != nil {
		return &v2.ForwardMessageToDeadLetterQueueResponse{
			Status: newStatus(v2.Code_INTERNAL_SERVER_ERROR, err.Error()),
		}, nil
	}
	return &v2.ForwardMessageToDeadLetterQueueResponse{Status: statusOf(code)}, nil
}
