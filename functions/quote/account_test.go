package quote

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/live"
)

// account is one of our accounts with a carrier.
type account struct {
	*asked
	name string
}

func (a account) Facts() carrier.Facts {
	return carrier.Facts{Account: a.name, QuoteTTL: time.Minute}
}

// paying are the accounts that an order's quotes name, by carrier.
func (r *rig) paying(id int64) map[string]string {
	r.t.Helper()
	rows, err := r.db.QueryContext(r.t.Context(), "SELECT carrier, account FROM quote WHERE order_id = ?", id)
	require.NoError(r.t, err)
	defer func() { require.NoError(r.t, rows.Close()) }()
	out := map[string]string{}
	for rows.Next() {
		var name, account string
		require.NoError(r.t, rows.Scan(&name, &account))
		out[name] = account
	}
	require.NoError(r.t, rows.Err())
	return out
}

// The account that serves an order is asked for its price, and stands in the quote; a change
// of the rules holds seconds later.
func TestTheAccountThatServesAnOrderIsAsked(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", time.Second)
	main, south := account{&asked{}, "main"}, account{&asked{}, "south"}
	r.Stage.Carriers = carrier.Set{"uupt": main, carrier.Key("uupt", "south"): south, "shansong": r.shansong}
	r.Stage.Live = live.New(r.Store, r.clock)
	route := func(name string, active bool, cities ...string) {
		_, err := r.Store.SaveAccount(t.Context(), carrier.AccountRule{Carrier: "uupt", Account: name, Weight: 1, Active: active,
			Match: carrier.AccountMatch{City: cities}}, "account route", "li", noon)
		require.NoError(t, err)
		r.clock.Advance(5 * time.Second)
	}
	last := func() int64 { return r.batch(1, "uupt", "shansong")[0] }

	require.Equal(t, "main", r.paying(last())["uupt"], "without rules the first one serves")
	route("south", true, "330100")
	require.Equal(t, "south", r.paying(last())["uupt"])
	require.EqualValues(t, 1, main.calls.Load())
	require.EqualValues(t, 1, south.calls.Load())

	route("south", false, "330100")
	id := last()
	require.Equal(t, map[string]string{"uupt": "no account with it serves this order", "shansong": ""}, r.lines(id))
	route("main", true)
	require.Equal(t, "main", r.paying(last())["uupt"])
	require.EqualValues(t, 1, south.calls.Load())
}

// Rules that cannot be read leave the first accounts.
func TestAccountsWithoutTheStore(t *testing.T) {
	t.Parallel()
	s := stageOf(&settings{err: errors.New("away")})
	main := account{&asked{}, "main"}
	s.Carriers = carrier.Set{"uupt": main, carrier.Key("uupt", "south"): account{&asked{}, "south"}}
	got, none := s.serving("uupt", s.accounts(t.Context()), orderOf("s1", "uupt"))
	require.Empty(t, none)
	require.Equal(t, main, got)
	_, none = s.serving("dada", nil, orderOf("s1", "dada"))
	require.Equal(t, "not configured", none)
}
