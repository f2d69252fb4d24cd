package upstreamtest

import (
	"testing"

	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/stretchr/testify/require"
)

// Fetches is how the content of a thin push is asked for.
type Fetches struct {
	No      string
	Request string // as posted: "POST path", a line break and the body
	Answer  string
	Want    upstream.Create // what Answer means
	Missing string          // the answer that there is no such order
	Refusal string          // a decided refusal
	Garbage []string        // answers that decide nothing
	Faults  []FetchFault
}

// FetchFault is an answer whose content cannot be carried, for a reason that names the
// field.
type FetchFault struct {
	Name, Answer string
	Reason       upstream.Reason
	Field        string
}

func (h Harness) fetches(t *testing.T) {
	t.Parallel()
	_, fetcher := h.offline(t).(upstream.Fetcher)
	require.Equal(t, h.Fetches != nil, fetcher)
	require.True(t, fetcher || !h.WantCreate.Create.Thin)
	if h.Fetches == nil {
		return
	}
	got, asked, err := h.fetch(t, h.Fetches.Answer)
	require.NoError(t, err)
	require.Equal(t, h.Fetches.Want, got)
	require.False(t, got.Thin)
	require.Equal(t, []string{h.Fetches.Request}, asked)

	faults := append([]FetchFault{
		{"no such order", h.Fetches.Missing, upstream.NotFound, ""},
		{"refused", h.Fetches.Refusal, upstream.Refused, ""},
	}, h.Fetches.Faults...)
	for _, f := range faults {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			got, _, err := h.fetch(t, f.Answer)
			require.Zero(t, got)
			var e *upstream.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, f.Reason, e.Reason, "%v", err)
			require.Equal(t, f.Field, e.Field, "%v", err)
			require.NotEmpty(t, e.Message)
		})
	}
	for name, answer := range broken(h.Fetches.Answer, h.Fetches.Garbage) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, err := h.call(t, answer, func(a upstream.Adapter) error {
				_, err := a.(upstream.Fetcher).Fetch(t.Context(), h.Fetches.No)
				return err
			})
			require.Equal(t, upstream.Unreachable, reason(err), "%v", err)
			require.Len(t, asked, 1)
		})
	}
}

func (h Harness) fetch(t *testing.T, answer string) (got upstream.Create, asked []string, err error) {
	t.Helper()
	asked, err = h.call(t, say(answer), func(a upstream.Adapter) error {
		got, err = a.(upstream.Fetcher).Fetch(t.Context(), h.Fetches.No)
		return err
	})
	return got, asked, err
}
