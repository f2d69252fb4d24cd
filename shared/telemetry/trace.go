package telemetry

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	"go.opentelemetry.io/otel/trace"
)

// hashPrefix begins what is hashed for an order's ids: printf 'qianfan order %d' ID | sha256sum.
const hashPrefix = "qianfan order "

// TraceOf is the id of an order's trace, 32 lower hex digits: the first 16 bytes of the SHA-256 of "qianfan order <id>".
func TraceOf(order int64) string { return rootOf(order).TraceID().String() }

// rootOf is the first span of an order's trace, recorded or not: the next 8 bytes of the hash are its span id.
func rootOf(order int64) trace.SpanContext {
	var text [len(hashPrefix) + 20]byte
	sum := sha256.Sum256(strconv.AppendInt(append(text[:0], hashPrefix...), order, 10))
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(sum[:16]), SpanID: trace.SpanID(sum[16:24]), TraceFlags: trace.FlagsSampled, Remote: true,
	})
}

// sampler decides by an order's trace id, as OpenTelemetry's TraceIDRatioBased does: every function comes to the same answer.
type sampler uint64

// newSampler takes the share of orders that are traced, 0 to 1.
func newSampler(share float64) sampler { return sampler(share * (1 << 63)) }

func (s sampler) takes(id trace.TraceID) bool { return binary.BigEndian.Uint64(id[8:])>>1 < uint64(s) }
