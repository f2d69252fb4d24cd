package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/strategy"
)

// OrderView is everything about one order, personal data masked.
type OrderView struct {
	Order    OrderHead         `json:"order"`
	Strategy strategy.Strategy `json:"strategy"`
	Why      Why               `json:"why"` // this strategy, and this fee
	Delivery DeliveryView      `json:"delivery"`
	Attempts []AttemptView     `json:"attempts"`
	Rounds   []RoundView       `json:"rounds"`
	Quotes   []QuoteView       `json:"quotes"`
	History  []HistoryLine     `json:"history"`
	Commands []CommandView     `json:"commands"`
	Facts    []FactView        `json:"facts"`
	Entries  []EntryRow        `json:"entries"`
}

// OrderHead is the order itself.
type OrderHead struct {
	OrderRow
	Strategy   string        `json:"strategy"` // its name
	Version    int           `json:"version"`
	GoalCause  string        `json:"goal_cause,omitempty"`
	PenaltyFen money.Fen     `json:"penalty_fen"`
	Round      int           `json:"round"`
	Winner     int           `json:"winner"`
	Milestone  int           `json:"milestone"`
	Told       int           `json:"told"`
	Redrives   int           `json:"redrives"`
	AssignedAt time.Time     `json:"assigned_at,omitzero"`
	ActAt      time.Time     `json:"act_at,omitzero"`
	TellAt     time.Time     `json:"tell_at,omitzero"`
	PostAt     time.Time     `json:"post_at,omitzero"`
	Timers     []order.Timer `json:"timers"`
}

// DeliveryView is what is to be brought, from where to where.
type DeliveryView struct {
	CityName   string      `json:"city_name"`
	From       StopView    `json:"from"`
	To         StopView    `json:"to"`
	Goods      order.Goods `json:"goods"`
	ExpectedAt *time.Time  `json:"expected_at,omitempty"`
}

// StopView is an end of the delivery for people: 欧*, 138****5678, no door number, and a
// point to a hundred metres.
type StopView struct {
	Name    string    `json:"name"`
	Phone   string    `json:"phone"`
	Address string    `json:"address"`
	Point   geo.Point `json:"point"`
}

// AttemptView is one placement.
type AttemptView struct {
	N          int        `json:"n"`
	OurNo      string     `json:"our_no"`
	Carrier    string     `json:"carrier"`
	Account    string     `json:"account"`
	CarrierNo  string     `json:"carrier_no"`
	State      string     `json:"state"`
	Under      string     `json:"under,omitempty"`
	Cause      string     `json:"cause,omitempty"`
	Wish       string     `json:"wish,omitempty"` // cause of a cancel that is still to be done
	PriceFen   money.Fen  `json:"price_fen"`
	HeldFen    money.Fen  `json:"held_fen"`
	BookedFen  money.Fen  `json:"booked_fen"`
	PenaltyFen money.Fen  `json:"penalty_fen"`
	CancelFee  *money.Fen `json:"cancel_fee_fen,omitempty"` // what the carrier told before a cancel
	CancelTold time.Time  `json:"cancel_fee_at,omitzero"`   // when
	Call       string     `json:"call,omitempty"`           // under way
	Doubt      string     `json:"doubt,omitempty"`          // call in doubt
	Tries      int        `json:"tries"`
	RiderName  string     `json:"rider_name,omitempty"`
	RiderPhone string     `json:"rider_phone,omitempty"`
	PlacedAt   time.Time  `json:"placed_at,omitzero"`
	AcceptedAt time.Time  `json:"accepted_at,omitzero"`
	PickedAt   time.Time  `json:"picked_at,omitzero"`
	Confirmed  bool       `json:"confirmed"`
	Resolved   bool       `json:"resolved"`
}

