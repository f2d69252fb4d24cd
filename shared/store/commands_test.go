package store_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// wish is a command of a kind about one of 美团's orders.
func wish(no, kind, key string) store.NewCommand {
	return store.NewCommand{Platform: "meituan", No: no, Command: order.Command{Key: key, Kind: kind, By: "platform", Hash: "hash of " + key, ReceivedAt: now}}
}

func (f fixture) give(t *testing.T, c store.NewCommand) store.CommandStored {
	t.Helper()
	out, err := f.Commands(t.Context(), []store.NewCommand{c}, now)
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

// Only a platform's cancel may come before its order, or after its end.
func TestOnlyACancelNeedsNoOpenOrder(t *testing.T) {
	t.Parallel()
	f := open(t)
	for _, kind := range []string{order.CommandTip, order.CommandChange} {
		require.Equal(t, store.CommandStored{Unknown: true}, f.give(t, wish("mt-1", kind, kind)))
	}
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM order_key"), "no tombstone: its create must not be stored as cancelled")
	out, err := f.Commands(t.Context(), []store.NewCommand{wish("mt-9", order.CommandTip, "a"), wish("mt-9", order.CommandCancel, "b"), wish("mt-8", order.CommandTip, "a")}, now)
	require.NoError(t, err)
	require.Equal(t, []store.CommandStored{{Unknown: true}, {Tombstone: true}, {Unknown: true}}, out)
	require.Equal(t, []string{"mt-9"}, f.strings(t, "SELECT no FROM order_key"))

	id := f.orders(t, 1)[0]
	f.exec(t, "UPDATE orders SET state = 'delivered', act_at = NULL, tell_at = NULL, post_at = NULL WHERE id = ?", id)
	no := one[string](t, f, "SELECT no FROM orders WHERE id = ?", id)
	for _, kind := range []string{order.CommandTip, order.CommandChange} {
		got := f.give(t, wish(no, kind, kind))
		require.True(t, got.Closed)
		require.Equal(t, order.Delivered, got.State)
	}
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM order_command"))
	require.Equal(t, 1, one[int](t, f, "SELECT COUNT(*) FROM orders WHERE wake_at IS NULL"), "it stays closed")
	require.True(t, f.give(t, wish(no, order.CommandCancel, "late")).Fresh(), "the platform wants it decided")
}

// A change writes the new recipient in its command's own transaction, once.
func TestAChangeAmendsTheDetail(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	no := one[string](t, f, "SELECT no FROM orders WHERE id = ?", id)
	runs := 0
	amend := func(d order.Detail) (order.Detail, error) {
		runs++
		d.To.Phone, d.To.Point = "13700000000", geo.Point{Lng: 120.2, Lat: 30.2}
		return d, nil
	}
	c := wish(no, order.CommandChange, "c1")
	c.Amend = amend
	before, err := f.Details(t.Context(), []int64{id})
	require.NoError(t, err)
	require.True(t, f.give(t, c).Fresh())
	require.True(t, f.give(t, c).Repeat)
	require.Equal(t, 1, runs)
	want := before[id]
	want.Detail.To.Phone, want.Detail.To.Point = "13700000000", geo.Point{Lng: 120.2, Lat: 30.2}
	after, err := f.Details(t.Context(), []int64{id})
	require.NoError(t, err)
	require.Equal(t, want, after[id])

	named := func(key, name string, err error) store.NewCommand {
		c := wish(no, order.CommandChange, key)
		c.Amend = func(d order.Detail) (order.Detail, error) {
			d.To.Name += name
			return d, err
		}
		return c
	}
	far := errors.New("too far")
	out, err := f.Commands(t.Context(), []store.NewCommand{named("c2", "2", nil), named("bad", "x", far), named("c3", "3", nil)}, now)
	require.NoError(t, err)
	require.Equal(t, []bool{true, false, true}, []bool{out[0].Fresh(), out[1].Fresh(), out[2].Fresh()})
	require.Equal(t, far, out[1].Refused)
	after, err = f.Details(t.Context(), []int64{id})
	require.NoError(t, err)
	require.Equal(t, want.Detail.To.Name+"23", after[id].Detail.To.Name, "one after the other, as they came; what is refused leaves nothing")
	require.Equal(t, []string{"c1", "c2", "c3"}, f.strings(t, "SELECT command_key FROM order_command ORDER BY command_key"))
}

// Of what comes together each is told what became of it: a repeat of a refused change is
// refused, one of a change that still holds is quiet, one that another has undone is neither.
func TestChangesThatComeTogether(t *testing.T) {
	t.Parallel()
	f := open(t)
	no := one[string](t, f, "SELECT no FROM orders WHERE id = ?", f.orders(t, 1)[0])
	to := func(phone string, err error) store.NewCommand {
		c := wish(no, order.CommandChange, phone)
		c.Command.Hash = phone // nobody named it
		c.Amend = func(d order.Detail) (order.Detail, error) {
			d.To.Phone = phone
			return d, err
		}
		return c
	}
	far := errors.New("too far")
	give := func(commands ...store.NewCommand) []store.CommandStored {
		out, err := f.Commands(t.Context(), commands, now)
		require.NoError(t, err)
		return out
	}
	out := give(to("bad", far), to("bad", far), to("a", nil), to("a", nil))
	require.Equal(t, []error{far, far, nil, nil}, []error{out[0].Refused, out[1].Refused, out[2].Refused, out[3].Refused})
	require.True(t, out[2].Fresh())
	require.True(t, out[3].Repeat)
	require.False(t, out[1].Repeat || out[3].Conflict)
	out = give(to("b", nil), to("a", nil), to("b", nil))
	require.True(t, out[0].Fresh())
	require.True(t, out[1].Conflict)
	require.True(t, out[2].Repeat && !out[2].Conflict)
	require.True(t, give(to("a", nil))[0].Conflict)
	require.Equal(t, []string{"a", "b"}, f.strings(t, "SELECT command_key FROM order_command ORDER BY command_key"))
}

// A person's command names the order by our id and leaves a line of audit; a refused one none.
func TestCommandsByHandAreAudited(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	system := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	hand := func(kind, key string) store.NewCommand {
		return store.NewCommand{OrderID: id, ByHand: system, Command: order.Command{Key: key, Kind: kind, By: "li", Reason: "regular", Hash: key, ReceivedAt: now,
			Args: order.CommandArgs{Carrier: "sftc"}, Epoch: 1}}
	}
	require.Equal(t, store.CommandStored{OrderID: id, State: order.Received, Version: 1, Fee: 1200}, f.give(t, hand(order.CommandForce, "k1")))
	require.True(t, f.give(t, hand(order.CommandForce, "k1")).Repeat)
	lines, err := f.Audit(t.Context(), store.AuditFilter{})
	require.NoError(t, err)
	require.Len(t, lines, 1)
	require.Equal(t, system, lines[0].At)
	require.Equal(t, "li", lines[0].By)
	require.Equal(t, "order force", lines[0].Verb)
	var detail map[string]map[string]any
	require.NoError(t, json.Unmarshal(lines[0].Detail, &detail))
	require.Equal(t, map[string]any{"state": "received", "version": 1.0}, detail["before"])
	require.Equal(t, map[string]any{"key": "k1", "args": map[string]any{"carrier": "sftc"}, "reason": "regular", "epoch": 1.0}, detail["after"])
	view, ok, err := f.OrderByID(t.Context(), id)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []store.CommandView{{Key: "k1", Kind: "force", Args: order.CommandArgs{Carrier: "sftc"}, By: "li", Reason: "regular", ReceivedAt: now, Epoch: 1}}, view.Commands)

	f.exec(t, "UPDATE orders SET state = 'failed' WHERE id = ?", id)
	for _, kind := range []string{order.CommandCancel, order.CommandRedispatch, order.CommandForce, order.CommandTip} {
		require.True(t, f.give(t, hand(kind, kind)).Closed, kind)
	}
	require.True(t, f.give(t, hand(order.CommandResolve, "done")).Fresh())
	missing := hand(order.CommandResolve, "x")
	missing.OrderID = 5
	require.Equal(t, store.CommandStored{Unknown: true}, f.give(t, missing))
	nobody := hand(order.CommandResolve, "y")
	nobody.Command.By = ""
	_, err = f.Commands(t.Context(), []store.NewCommand{nobody}, now)
	require.ErrorIs(t, err, store.ErrNobody)
	require.Equal(t, 2, one[int](t, f, "SELECT COUNT(*) FROM audit"))
	require.Equal(t, 2, one[int](t, f, "SELECT COUNT(*) FROM order_command"), "no command without its line")
}

