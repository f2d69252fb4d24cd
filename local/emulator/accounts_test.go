package emulator

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

func ruleOf(name, account string) carrier.AccountRule {
	return carrier.AccountRule{Carrier: name, Account: account, Weight: 1, Active: true}
}

// Each account has a party of its own, with settings, an address and a deposit.
func TestAccountsAreParties(t *testing.T) {
	t.Parallel()
	o := Options{Accounts: []carrier.AccountRule{ruleOf("uupt", "main"), ruleOf("uupt", "south")}, Deposits: map[string]money.Fen{"uupt-south": 7}}.Ephemeral().withDefaults()
	all := o.accounts()
	require.NoError(t, all.check())
	require.Equal(t, []prepaid{{"uupt", "main"}, {"uupt", "south"}}, all.at("uupt"))
	require.Equal(t, []string{"dada", "fengniao", "sftc", "shansong", "uupt", "uupt-south"}, all.parties())
	require.Equal(t, []money.Fen{opening, 7}, []money.Fen{all.deposit(prepaid{"uupt", "main"}), all.deposit(prepaid{"uupt", "south"})})
	require.Equal(t, "127.0.0.1:0", o.Parties["uupt-south"])

	env := partyEnv(map[string]string{"uupt": "http://a", "uupt-south": "http://b", "sftc": "http://c"}, "http://g", all)
	require.JSONEq(t, `[{"base_url":"http://a","account":"main","app_id":"uu-test-app-id","app_key":"uu-test-app-key-0001","open_id":"uu-test-open-id","callback_url":"http://g/carrier/uupt"},
		{"base_url":"http://b","account":"south","app_id":"uu-test-app-id","app_key":"uu-test-app-key-0001","open_id":"uu-test-open-id","callback_url":"http://g/carrier/uupt"}]`, env["QIANFAN_UUPT"])
	require.Contains(t, env["QIANFAN_SFTC"], `{"account":"main"`, "one account is an object")
}

func TestFaultyAccountsAreRefused(t *testing.T) {
	t.Parallel()
	for says, o := range map[string]Options{
		"there is no such carrier":                   {Accounts: []carrier.AccountRule{ruleOf("ups", "main")}},
		"蜂鸟's one":                                   {Accounts: []carrier.AccountRule{ruleOf("fengniao", "south")}},
		"account uupt/":                              {Accounts: []carrier.AccountRule{ruleOf("uupt", "")}},
		`deposit of 5分 with "uupt-south"`:            {Deposits: map[string]money.Fen{"uupt-south": 5}},
		`deposit of 0分 with "uupt": want a positive`: {Deposits: map[string]money.Fen{"uupt": 0}},
	} {
		require.ErrorContains(t, o.accounts().check(), says)
	}
}