// RoundView is the outcome of one quote round.
type RoundView struct {
	Round  int       `json:"round"`
	Result string    `json:"result"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// QuoteView is one carrier's answer.
type QuoteView struct {
	Round     int       `json:"round"`
	Carrier   string    `json:"carrier"`
	N         int       `json:"n"`
	PriceFen  money.Fen `json:"price_fen"`
	DistanceM int       `json:"distance_m"`
	Refused   string    `json:"refused,omitempty"`
}

// HistoryLine is one input and what was decided about it.
type HistoryLine struct {
	Key       string          `json:"key"`
	Version   int             `json:"version"` // 0 = nothing changed
	N         int             `json:"n"`       // attempt; 0 = the order
	Kind      string          `json:"kind"`
	From      string          `json:"from"`
	To        string          `json:"to"`
	Decision  string          `json:"decision"`
	Milestone bool            `json:"milestone"`
	At        time.Time       `json:"at"`
	Detail    json.RawMessage `json:"detail,omitempty"`
	Owes      json.RawMessage `json:"owes,omitempty"` // the messages that the change owed
}

// CommandView is an acknowledged wish.
type CommandView struct {
	Key        string            `json:"key"`
	Kind       string            `json:"kind"`
	Args       order.CommandArgs `json:"args"`
	By         string            `json:"by"`
	Reason     string            `json:"reason,omitempty"`
	ReceivedAt time.Time         `json:"received_at"`
	Epoch      int               `json:"epoch,omitempty"` // order version seen; 0 = unconditional
	Applied    int               `json:"applied_version"` // 0 = not yet
	Decision   string            `json:"decision,omitempty"`
}

// FactView is a settlement fact.
type FactView struct {
	N         int       `json:"n"`
	Kind      string    `json:"kind"`
	Seq       int       `json:"seq"`
	AmountFen money.Fen `json:"amount_fen"`
	Party     string    `json:"party"`
	Account   string    `json:"account,omitempty"`
	Shard     int       `json:"shard"`
	Cause     string    `json:"cause,omitempty"`
	At        time.Time `json:"at"`
	PostedAt  time.Time `json:"posted_at,omitzero"`
}

// maxEntries bounds the ledger lines of one order.
const maxEntries = 1000

// OrderByID reads everything about one order in one snapshot; false = no such order.
func (s *Store) OrderByID(ctx context.Context, id int64) (OrderView, bool, error) {
	var v OrderView
	found := false
	err := s.snapshot(ctx, "read order", func(tx *sql.Tx) error {
		v = OrderView{Attempts: []AttemptView{}, Rounds: []RoundView{}, Quotes: []QuoteView{}, History: []HistoryLine{}, Commands: []CommandView{}, Facts: []FactView{}}
		orders, err := readOrders(ctx, tx, []int64{id}, false)
		if err != nil || len(orders) == 0 {
			return err
		}
		found = true
		v.Order, v.Strategy = head(orders[0]), orders[0].Strategy
		return inOrder(
			func() error { return s.viewDetail(ctx, tx, id, &v) },
			func() error {
				return s.readAttempts(ctx, tx, []int64{id}, func(_ int64, a *order.Attempt) { v.Attempts = append(v.Attempts, viewAttempt(id, a)) })
			},
			func() error { return viewRounds(ctx, tx, id, &v) },
			func() error { return viewHistory(ctx, tx, id, &v) },
			func() error { return viewCommands(ctx, tx, id, &v) },
			func() error { return viewFacts(ctx, tx, id, &v) },
		)
	})
	if err != nil || !found {
		return v, false, err
	}
	for _, a := range v.Attempts {
		if a.N == v.Order.Winner {
			v.Order.Carrier = a.Carrier
		}
	}
	v.Entries, err = s.Entries(ctx, id, maxEntries)
	return v, err == nil, err
}

// snapshot runs reads that must fit together, again from the start when a table has changed
// meanwhile (a day came or went).
func (s *Store) snapshot(ctx context.Context, op string, fn func(tx *sql.Tx) error) error {
	var err error
	for range txTries {
		if err = s.look(ctx, fn); number(err) != errTableChanged && !contended(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

func (s *Store) look(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(fn(tx), ignoreDone(tx.Rollback()))
}

func head(o order.Order) OrderHead {
	return OrderHead{
		OrderRow: OrderRow{ID: o.ID, Platform: o.Platform, No: o.No, ShopCode: o.ShopCode, City: o.City, State: string(o.State), Goal: string(o.Goal), FeeFen: o.Fee,
			Open: !o.ActAt.IsZero() || !o.TellAt.IsZero() || !o.PostAt.IsZero(), Attention: o.Attention, ReceivedAt: o.ReceivedAt},
		Strategy: o.Strategy.Name, Version: o.Version, GoalCause: o.GoalCause, PenaltyFen: o.Penalty, Round: o.Round, Winner: o.Winner, Milestone: o.Milestone, Told: o.Told,
		Redrives: o.Redrives, AssignedAt: o.AssignedAt, ActAt: o.ActAt, TellAt: o.TellAt, PostAt: o.PostAt, Timers: o.Timers,
	}
}

func (s *Store) viewDetail(ctx context.Context, tx *sql.Tx, id int64, v *OrderView) error {
	var sealed, why []byte
	if err := tx.QueryRowContext(ctx, "SELECT sealed, why FROM order_detail WHERE order_id = ?", id).Scan(&sealed, &why); err != nil {
		return fmt.Errorf("read detail: %w", err)
	}
	var d Detail
	if err := errors.Join(s.sealer.Open(sealed, &d), json.Unmarshal(why, &v.Why)); err != nil {
		return fmt.Errorf("detail of order %d: %w", id, err)
	}
	v.Delivery = DeliveryView{CityName: d.CityName, From: viewStop(d.Detail.From), To: viewStop(d.Detail.To), Goods: d.Detail.Goods, ExpectedAt: d.Detail.ExpectedAt}
	v.Delivery.Goods.Remark = maskAll(d.Detail.Goods.Remark) // customers write names and phones there
	return nil
}

func viewStop(s order.Stop) StopView {
	round := func(x float64) float64 { return math.Round(x*1000) / 1000 }
	return StopView{Name: maskName(s.Name), Phone: maskPhone(s.Phone), Address: maskAddress(s.Address), Point: geo.Point{Lng: round(s.Point.Lng), Lat: round(s.Point.Lat)}}
}

func viewAttempt(id int64, a *order.Attempt) AttemptView {
	return AttemptView{N: a.N, OurNo: order.OurNo(id, a.N), Carrier: a.Carrier, Account: a.Account, CarrierNo: a.CarrierNo, State: string(a.State), Under: string(a.Under),
		Cause: a.Cause, Wish: a.Want.Cancel, PriceFen: a.Price, HeldFen: a.Held, BookedFen: a.Booked, PenaltyFen: a.Penalty, CancelFee: a.CancelFee, CancelTold: a.Want.Priced,
		Call: a.Call.Kind, Doubt: a.Call.Doubt, Tries: a.Tries, RiderName: maskName(a.Rider.Name), RiderPhone: maskPhone(a.Rider.Phone),
		PlacedAt: a.PlacedAt, AcceptedAt: a.AcceptedAt, PickedAt: a.PickedAt, Confirmed: a.Confirmed, Resolved: a.Resolved}
}

func viewRounds(ctx context.Context, tx *sql.Tx, id int64, v *OrderView) error {
	rows, err := tx.QueryContext(ctx, `SELECT c.round, c.result, c.reason, c.at, q.carrier, q.n, q.price_fen, q.distance_m, q.refused
 FROM quote_outcome c LEFT JOIN quote q ON q.order_id = c.order_id AND q.round = c.round WHERE c.order_id = ? ORDER BY c.round, q.n`, id)
	return each(rows, err, "rounds", func(r *sql.Rows) error {
		var x RoundView
		var at int64
		var carrier, refused sql.NullString
		var n, price, distance sql.NullInt64
		if err := r.Scan(&x.Round, &x.Result, &x.Reason, &at, &carrier, &n, &price, &distance, &refused); err != nil {
			return err
		}
		if last := len(v.Rounds) - 1; last < 0 || v.Rounds[last].Round != x.Round {
			x.At = time.UnixMilli(at).UTC()
			v.Rounds = append(v.Rounds, x)
		}
		if carrier.Valid {
			v.Quotes = append(v.Quotes, QuoteView{x.Round, carrier.String, int(n.Int64), money.Fen(price.Int64), int(distance.Int64), refused.String})
		}
		return nil
	})
}

func viewHistory(ctx context.Context, tx *sql.Tx, id int64, v *OrderView) error {
	// What changed nothing has no version: it stands where its instant puts it.
	rows, err := tx.QueryContext(ctx, `SELECT input_key, COALESCE(version, 0), n, kind, from_name, to_name, decision, milestone, at, detail, owes
 FROM order_event WHERE order_id = ? ORDER BY at, COALESCE(version, 1000000), input_key`, id)
	return each(rows, err, "history", func(r *sql.Rows) error {
		var x HistoryLine
		var at int64
		var detail, owes []byte
		err := r.Scan(&x.Key, &x.Version, &x.N, &x.Kind, &x.From, &x.To, &x.Decision, &x.Milestone, &at, &detail, &owes)
		x.At, x.Detail, x.Owes = time.UnixMilli(at).UTC(), detail, owes
		v.History = append(v.History, x)
		return err
	})
}

func viewCommands(ctx context.Context, tx *sql.Tx, id int64, v *OrderView) error {
	rows, err := tx.QueryContext(ctx, "SELECT command_key, kind, args, by_whom, reason, received_at, epoch, COALESCE(applied_version, 0), decision FROM order_command WHERE order_id = ? ORDER BY received_at, command_key", id)
	return each(rows, err, "commands", func(r *sql.Rows) error {
		var x CommandView
		var received int64
		var args []byte
		if err := r.Scan(&x.Key, &x.Kind, &args, &x.By, &x.Reason, &received, &x.Epoch, &x.Applied, &x.Decision); err != nil {
			return err
		}
		if len(args) > 0 { // a build before this one wrote none
			if err := json.Unmarshal(args, &x.Args); err != nil {
				return fmt.Errorf("arguments of command %s: %w", x.Key, err)
			}
		}
		x.ReceivedAt = time.UnixMilli(received).UTC()
		v.Commands = append(v.Commands, x)
		return nil
	})
}

func viewFacts(ctx context.Context, tx *sql.Tx, id int64, v *OrderView) error {
	rows, err := tx.QueryContext(ctx, "SELECT n, kind, seq, amount, party, account, shard, cause, at, posted_at FROM fact WHERE order_id = ? ORDER BY seq", id)
	return each(rows, err, "facts", func(r *sql.Rows) error {
		var x FactView
		var when int64
		var posted sql.NullInt64
		err := r.Scan(&x.N, &x.Kind, &x.Seq, &x.AmountFen, &x.Party, &x.Account, &x.Shard, &x.Cause, &when, &posted)
		x.At, x.PostedAt = time.UnixMilli(when).UTC(), at(posted)
		v.Facts = append(v.Facts, x)
		return err
	})
}

// maskName keeps the surname: 欧*.
func maskName(name string) string {
	if name == "" {
		return ""
	}
	_, size := utf8.DecodeRuneInString(name)
	return name[:size] + "*"
}

// maskPhone keeps what tells two calls apart: 138****5678.
func maskPhone(phone string) string {
	if len(phone) < 8 {
		return maskAll(phone)
	}
	return phone[:3] + "****" + phone[len(phone)-4:]
}

// maskAddress keeps the beginning, which is the street at most.
func maskAddress(address string) string {
	const kept = 4
	if utf8.RuneCountInString(address) <= kept {
		return maskAll(address)
	}
	return clip(address, kept) + "***"
}

func maskAll(text string) string { return strings.Repeat("*", min(3, utf8.RuneCountInString(text))) }