// Who needs a person is listed oldest first, page by page.
func TestAttentionIsAQueue(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 4)
	f.exec(t, "UPDATE orders SET attention = 'look' WHERE id <> ?", ids[1])
	first, err := f.Orders(t.Context(), store.OrderFilter{NeedsAttention: true, Limit: 2})
	require.NoError(t, err)
	require.Equal(t, []int64{ids[0], ids[2]}, []int64{first[0].ID, first[1].ID})
	require.Equal(t, "look", first[0].Attention)
	rest, err := f.Orders(t.Context(), store.OrderFilter{NeedsAttention: true, After: first[1].ID})
	require.NoError(t, err)
	require.Len(t, rest, 1)
	require.Equal(t, ids[3], rest[0].ID)
}

func TestWaybills(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 2)
	plant := func(id int64, n int, no, state string) {
		f.exec(t, `INSERT INTO attempt (order_id, n, carrier, account, carrier_no, state, under, cause, token, price_fen, shard, held_fen, booked_fen, penalty_fen, want,
 call_kind, call_seq, call_owner, call_until, call_doubt, call_seen, tries, refusals, not_found, changed, confirmed, resolved)
 VALUES (?, ?, 'sftc', 'main', ?, ?, '', '', '', 0, 0, 0, 0, 0, '{}', '', 0, '', 0, '', 0, 0, 0, 0, 1, TRUE, FALSE)`, id, n, no, state)
	}
	plant(ids[0], 1, "S1", "accepted")
	plant(ids[0], 2, "S2", "accepted")
	plant(ids[1], 1, "S3", "delivered")
	plant(ids[1], 2, "", "placed")
	k := func(i, n int) store.AttemptKey { return store.AttemptKey{Order: ids[i], N: n} }
	got, err := f.Waybills(t.Context(), []store.AttemptKey{k(0, 1), k(1, 1), k(1, 2), {Order: 5, N: 1}})
	require.NoError(t, err)
	require.Equal(t, map[store.AttemptKey]store.Waybill{k(0, 1): {Carrier: "sftc", Account: "main", CarrierNo: "S1"}}, got)
	got, err = f.Waybills(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, got)
}
