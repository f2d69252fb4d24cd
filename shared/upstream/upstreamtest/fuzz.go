package upstreamtest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chuandao/qianfan/shared/attack"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/stretchr/testify/require"
)

// FuzzReports gives every report of an adapter whatever answer: it was heard, or the error is an
// *upstream.Error that decides whether to tell it again, and costs little memory. Of h it needs
// Name, New and Reports.
func FuzzReports(f *testing.F, h Harness) {
	f.Helper()
	for _, seed := range append(attack.Seeds(attack.JSON(), attack.Values()), append(h.Reports.Garbage, h.Reports.Success, h.Reports.Refusal)...) {
		f.Add(seed)
	}
	states := []order.State{
		order.Dispatching, order.Assigned, order.Arrived, order.PickedUp, order.Delivered, order.Cancelled, order.Failed, order.Returning, order.Returned,
	}
	f.Fuzz(func(t *testing.T, answer string) {
		a := h.adapter(t, "http://platform.example.com", &http.Client{Transport: always(answer)})
		for _, state := range states {
			m := h.Reports.Milestone
			m.State = state
			var err error
			attack.Bounded(t, func() { err = a.Report(t.Context(), m) })
			var e *upstream.Error
			require.True(t, err == nil || errors.As(err, &e), "%v", err)
		}
	})
}

// FuzzPushes puts whatever value into a field of a good create, or takes it for the whole content,
// and seals it: it is refused, or what is made of it is sound, the same again, and costs little
// memory. Of h it needs Name, New, Reports and Attacks.
func FuzzPushes(f *testing.F, h Harness) {
	f.Helper()
	for i, seed := range attack.Seeds(attack.JSON(), attack.Values(), attack.Amounts(), attack.Forms()) {
		f.Add(i, seed)
	}
	f.Fuzz(func(t *testing.T, field int, value string) {
		a, x := h.offline(t), h.Attacks
		r := at(x.Seal(value, SystemTime), SystemTime)
		if json.Valid([]byte(value)) {
			paths := x.paths(t)
			slices.Sort(paths)
			r = x.put(t, paths[uint(field)%uint(len(paths))], value)
		}
		var push upstream.Push
		var err error
		attack.Bounded(t, func() { push, err = a.Decode(r) })
		if err != nil {
			require.Contains(t, aboutAnyway, upstream.AsError(err).Reason, "%v", err)
			return
		}
		if push.Kind == upstream.KindCreate {
			require.True(t, sound(push), "%+v", push)
		}
		again, err := a.Decode(r)
		require.NoError(t, err)
		require.Equal(t, push, again)
	})
}

// always is a platform without a wire that gives one answer.
type always string

// RoundTrip answers.
func (a always) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}
