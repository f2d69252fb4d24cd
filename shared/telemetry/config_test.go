package telemetry

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/chuandao/qianfan/shared/telemetry/telemetrytest"
)

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]endpoint{
		"collector:4317":                       {grpc: true, address: "collector:4317"},
		"[::1]:4317":                           {grpc: true, address: "[::1]:4317"},
		"grpcs://collector:443":                {grpc: true, secure: true, address: "collector:443"},
		"http://collector:4318":                {address: "http://collector:4318/v1/traces"},
		"https://collector/":                   {secure: true, address: "https://collector/v1/traces"},
		"http://arms/adapt_x@y/api/otlp/trace": {address: "http://arms/adapt_x@y/api/otlp/trace"},
	} {
		got, err := parseEndpoint(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
		require.NoError(t, CheckEndpoint(text))
	}
	require.NoError(t, CheckEndpoint(""), "off")
	for _, text := range []string{"collector", ":4317", "collector:", "collector:0", "collector:70000", "collector:otlp", "ftp://collector:21", "http://", "http://user:pw@collector", "https://collector?token=1", "://"} {
		require.ErrorIs(t, CheckEndpoint(text), errEndpoint, text)
		_, err := New(Config{Endpoint: text, Now: time.Now})
		require.Error(t, err)
	}
	off, err := New(Config{})
	require.NoError(t, err)
	require.Nil(t, off)
	require.NoError(t, off.Close(t.Context()))
	_, err = New(Config{Endpoint: "collector:4317", Sample: 1.5, Now: time.Now})
	require.Error(t, err)
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	got, err := ParseHeaders(" Authentication=ab@cd_ef@12== , x-more=a%2Cb,")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"authentication": "ab@cd_ef@12==", "x-more": "a,b"}, got)
	got, err = ParseHeaders("")
	require.NoError(t, err)
	require.Empty(t, got)
	for _, text := range []string{"secret", "=secret", "a b=secret", "a=%zz-secret", "a=secret%0d%0ab: c"} {
		_, err := ParseHeaders("ok=1," + text)
		require.ErrorContains(t, err, "pair 2", text)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestTraceparents(t *testing.T) {
	t.Parallel()
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	sc, ok := parseTraceparent(good)
	require.True(t, ok)
	require.True(t, sc.IsSampled())
	require.True(t, sc.IsRemote())
	require.Equal(t, good, traceparent(sc))
	for text, want := range map[string]bool{
		strings.Replace(good, "-01", "-00", 1): true,
		strings.Replace(good, "-01", "-ff", 1): true,
		"cc" + good[2:] + "-later":             true, // a later version may say more
		"":                                     false,
		good[:54]:                              false,
		good + "-x":                            false,
		"ff" + good[2:]:                        false,
		"cc" + good[2:] + "later":              false,
		strings.ToUpper(good):                  false,
		strings.Replace(good, "-", "_", 1):     false,
		"00-" + strings.Repeat("0", 32) + good[35:]:       false,
		good[:36] + strings.Repeat("0", 16) + good[52:]:   false,
		"00-4bf92f3577b34da6a3ce929d0e0e473g" + good[35:]: false,
	} {
		_, ok := parseTraceparent(text)
		require.Equal(t, want, ok, text)
	}
}

func TestPlatformsSpans(t *testing.T) {
	t.Parallel()
	sc, ok := parseJaeger("5b53f20e4ac5b7a4:124ee1cb3d9a1b2:0:1")
	require.True(t, ok)
	require.True(t, sc.IsSampled())
	require.Equal(t, "00000000000000005b53f20e4ac5b7a4", sc.TraceID().String())
	require.Equal(t, "0124ee1cb3d9a1b2", sc.SpanID().String())
	for _, text := range []string{"", "a:b:0", "a:b:0:1:2", ":b:0:1", "a::0:1", "0:b:0:1", "g:b:0:1", "a:b:0:x", strings.Repeat("a", 33) + ":b:0:1", "a:" + strings.Repeat("b", 17) + ":0:1"} {
		_, ok := parseJaeger(text)
		require.False(t, ok, text)
	}
}

// Some collectors have their key in their URL; it must not be logged.
func TestErrorsHideTheCollectorsKey(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	for _, base := range []string{c.HTTP, "http://127.0.0.1:1"} { // one that answers an error, and nobody
		at, err := parseEndpoint(base + "/adapt_secret%40x@y/api/otlp/traces")
		require.NoError(t, err)
		x, err := at.open(t.Context(), nil)
		require.NoError(t, err)
		err = x.ExportSpans(t.Context(), tracetest.SpanStubs{{Name: "quote"}}.Snapshots())
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
		require.Contains(t, err.Error(), "/…")
		require.NoError(t, x.close(t.Context()))
	}
}
