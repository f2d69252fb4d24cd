package dada_test

import (
	"net/http"
	"testing"

	"github.com/chuandao/qianfan/shared/carrier/dada"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	const party = `"app_key":"k","app_secret":"s","source_id":"73753","shop_no":"11047059"`
	const good = `{"base_url":"https://newopen.imdada.cn","callback_url":"https://agg.example.com/carrier/dada",` + party
	for name, tc := range map[string]struct{ text, says string }{
		"good": {good + `,"callback_path_secret":"x","callback_max_age":"1h","quote_ttl":"90s","city_codes":{"330100":"0571"},"cargo_types":{"tea":2},
			"phone_separator":",","direct_delivery":true,"finish_code":true,"tips_beside_actual":true,"no_rider_words":["没人"],"refusals":[{"code":"9","kind":"refused"}]}`, ""},
		"unknown field":    {good + `,"key":"x"}`, "key"},
		"nothing":          {`{}`, "app_key is missing"},
		"no secret":        {`{"base_url":"https://x","callback_url":"https://x","app_key":"k","source_id":"1","shop_no":"1"}`, "app_secret is missing"},
		"no shop":          {`{"base_url":"https://x","callback_url":"https://x","app_key":"k","app_secret":"s","source_id":"1"}`, "shop_no is missing"},
		"relative address": {`{"base_url":"newopen.imdada.cn","callback_url":"https://x",` + party + `}`, "base_url"},
		"no callback":      {`{"base_url":"https://x",` + party + `}`, "callback_url"},
		"empty word":       {good + `,"no_rider_words":[""]}`, "no_rider_words"},
		"refusal of all":   {good + `,"refusals":[{"kind":"refused"}]}`, "refusals[0]"},
		"duration":         {good + `,"quote_ttl":"-1h"}`, "-1h"},
		"trailing":         {good + `}x`, "settings"},
		"development key": {`{"base_url":"https://x","callback_url":"https://x","app_key":"dada-test-app-key","app_secret":"s","source_id":"1","shop_no":"1"}`,
			"development credentials"},
		"development secret": {`{"base_url":"https://x","callback_url":"https://x","app_key":"k","app_secret":"dada-test-secret-0001","source_id":"1","shop_no":"1"}`,
			"development credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := dada.Make([]byte(tc.text), false, settings.Deps{HTTP: http.DefaultClient, System: systemTime})
			if tc.says == "" {
				require.NoError(t, err)
				require.Equal(t, dada.Name, a.Name())
				return
			}
			require.ErrorContains(t, err, tc.says)
			require.Nil(t, a)
		})
	}
	_, err := dada.New(dada.Config{}, settings.Deps{})
	require.ErrorContains(t, err, "HTTP client")
}
