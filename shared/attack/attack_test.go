package attack_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/attack"
)

// failing is a test that only notes that it failed.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Helper()               {}
func (f *failing) Fatalf(string, ...any) { f.failed = true }

func TestBounded(t *testing.T) {
	t.Parallel()
	var keep []byte
	small, large := &failing{TB: t}, &failing{TB: t}
	attack.Bounded(small, func() { keep = make([]byte, 1<<20) })
	require.False(t, small.failed)
	attack.Bounded(large, func() { keep = make([]byte, attack.Memory+1<<20) })
	require.True(t, large.failed)
	require.NotEmpty(t, keep)
}

// The bodies are what they are called.
func TestBodies(t *testing.T) {
	t.Parallel()
	for _, b := range attack.JSON() {
		var object map[string]json.RawMessage
		err := json.Unmarshal([]byte(b.Text), &object)
		require.True(t, err != nil || object == nil || b.Name == "bytes that are no UTF-8" || b.Name == "an overlong encoding", b.Name)
	}
	for _, b := range attack.Large() {
		require.True(t, json.Valid([]byte(b.Text)), b.Name)
	}
	for _, b := range append(attack.Values(), attack.Amounts()...) {
		require.True(t, json.Valid([]byte(b.Text)), b.Name)
	}
	for _, b := range attack.Forms() {
		require.Less(t, len(b.Text), attack.Megabyte+16, b.Name)
	}
	_, err := url.ParseQuery(attack.Forms()[0].Text)
	require.Error(t, err)
	require.NotEmpty(t, attack.Seeds(attack.JSON(), attack.Forms()))
}
