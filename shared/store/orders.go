package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

var orderCols = []string{"id", "platform", "no", "shop_code", "city", "state", "version", "goal", "goal_cause", "goal_key", "penalty_fen",
	"round", "winner", "strategy", "fee_fen", "timers", "timer_sent_at", "fact_seq", "milestone", "told", "received_at", "assigned_at",
	"act_at", "tell_at", "post_at", "redrives", "attention", "width"}

// orderWritten are the columns that a turn may change.
var orderWritten = []string{"shop_code", "city", "strategy", "fee_fen", "state", "version", "goal", "goal_cause", "goal_key", "penalty_fen", "round", "winner", "timers", "timer_sent_at",
	"fact_seq", "milestone", "assigned_at", "act_at", "tell_at", "post_at", "redrives", "attention", "width"}

const orderSelect = `SELECT id, platform, no, shop_code, city, state, version, goal, goal_cause, goal_key, penalty_fen,
 round, winner, strategy, fee_fen, timers, timer_sent_at, fact_seq, milestone, told, received_at, assigned_at,
 act_at, tell_at, post_at, redrives, attention, width FROM orders `

func scanOrder(rows *sql.Rows) (order.Order, error) {
	var o order.Order
	var strategyJSON, timers []byte
	var received int64
	var timerSent, assigned, act, tell, post sql.NullInt64
	err := rows.Scan(&o.ID, &o.Platform, &o.No, &o.ShopCode, &o.City, &o.State, &o.Version, &o.Goal, &o.GoalCause, &o.GoalKey, &o.Penalty,
		&o.Round, &o.Winner, &strategyJSON, &o.Fee, &timers, &timerSent, &o.FactSeq, &o.Milestone, &o.Told, &received, &assigned,
		&act, &tell, &post, &o.Redrives, &o.Attention, &o.Width)
	if err != nil {
		return o, err
	}
	o.ReceivedAt = time.UnixMilli(received).UTC()
	o.TimerSent, o.AssignedAt, o.ActAt, o.TellAt, o.PostAt = at(timerSent), at(assigned), at(act), at(tell), at(post)
	if err := json.Unmarshal(strategyJSON, &o.Strategy); err != nil {
		return o, fmt.Errorf("strategy of order %d: %w", o.ID, err)
	}
	if err := json.Unmarshal(timers, &o.Timers); err != nil {
		return o, fmt.Errorf("timers of order %d: %w", o.ID, err)
	}
	return o, nil
}

func orderRow(o *order.Order) ([]any, error) {
	strategyJSON, err := json.Marshal(o.Strategy)
	if err != nil {
		return nil, err
	}
	timers := []byte("[]")
	if len(o.Timers) > 0 {
		if timers, err = json.Marshal(o.Timers); err != nil {
			return nil, err
		}
	}
	return []any{o.ID, o.Platform, o.No, o.ShopCode, o.City, o.State, o.Version, o.Goal, clip(o.GoalCause, 64), o.GoalKey, int64(o.Penalty),
		o.Round, o.Winner, string(strategyJSON), int64(o.Fee), string(timers), ms(o.TimerSent), o.FactSeq, o.Milestone, o.Told,
		o.ReceivedAt.UnixMilli(), ms(o.AssignedAt), ms(o.ActAt), ms(o.TellAt), ms(o.PostAt), o.Redrives, clip(o.Attention, 255), o.Width}, nil
}

// readOrders loads orders by id, ascending; lock adds a row lock.
func readOrders(ctx context.Context, db execer, ids []int64, lock bool) ([]order.Order, error) {
	list, args := in(sorted(ids))
	query := orderSelect + byID + "WHERE id IN " + list + " ORDER BY id"
	if lock {
		query += " FOR UPDATE"
	}
	var out []order.Order
	rows, err := db.QueryContext(ctx, query, args...)
	err = each(rows, err, "orders", func(r *sql.Rows) error {
		o, err := scanOrder(r)
		out = append(out, o)
		return err
	})
	return out, err
}

var attemptCols = []string{"order_id", "n", "carrier", "account", "carrier_no", "state", "under", "cause", "token", "price_fen", "shard",
	"held_fen", "booked_fen", "penalty_fen", "cancel_fee_fen", "want", "call_kind", "call_seq", "call_owner", "call_until", "call_doubt",
	"call_seen", "tries", "refusals", "next_call_at", "doubt_since_at", "not_found", "rider", "last_at", "placed_at", "accepted_at",
	"picked_at", "changed", "confirmed", "resolved", "tip_fen"}

const attemptSelect = `SELECT order_id, n, carrier, account, carrier_no, state, under, cause, token, price_fen, shard,
 held_fen, booked_fen, penalty_fen, cancel_fee_fen, want, call_kind, call_seq, call_owner, call_until, call_doubt,
 call_seen, tries, refusals, next_call_at, doubt_since_at, not_found, rider, last_at, placed_at, accepted_at,
 picked_at, changed, confirmed, resolved, tip_fen FROM attempt `

