package shansong_test

import (
	"net/http"
	"testing"

	"github.com/chuandao/qianfan/shared/carrier/shansong"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	const good = `{"base_url":"https://open.ishansong.com","client_id":"c","secret":"s","shop_id":"1"`
	for name, tc := range map[string]struct{ text, says string }{
		"good":             {good + `,"lbs_type":0,"quote_ttl":"25m","callback_token":"T","good_types":{"tea":6},"refusals":[{"text":"歇业","kind":"refused"}]}`, ""},
		"no JSON":          {`base_url`, "settings"},
		"two objects":      {good + `} {}`, "follows"},
		"unknown field":    {good + `,"secrt":"x"}`, "secrt"},
		"wrong type":       {`{"client_id":7}`, "client_id"},
		"nothing":          {`{}`, "client_id is missing"},
		"no secret":        {`{"base_url":"https://x","client_id":"c","shop_id":"1"}`, "secret is missing"},
		"relative address": {`{"base_url":"open.ishansong.com","client_id":"c","secret":"s","shop_id":"1"}`, "base_url"},
		"address + query":  {`{"base_url":"https://x/?a=1","client_id":"c","secret":"s","shop_id":"1"}`, "base_url"},
		"lbs_type":         {good + `,"lbs_type":2}`, "lbs_type"},
		"duration":         {good + `,"quote_ttl":"soon"}`, "soon"},
		"duration, number": {good + `,"quote_ttl":30}`, "duration"},
		"refusal, kind":    {good + `,"refusals":[{"text":"歇业","kind":"shut"}]}`, "refusals[0].kind"},
		"refusal of all":   {good + `,"refusals":[{"kind":"refused"}]}`, "refusals[0]"},
		"one dev value":    {`{"base_url":"https://x","client_id":"c","secret":"iss-test-secret-0001","shop_id":"1"}`, "development credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := shansong.ParseConfig([]byte(tc.text))
			if err == nil {
				_, err = shansong.New(cfg, settings.Deps{HTTP: http.DefaultClient, System: systemTime})
			}
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
		})
	}
	_, err := shansong.New(shansong.Config{}, settings.Deps{})
	require.ErrorContains(t, err, "HTTP client")
}
