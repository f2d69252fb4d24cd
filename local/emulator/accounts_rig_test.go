package emulator_test

import (
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/stage"
)

// tieOnTheWire requires that what each carrier's balance call answers, account by account, is to
// the fen what our books say that it should. Only at rest.
func (r *rig) tieOnTheWire(accounts int) {
	r.t.Helper()
	env := r.CarrierEnv()
	set, err := carriers.FromEnv(func(name string) string { return env[name] },
		settings.Deps{HTTP: stage.HTTP(), System: clock.System.Now, Vault: r.Store.Vault("balances", clock.System.Now)})
	require.NoError(r.t, err)
	require.Len(r.t, set, accounts)
	for _, adapter := range set {
		name, account := adapter.Name(), adapter.Facts().Account
		p, err := r.Store.CarrierPosition(r.t.Context(), name, account)
		require.NoError(r.t, err)
		stated, err := adapter.Balance(r.t.Context())
		require.NoError(r.t, err, "%s/%s", name, account)
		require.Equal(r.t, p.Expected(), stated, "%s/%s: %+v", name, account, p)
		require.Zero(r.t, p.Untaken, "%s/%s", name, account)
	}
}
