package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/store"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	f := open(t)
	at := time.UnixMilli(1_700_000_000_123)
	main := carrier.AccountRule{Carrier: "uupt", Account: "main", Weight: 1, Active: true}
	south := carrier.AccountRule{Carrier: "uupt", Account: "south", Weight: 3, Active: true, Match: carrier.AccountMatch{City: []string{"440100"}, Platform: []string{"jd"}}}
	save := func(r carrier.AccountRule) bool {
		changed, err := f.SaveAccount(t.Context(), r, "account route", "li", at)
		require.NoError(t, err)
		return changed
	}
	require.True(t, save(south))
	require.True(t, save(main))
	require.False(t, save(south), "it is there already")
	rules, err := f.Accounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, []carrier.AccountRule{main, south}, rules)

	off := south
	off.Active = false
	require.True(t, save(off))
	rules, err = f.Accounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, []carrier.AccountRule{main, off}, rules)

	lines, err := f.Audit(t.Context(), store.AuditFilter{Subject: "uupt/south"})
	require.NoError(t, err)
	require.Len(t, lines, 2, "one for each change")
	require.Equal(t, []any{"li", "account route", at.UTC()}, []any{lines[0].By, lines[0].Verb, lines[0].At})
	var detail struct{ Before, After *carrier.AccountRule }
	require.NoError(t, json.Unmarshal(lines[0].Detail, &detail))
	require.Equal(t, south, *detail.Before)
	require.Equal(t, off, *detail.After)
	detail.Before = nil
	require.NoError(t, json.Unmarshal(lines[1].Detail, &detail))
	require.Nil(t, detail.Before)
}

func TestBadAccountsAreRefused(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.SaveAccount(t.Context(), carrier.AccountRule{Carrier: "uupt", Weight: 0}, "account add", "li", now)
	require.ErrorContains(t, err, "account: want")
	require.ErrorContains(t, err, "weight: want")
	_, err = f.SaveAccount(t.Context(), carrier.AccountRule{Carrier: "uupt", Account: "main", Weight: 1}, "account add", "", now)
	require.ErrorIs(t, err, store.ErrNobody)
	rules, err := f.Accounts(t.Context())
	require.NoError(t, err)
	require.Empty(t, rules, "nothing is stored without its audit line")
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM audit"))
}
