// Package telemetry traces orders through the functions (OpenTelemetry, OTLP).
//
// One order is one trace over its whole life. Nothing is stored for that: the trace's id, and the id of its first span, are a hash
// of the order's id (see TraceOf), so that every function, timer and sweep finds the trace by the number that it has anyway. Whether
// an order is traced follows from its trace id as well, so all functions agree. An item of a message may carry the traceparent of
// the span that sent it; then the receiver's span is that one's child, and otherwise the first span's.
//
// An invocation works on many orders. It has a span of its own, the batch, in a trace of its own, linked with the orders that it
// worked on. Finished spans are sent before the invocation returns, because the instance is frozen then; a collector that is away
// costs one short wait and is left alone for a while. Spans hold numbers, states and names of parties, never personal data.
//
// Without a collector the Tracer is nil, nothing is put into contexts, and every function here returns at once without allocating.
package telemetry
