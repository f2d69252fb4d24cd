package quote

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/money"
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
	got, none := s.serving("uupt", s.desk(t.Context()), orderOf("s1", "uupt"))
	require.Empty(t, none)
	require.Equal(t, main, got)
	_, none = s.serving("dada", desk{}, orderOf("s1", "dada"))
	require.Equal(t, "not configured", none)
}

// A carrier account that cannot pay leaves quoting, and says so; another account that matches
// takes over, other carriers go on, and a deposit brings it back.
func TestAnAccountThatIsUsedUpLeavesQuoting(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", time.Second)
	main, south := account{&asked{}, "main"}, account{&asked{}, "south"}
	r.Stage.Carriers = carrier.Set{"uupt": main, carrier.Key("uupt", "south"): south, "shansong": r.shansong}
	r.Stage.Live = live.New(r.Store, r.clock)
	deposit := func(key, carrier, account string, amount int64) {
		_, err := r.Store.Deposit(t.Context(), key, carrier, account, money.Fen(amount), 4, noon)
		require.NoError(t, err)
	}
	last := func() int64 {
		r.clock.Advance(5 * time.Second)
		return r.batch(1, "uupt", "shansong")[0]
	}
	deposit("a", "shansong", "main", 100_00)
	deposit("b", "uupt", "main", 10_00)
	require.Equal(t, map[string]string{"uupt": "", "shansong": ""}, r.lines(last()))

	// Two holds of 4 元: the 2 元 that are left pay for no third one.
	_, err := r.db.ExecContext(t.Context(), "UPDATE prepaid_shard SET free_fen = IF(shard = 0, 200, 0), taken_fen = IF(shard = 0, 800, 0), holds = IF(shard = 0, 2, 0) WHERE carrier = 'uupt'")
	require.NoError(t, err)
	asked := main.calls.Load()
	id := last()
	require.Equal(t, map[string]string{"uupt": "prepaid balance used up", "shansong": ""}, r.lines(id))
	require.Equal(t, "main", r.paying(id)["uupt"], "the line names the account that wants money")
	require.Equal(t, asked, main.calls.Load(), "it is not asked")

	// A further account of the same carrier takes over once a rule lets it.
	deposit("c", "uupt", "south", 100_00)
	for _, name := range []string{"main", "south"} {
		match := carrier.AccountMatch{}
		if name == "main" { // which serves the city more closely
			match.City = []string{"330100"}
		}
		_, err := r.Store.SaveAccount(t.Context(), carrier.AccountRule{Carrier: "uupt", Account: name, Weight: 1, Active: true, Match: match}, "account route", "li", noon)
		require.NoError(t, err)
	}
	id = last()
	require.Equal(t, map[string]string{"uupt": "", "shansong": ""}, r.lines(id))
	require.Equal(t, "south", r.paying(id)["uupt"])

	deposit("d", "uupt", "main", 100_00)
	require.Equal(t, "main", r.paying(last())["uupt"], "it is back by itself")

	_, err = r.db.ExecContext(t.Context(), "UPDATE prepaid_shard SET free_fen = 0 WHERE carrier = 'uupt'")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"uupt": "prepaid balance used up", "shansong": ""}, r.lines(last()), "both of them")
}
