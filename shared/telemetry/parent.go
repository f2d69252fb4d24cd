package telemetry

import (
	"encoding/hex"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

const traceparentLen = len("00-") + 32 + len("-") + 16 + len("-01")

// parseTraceparent reads a W3C traceparent; false when it is none, or one that the standard calls invalid. Versions after 00 may
// have more at the end.
func parseTraceparent(text string) (trace.SpanContext, bool) {
	if len(text) < traceparentLen || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return trace.SpanContext{}, false
	}
	var version, flags [1]byte
	var cfg trace.SpanContextConfig
	for _, part := range []struct {
		into []byte
		hex  string
	}{{version[:], text[:2]}, {cfg.TraceID[:], text[3:35]}, {cfg.SpanID[:], text[36:52]}, {flags[:], text[53:55]}} {
		if _, err := hex.Decode(part.into, []byte(part.hex)); err != nil || strings.ToLower(part.hex) != part.hex {
			return trace.SpanContext{}, false
		}
	}
	rest := text[traceparentLen:]
	if version[0] == 0xff || rest != "" && (version[0] == 0 || rest[0] != '-') {
		return trace.SpanContext{}, false
	}
	cfg.TraceFlags, cfg.Remote = trace.TraceFlags(flags[0])&trace.FlagsSampled, true
	sc := trace.NewSpanContext(cfg)
	return sc, sc.IsValid()
}

// traceparent writes a span as a W3C traceparent.
func traceparent(sc trace.SpanContext) string {
	return "00-" + sc.TraceID().String() + "-" + sc.SpanID().String() + "-" + sc.TraceFlags().String()
}

// parseJaeger reads the platform's own span in Jaeger's form, {trace id}:{span id}:{parent}:{flags}, hex without leading zeros.
func parseJaeger(text string) (trace.SpanContext, bool) {
	parts := strings.Split(text, ":")
	if len(parts) != 4 || len(parts[0]) > 32 || len(parts[1]) > 16 {
		return trace.SpanContext{}, false
	}
	var cfg trace.SpanContextConfig
	flags, err := strconv.ParseUint(parts[3], 16, 8)
	if err != nil || !padded(cfg.TraceID[:], parts[0]) || !padded(cfg.SpanID[:], parts[1]) {
		return trace.SpanContext{}, false
	}
	cfg.TraceFlags, cfg.Remote = trace.TraceFlags(flags)&trace.FlagsSampled, true
	sc := trace.NewSpanContext(cfg)
	return sc, sc.IsValid()
}

func padded(into []byte, digits string) bool {
	_, err := hex.Decode(into, []byte(strings.Repeat("0", 2*len(into)-len(digits))+digits))
	return err == nil
}
