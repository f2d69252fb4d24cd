package intake

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

var errSecret = errors.New("对账未清 (by li)")

// A platform that we have switched off must not push the same order for ever: every protocol's
// answer is its final refusal, and does not say why.
func TestSwitchedOffIsAFinalRefusalInEveryProtocol(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"QIANFAN_DEV":       "1",
		"QIANFAN_JD":        `{"app_key":"jd-test-app","secret":"jd-test-secret-0001","token":"jd-test-token","base_url":"http://127.0.0.1:1"}`,
		"QIANFAN_MEITUAN":   `{"app_id":"1001","secret":"mt-test-secret-0001","base_url":"http://127.0.0.1:1","push_url":"as-received"}`,
		"QIANFAN_TAOBAO":    `{"app_id":"22954133","secret":"ele-test-secret-0001","base_url":"http://127.0.0.1:1"}`,
		"QIANFAN_CANONICAL": `{"keys":{"qf-test-key":"qf-test-secret-0001"}}`,
	}
	all, err := platforms.FromEnv(func(name string) string { return env[name] }, settings.Deps{HTTP: &http.Client{}, System: clock.System.Now})
	require.NoError(t, err)
	require.Len(t, all, len(platforms.Names()), "every platform is here")
	for name, adapter := range all {
		answer := func(reason upstream.Reason) (int, string) {
			w := httptest.NewRecorder()
			adapter.Answer(w, upstream.Push{Kind: upstream.KindCreate, No: "1"}, upstream.Result{Err: &upstream.Error{Reason: reason, Message: "not now", Err: errSecret}})
			return w.Code, w.Body.String()
		}
		status, body := answer(upstream.SwitchedOff)
		againStatus, againBody := answer(upstream.SendAgain)
		require.Less(t, status, 500, name)
		require.True(t, json.Valid([]byte(body)), name)
		require.NotEqual(t, againBody, body, name)
		require.NotContains(t, body, errSecret.Error(), name)
		if name == "jd" {
			require.JSONEq(t, `{"code":"-1","msg":"switched_off: not now","data":""}`, body)
			require.Contains(t, againBody, "-10000")
			continue
		}
		require.NotEqual(t, againStatus, status, name)
	}
}
