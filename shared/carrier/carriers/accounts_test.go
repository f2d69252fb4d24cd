package carriers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/settings"
)

const uuptAccount = `{"base_url":"http://127.0.0.1:9201","app_id":"a-%[1]s","app_key":"k","open_id":"o-%[1]s","callback_url":"http://127.0.0.1:9000/carrier/uupt","account":"%[1]s"}`

func TestSeveralAccounts(t *testing.T) {
	t.Parallel()
	text := "[" + fmt.Sprintf(uuptAccount, "south") + "," + fmt.Sprintf(uuptAccount, "north") + "]"
	all, err := carriers.FromEnv(env(map[string]string{"QIANFAN_UUPT": text}), deps)
	require.NoError(t, err)
	require.Equal(t, []string{"south", "north"}, all.Accounts("uupt"), "the first one configured comes first")
	north, ok := all.Adapter("uupt", "north")
	require.True(t, ok)
	require.Equal(t, "uupt", north.Name())
	require.Equal(t, "north", north.Facts().Account)
	require.Equal(t, "south", all["uupt"].Facts().Account)
}

func TestFaultyAccountsAreNamed(t *testing.T) {
	t.Parallel()
	good := fmt.Sprintf(uuptAccount, "south")
	for text, says := range map[string]string{
		`[]`:                            "the list of accounts is empty",
		`[` + good:                      "settings",
		`[` + good + `,` + good + `]`:   `account 2: account "south" is configured twice`,
		fmt.Sprintf(uuptAccount, "a:b"): "neither blanks nor colons",
		`[` + good + `,{}]`:             "account 2: uupt: app_id is missing",
		`["uupt"]`:                      "settings",
	} {
		_, err := carriers.FromEnv(env(map[string]string{"QIANFAN_UUPT": text}), deps)
		require.ErrorContains(t, err, "QIANFAN_UUPT: ", text)
		require.ErrorContains(t, err, says, text)
	}
}

// vault keeps secrets as JSON and counts claims.
type vault struct {
	kept   map[string][]byte
	claims int
}

func (v *vault) Load(_ context.Context, name string, into any) (bool, error) {
	raw, ok := v.kept[name]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(raw, into)
}

func (v *vault) Claim(context.Context, string, time.Duration) (bool, error) {
	v.claims++
	return true, nil
}

func (v *vault) Save(_ context.Context, name string, secret any, _ time.Time) error {
	raw, err := json.Marshal(secret)
	v.kept[name] = raw
	return err
}

// 蜂鸟's token goes where all instances find it.
func TestTokensAreShared(t *testing.T) {
	t.Parallel()
	tokens := 0
	office := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := `{\"amount_cent\":7}`
		if r.URL.Path == "/anubis-webapi/openapi/token" {
			tokens++
			data = `{\"access_token\":\"a\",\"refresh_token\":\"r\",\"expire_in\":31536000,\"re_expire_in\":32140800}`
		}
		_, _ = fmt.Fprintf(w, `{"code":"200","msg":"","business_data":"%s"}`, data)
	}))
	t.Cleanup(office.Close)
	v := &vault{kept: map[string][]byte{}}
	shared := settings.Deps{HTTP: office.Client(), System: deps.System, Vault: v}
	for range 2 {
		all, err := carriers.FromEnv(env(map[string]string{"QIANFAN_DEV": "1",
			"QIANFAN_FENGNIAO": `{"base_url":"` + office.URL + `","app_id":"6000000000000000001","secret":"fn-test-secret-0001","merchant_id":"1000001","sandbox":true}`}), shared)
		require.NoError(t, err)
		left, err := all["fengniao"].Balance(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 7, left)
	}
	require.Equal(t, []int{1, 1}, []int{tokens, v.claims})
	require.Contains(t, v.kept, "fengniao:6000000000000000001:1000001")
}

// Every carrier tells where its riders are and takes tips.
func TestWhatEveryCarrierOffers(t *testing.T) {
	t.Parallel()
	all, err := carriers.FromEnv(env(map[string]string{
		"QIANFAN_DEV": "1", "QIANFAN_SHANSONG": shansongDev, "QIANFAN_UUPT": uuptDev,
		"QIANFAN_SFTC":     `{"base_url":"http://127.0.0.1:9203","dev_id":1500000001,"dev_key":"sf-test-dev-key-0001","shop_id":"3243279847393"}`,
		"QIANFAN_FENGNIAO": `{"base_url":"http://127.0.0.1:9204","app_id":"6000000000000000001","secret":"fn-test-secret-0001","merchant_id":"1000001","sandbox":true}`,
	}), deps)
	require.NoError(t, err)
	require.Len(t, all, 4)
	for name, adapter := range all {
		require.Implements(t, (*carrier.Tipper)(nil), adapter, name)
		require.Implements(t, (*carrier.Locator)(nil), adapter, name)
		require.Positive(t, adapter.Facts().TipUnit, name)
		require.False(t, adapter.Facts().TipTotals, name)
	}
	require.Implements(t, (*carrier.TipTeller)(nil), all["sftc"], "its query tells no money")
}