func (s *Store) scanAttempt(rows *sql.Rows) (int64, *order.Attempt, error) {
	var id, until int64
	var a order.Attempt
	var want, rider []byte
	var fee, next, doubt, last, placed, accepted, picked sql.NullInt64
	err := rows.Scan(&id, &a.N, &a.Carrier, &a.Account, &a.CarrierNo, &a.State, &a.Under, &a.Cause, &a.Token, &a.Price, &a.Shard,
		&a.Held, &a.Booked, &a.Penalty, &fee, &want, &a.Call.Kind, &a.Call.Seq, &a.Call.Owner, &until, &a.Call.Doubt,
		&a.Call.Seen, &a.Tries, &a.Refusals, &next, &doubt, &a.NotFound, &rider, &last, &placed, &accepted,
		&picked, &a.Changed, &a.Confirmed, &a.Resolved, &a.Tip)
	if err != nil {
		return 0, nil, err
	}
	if until > 0 {
		a.Call.Until = time.UnixMilli(until).UTC()
	}
	a.CancelFee = fen(fee)
	a.NextCall, a.DoubtSince, a.LastAt, a.PlacedAt, a.AcceptedAt, a.PickedAt = at(next), at(doubt), at(last), at(placed), at(accepted), at(picked)
	if err := json.Unmarshal(want, &a.Want); err != nil {
		return 0, nil, fmt.Errorf("want of attempt %d/%d: %w", id, a.N, err)
	}
	if len(rider) > 0 {
		if err := s.sealer.Open(rider, &a.Rider); err != nil {
			return 0, nil, fmt.Errorf("rider of attempt %d/%d: %w", id, a.N, err)
		}
	}
	return id, &a, nil
}

func (s *Store) attemptRow(id int64, a *order.Attempt) ([]any, error) {
	want, err := json.Marshal(a.Want)
	if err != nil {
		return nil, err
	}
	var rider any
	if a.Rider.Known() {
		if rider, err = s.sealer.Seal(a.Rider); err != nil {
			return nil, err
		}
	}
	until := int64(0)
	if !a.Call.Until.IsZero() {
		until = a.Call.Until.UnixMilli()
	}
	return []any{id, a.N, a.Carrier, a.Account, a.CarrierNo, a.State, a.Under, a.Cause, a.Token, int64(a.Price), a.Shard,
		int64(a.Held), int64(a.Booked), int64(a.Penalty), fenArg(a.CancelFee), string(want), a.Call.Kind, a.Call.Seq, a.Call.Owner, until, a.Call.Doubt,
		a.Call.Seen, a.Tries, a.Refusals, ms(a.NextCall), ms(a.DoubtSince), a.NotFound, rider, ms(a.LastAt), ms(a.PlacedAt), ms(a.AcceptedAt),
		ms(a.PickedAt), a.Changed, a.Confirmed, a.Resolved, int64(a.Tip)}, nil
}

func (s *Store) readAttempts(ctx context.Context, db execer, ids []int64, add func(id int64, a *order.Attempt)) error {
	list, args := in(ids)
	rows, err := db.QueryContext(ctx, attemptSelect+"WHERE order_id IN "+list+" ORDER BY order_id, n", args...)
	return each(rows, err, "attempts", func(r *sql.Rows) error {
		id, a, err := s.scanAttempt(r)
		if err == nil {
			add(id, a)
		}
		return err
	})
}

// Detail is what is to be brought, from where to where. Only a command may change it.
type Detail struct {
	CityName string       `json:"city_name"`
	Detail   order.Detail `json:"detail"`
}

// Details opens the sealed details of orders.
func (s *Store) Details(ctx context.Context, ids []int64) (map[int64]Detail, error) {
	if len(ids) == 0 {
		return map[int64]Detail{}, nil
	}
	return s.readDetails(ctx, s.db, ids)
}

func (s *Store) readDetails(ctx context.Context, db execer, ids []int64) (map[int64]Detail, error) {
	out := make(map[int64]Detail, len(ids))
	list, args := in(sorted(ids))
	rows, err := db.QueryContext(ctx, "SELECT order_id, sealed FROM order_detail WHERE order_id IN "+list, args...)
	err = each(rows, err, "details", func(r *sql.Rows) error {
		var id int64
		var sealed []byte
		var d Detail
		if err := r.Scan(&id, &sealed); err != nil {
			return err
		}
		if err := s.sealer.Open(sealed, &d); err != nil {
			return fmt.Errorf("order %d: %w", id, err)
		}
		out[id] = d
		return nil
	})
	return out, err
}

// View reads an order as its platform may see it; false = no such order.
func (s *Store) View(ctx context.Context, platform, no string) (order.Order, *order.Attempt, bool, error) {
	var id int64
	err := s.db.QueryRowContext(ctx, "SELECT order_id FROM order_key WHERE platform = ? AND no = ? AND order_id > 0", platform, no).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return order.Order{}, nil, false, nil
	}
	if err != nil {
		return order.Order{}, nil, false, fmt.Errorf("find order: %w", err)
	}
	orders, err := readOrders(ctx, s.db, []int64{id}, false)
	if err != nil || len(orders) == 0 {
		return order.Order{}, nil, false, err
	}
	var winner *order.Attempt
	err = s.readAttempts(ctx, s.db, []int64{id}, func(_ int64, a *order.Attempt) {
		if a.N == orders[0].Winner {
			winner = a
		}
	})
	return orders[0], winner, err == nil, err
}
