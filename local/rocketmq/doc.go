// Package rocketmq is an embedded RocketMQ 5 broker. It speaks the real gRPC protocol with the generated stubs of the
// official Go client, so that client works against it unmodified, and so does anything built on the raw stubs.
//
// It does: NORMAL, FIFO, DELAY and TRANSACTION topics with type validation, check-back over a producer's Telemetry
// stream, recall of delayed messages, pop with invisible time, batched acks, redelivery with attempt counts, dead letter
// topics, tag filters, long polling, and a write-ahead file. The package conformance runs one script of scenarios that a
// real broker passes too; docs/broker-fidelity.md has the result.
//
// Where it differs from the real broker, on purpose:
//   - one queue per topic. The order lock of an ordered group is held per (group, message group), as on a real broker
//     whose message groups all hash to different queues: within a message group nothing is delivered while an earlier
//     delivery is unacknowledged, other message groups go on. Messages without a message group share one lock.
//   - a committed transaction is delivered once: of a commit and a racing check-back the second is refused.
//   - ChangeInvisibleDuration is refused on a handle that is acknowledged or superseded.
//   - redelivery comes at the end of the invisible time, not seconds later, and a message out of attempts moves to its
//     dead letter topic at that moment instead of at the next receive.
//   - dead letter topics exist as soon as their group does, and the attempts of a dead letter start anew.
//   - a group that first subscribes late gets every message that some group has not finished with, and those that no group
//     ever subscribed to; the real broker also repeats older ones from its log.
//   - a check-back counts only when a live producer of the topic took it. A transaction that is asked for may still be ended by its
//     sender, also after a restart.
//   - delivery attempts start anew when the broker restarts from its write-ahead file.
//
// It does not do: TLS, access control, namespaces, SQL filters, priority and lite topics, pull consumption and offsets.
package rocketmq
