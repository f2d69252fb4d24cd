package sftc_test

import (
	"net/http"
	"testing"

	"github.com/chuandao/qianfan/shared/carrier/sftc"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	const good = `{"base_url":"https://openic.sf-express.com","dev_id":7,"dev_key":"k","shop_id":"s"`
	for name, tc := range map[string]struct{ text, says string }{
		"good": {good + `,"shop_type":2,"lbs_type":1,"version":17,"person_direct":true,"no_shop":true,"callback_max_age":"1h","quote_ttl":"90s",
			"product_types":{"tea":8},"no_rider_words":["没人"],"refusals":[{"text":"歇业","kind":"refused"}]}`, ""},
		"unknown field":       {good + `,"key":"x"}`, "key"},
		"nothing":             {`{}`, "dev_id is missing"},
		"no key":              {`{"base_url":"https://x","dev_id":7,"shop_id":"s"}`, "dev_key is missing"},
		"dev_id as text":      {`{"dev_id":"7"}`, "dev_id"},
		"dev_id negative":     {`{"base_url":"https://x","dev_id":-7,"dev_key":"k","shop_id":"s"}`, "dev_id is missing"},
		"relative address":    {`{"base_url":"openic.sf-express.com","dev_id":7,"dev_key":"k","shop_id":"s"}`, "base_url"},
		"shop type":           {good + `,"shop_type":3}`, "shop_type 3"},
		"lbs_type":            {good + `,"lbs_type":3}`, "lbs_type 3"},
		"version":             {good + `,"version":18}`, "version 18"},
		"empty word":          {good + `,"no_rider_words":[""]}`, "no_rider_words"},
		"refusal of all":      {good + `,"refusals":[{"kind":"refused"}]}`, "refusals[0]"},
		"duration":            {good + `,"callback_max_age":"-1h"}`, "-1h"},
		"trailing":            {good + `}x`, "settings"},
		"development key":     {`{"base_url":"https://x","dev_id":7,"dev_key":"sf-test-dev-key-0001","shop_id":"s"}`, "development credentials"},
		"development dev_id":  {`{"base_url":"https://x","dev_id":1500000001,"dev_key":"k","shop_id":"s"}`, "development credentials"},
		"development shop_id": {`{"base_url":"https://x","dev_id":7,"dev_key":"k","shop_id":"3243279847393"}`, "development credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := sftc.ParseConfig([]byte(tc.text))
			if err == nil {
				_, err = sftc.New(cfg, settings.Deps{HTTP: http.DefaultClient, System: systemTime})
			}
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
		})
	}
	_, err := sftc.New(sftc.Config{}, settings.Deps{})
	require.ErrorContains(t, err, "HTTP client")
}
