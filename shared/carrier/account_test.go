package carrier_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
)

func rule(account string, weight int, match carrier.AccountMatch) carrier.AccountRule {
	return carrier.AccountRule{Carrier: "uupt", Account: account, Match: match, Weight: weight, Active: true}
}

// shop > city+platform > city > platform > all, as for strategies.
func TestRouteAccountBySpecificity(t *testing.T) {
	t.Parallel()
	shop, both := carrier.AccountMatch{Shop: []string{"s1"}}, carrier.AccountMatch{City: []string{"330100"}, Platform: []string{"jd"}}
	rules := []carrier.AccountRule{
		rule("all", 1, carrier.AccountMatch{}), rule("jd", 1, carrier.AccountMatch{Platform: []string{"jd"}}),
		rule("hangzhou", 1, carrier.AccountMatch{City: []string{"330100"}}), rule("both", 1, both), rule("shop", 1, shop),
	}
	configured := []string{"all", "jd", "hangzhou", "both", "shop"}
	order := carrier.AccountOrder{ID: 7, Platform: "jd", City: "330100", Shop: "s1"}
	for _, want := range []string{"shop", "both", "hangzhou", "jd", "all"} {
		require.Equal(t, want, carrier.RouteAccount(rules, "uupt", configured, order))
		rules = rules[:len(rules)-1]
	}
	elsewhere := carrier.AccountOrder{ID: 7, Platform: "meituan", City: "310100"}
	require.Empty(t, carrier.RouteAccount([]carrier.AccountRule{rule("shop", 1, shop)}, "uupt", configured, elsewhere), "its rules leave the order out")
}

func TestRouteAccountWithoutRules(t *testing.T) {
	t.Parallel()
	o := carrier.AccountOrder{ID: 7}
	others := []carrier.AccountRule{{Carrier: "sftc", Account: "second", Weight: 1, Active: true}}
	require.Equal(t, "main", carrier.RouteAccount(nil, "uupt", []string{"main", "second"}, o))
	require.Equal(t, "main", carrier.RouteAccount(others, "uupt", []string{"main", "second"}, o), "another carrier's rules")
	require.Empty(t, carrier.RouteAccount(nil, "uupt", nil, o))

	off := rule("main", 1, carrier.AccountMatch{})
	off.Active = false
	require.Empty(t, carrier.RouteAccount([]carrier.AccountRule{off}, "uupt", []string{"main"}, o), "switched off, nothing new goes there")
	require.Empty(t, carrier.RouteAccount([]carrier.AccountRule{rule("gone", 1, carrier.AccountMatch{})}, "uupt", []string{"main"}, o), "no longer configured")
}

// An order always falls to the same account, and all together share by weight.
func TestRouteAccountByWeight(t *testing.T) {
	t.Parallel()
	rules := []carrier.AccountRule{rule("a", 1, carrier.AccountMatch{}), rule("b", 3, carrier.AccountMatch{})}
	turned := []carrier.AccountRule{rules[1], rules[0]}
	configured := []string{"a", "b"}
	got := map[string]int{}
	for id := range int64(4000) {
		o := carrier.AccountOrder{ID: 247_000_000_000_000_000 + id}
		account := carrier.RouteAccount(rules, "uupt", configured, o)
		require.Equal(t, account, carrier.RouteAccount(turned, "uupt", configured, o), "the order of the rules does not matter")
		got[account]++
	}
	require.InDelta(t, 1000, got["a"], 150)
	require.InDelta(t, 3000, got["b"], 150)
}

func TestAccountRuleCheck(t *testing.T) {
	t.Parallel()
	require.NoError(t, rule("main", 1, carrier.AccountMatch{City: []string{"330100"}}).Check())
	bad := carrier.AccountRule{Match: carrier.AccountMatch{City: []string{""}}, Weight: 1001}
	for _, says := range []string{"carrier:", "account:", "weight: want 1 to 1000, not 1001", "match.city"} {
		require.ErrorContains(t, bad.Check(), says)
	}
}

// fixed is an adapter of one account.
type fixed struct {
	carrier.Adapter
	account string
}

func (f fixed) Facts() carrier.Facts { return carrier.Facts{Account: f.account} }

func TestSet(t *testing.T) {
	t.Parallel()
	one, two, three := fixed{account: "main"}, fixed{account: "south"}, fixed{account: "north"}
	set := carrier.Set{"uupt": one, carrier.Key("uupt", "south"): two, carrier.Key("uupt", "north"): three, "sftc": fixed{account: "main"}}
	require.Equal(t, []string{"main", "north", "south"}, set.Accounts("uupt"))
	require.Equal(t, []carrier.Adapter{one, three, two}, set.Of("uupt"))
	require.Equal(t, []string{"main"}, set.Accounts("sftc"))
	require.Empty(t, set.Accounts("dada"))
	require.Empty(t, carrier.Set(nil).Of("uupt"))
	for account, want := range map[string]carrier.Adapter{"": one, "main": one, "south": two, "north": three} {
		got, ok := set.Adapter("uupt", account)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	_, ok := set.Adapter("uupt", "closed")
	require.False(t, ok)
	_, ok = set.Adapter("dada", "")
	require.False(t, ok)

	rules := []carrier.AccountRule{rule("south", 1, carrier.AccountMatch{City: []string{"440100"}}), rule("main", 1, carrier.AccountMatch{City: []string{"330100"}})}
	require.Equal(t, two, set.Route(rules, "uupt", carrier.AccountOrder{City: "440100"}))
	require.Equal(t, one, set.Route(rules, "uupt", carrier.AccountOrder{City: "330100"}))
	require.Nil(t, set.Route(rules, "uupt", carrier.AccountOrder{City: "110100"}))
	require.Nil(t, set.Route(rules, "dada", carrier.AccountOrder{City: "330100"}))
}

func TestTipCheck(t *testing.T) {
	t.Parallel()
	require.NoError(t, carrier.TipRequest{Add: 200, Total: 500}.Check(100))
	require.NoError(t, carrier.TipRequest{Add: 150, Total: 150}.Check(0))
	for _, bad := range []carrier.TipRequest{{Add: 0, Total: 100}, {Add: -100, Total: 100}, {Add: 200, Total: 100}, {Add: 150, Total: 150}} {
		require.Error(t, bad.Check(100), "%+v", bad)
	}
}
