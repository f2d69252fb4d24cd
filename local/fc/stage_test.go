package fc

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/template"
)

// The runtimes and the package that every function is built on fit together.
func TestStagesRunOnBothRuntimes(t *testing.T) {
	t.Parallel()
	event, web := eventFunction(), webFunction()
	for _, fn := range []*template.Function{&event, &web} {
		fn.CodeDir = filepath.Join(code, "stage")
	}
	opts := Options{
		Functions: []template.Function{event, web}, Freeze: true, Warm: true,
		Env: func(string) map[string]string { return map[string]string{"GREETING": "hello"} },
	}
	r, j := run(t, opts)
	require.NoError(t, r.Start(t.Context()))

	_, err := r.Invoke(t.Context(), "event", []byte(`[{"id":"c","data":{"topic":"t","body":"x","systemProperties":{"UNIQ_KEY":"U"}}}]`))
	require.NoError(t, err)
	j.until(t, "event-1: hello U x\nevent-1: flushed\n")
	_, err = r.Invoke(t.Context(), "event", []byte(`{"triggerTime":"2026-11-23T04:05:00Z","triggerName":"sweep"}`))
	require.NoError(t, err)
	j.until(t, "event-1: timer\n")
	_, err = r.Invoke(t.Context(), "event", []byte(`[{"id":"c","data":{"topic":"t","body":"fail"}}]`))
	var failure *FunctionError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, "StoreAway", failure.Type)
	require.Equal(t, "handle c: store is away", failure.Message)

	got := get(t, r, "/carrier/uupt")
	require.Equal(t, 200, got.status)
	require.Equal(t, "hello/carrier/uupt", got.body)
	j.until(t, "web-1: FC Invoke Start RequestId: "+got.header.Get("X-Fc-Request-Id")+"\nweb-1: flushed\n")
	require.Equal(t, 500, get(t, r, "/panic").status)
	_, err = r.Invoke(t.Context(), "web", []byte("{}"))
	require.ErrorAs(t, err, &failure, "an event call that panics is not booked as success")
	require.Equal(t, TypeFailed, failure.Type)
	require.Equal(t, 200, get(t, r, "/pre-stop").status, "callers reach no hook")
	require.NotContains(t, j.text(), "closed")

	require.NoError(t, r.Close())
	require.Contains(t, j.text(), "event-1: closed\n")
	require.Contains(t, j.text(), "web-1: closed\n")
}

func TestStageWithBadSettingsSaysWhichOnBothRuntimes(t *testing.T) {
	t.Parallel()
	event, web := eventFunction(), webFunction()
	event.CodeDir, web.CodeDir = filepath.Join(code, "stage"), filepath.Join(code, "stage")
	r, _ := run(t, Options{Functions: []template.Function{event, web}, Warm: true})
	err := r.Start(t.Context())
	require.ErrorContains(t, err, "start event: ")
	require.ErrorContains(t, err, "start web: ")
	require.ErrorContains(t, err, "GREETING is not set")
}
