package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// State is where an order stands.
type State string

// The states of an order. Delivered, Cancelled, Failed and Returned are final.
const (
	Received    State = "received"
	Quoted      State = "quoted"
	Dispatching State = "dispatching" // riders are looked for
	Assigned    State = "assigned"    // a rider is on the way to the shop
	Arrived     State = "arrived"     // and there
	PickedUp    State = "picked_up"
	Delivered   State = "delivered"
	Cancelling  State = "cancelling"
	Cancelled   State = "cancelled"
	Failed      State = "failed" // nobody would carry it
	Returning   State = "returning"
	Returned    State = "returned"
)

// Final reports whether a state is left no more.
func (s State) Final() bool {
	return s == Delivered || s == Cancelled || s == Failed || s == Returned
}

// Stop is one end of a delivery. A registered shop needs its ID only; a quote needs the point
// only. A phone may carry the extension of a privacy number (虚拟号) after an underscore.
type Stop struct {
	ID      string  `json:"id,omitempty"` // of a shop that 千帆 knows
	Name    string  `json:"name,omitempty"`
	Phone   string  `json:"phone,omitempty"`
	Address string  `json:"address,omitempty"`
	Detail  string  `json:"detail,omitempty"` // door number
	Lng     float64 `json:"lng,omitempty"`    // GCJ-02
	Lat     float64 `json:"lat,omitempty"`
}

// Goods is what the rider carries.
type Goods struct {
	Category string `json:"category,omitempty"` // food, cake, flower, medicine, grocery, other
	WeightG  int    `json:"weight_g"`
	ValueFen int64  `json:"value_fen"`
	Count    int    `json:"count,omitempty"`
	Remark   string `json:"remark,omitempty"`
}

// Delivery is what is to be brought, from where to where.
type Delivery struct {
	City       string     `json:"city,omitempty"` // "330100"; needed with a shop that has no ID
	Shop       Stop       `json:"shop"`
	Recipient  Stop       `json:"recipient"`
	Goods      Goods      `json:"goods"`
	ExpectedAt *time.Time `json:"expected_at,omitempty"` // 预约; nil = as soon as possible
}

// NewOrder is an order to have carried. OrderNo is yours: 1 to 64 of A-Z a-z 0-9 . _ : -
type NewOrder struct {
	OrderNo string `json:"order_no"`
	Delivery
}

// Accepted says that a create or a command is stored. What comes of it is read with Order.
type Accepted struct {
	OrderID string `json:"order_id"` // 千帆's own; empty for a cancel that came before its order
	State   State  `json:"state"`
	FeeFen  int64  `json:"fee_fen"` // what a delivery will be billed
}

// Order is what 千帆 tells of an order.
type Order struct {
	OrderID    string    `json:"order_id"`
	OrderNo    string    `json:"order_no"`
	State      State     `json:"state"`
	Carrier    string    `json:"carrier"` // empty until somebody has accepted
	Waybill    string    `json:"waybill"`
	Rider      Person    `json:"rider"`
	FeeFen     int64     `json:"fee_fen"`
	PenaltyFen int64     `json:"penalty_fen"` // 违约金 of its cancel
	UpdatedAt  time.Time `json:"updated_at"`
}

// Person is a rider, as far as the carrier tells.
type Person struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

// Rider is who carries an order and where they were last seen.
type Rider struct {
	OrderID    string    `json:"order_id"`
	OrderNo    string    `json:"order_no"`
	State      State     `json:"state"`
	Carrier    string    `json:"carrier"`
	Rider      Person    `json:"rider"`
	Position   *Position `json:"position"`   // nil = not known, or nobody is on the way
	Refreshing bool      `json:"refreshing"` // the carrier is being asked: look again in a second
}

// Position is where somebody was, in GCJ-02.
type Position struct {
	Lng float64   `json:"lng"`
	Lat float64   `json:"lat"`
	At  time.Time `json:"at"`
}

// Quote is what an order would be.
type Quote struct {
	City      string     `json:"city"`
	FeeFen    int64      `json:"fee_fen"`
	DistanceM int        `json:"distance_m"`
	Carriers  []string   `json:"carriers"`   // who would be asked
	ReleaseAt *time.Time `json:"release_at"` // of a later order: when a rider will be looked for; nil = at once
}

// CancelCost is what you would owe if you withdrew an order now.
type CancelCost struct {
	OrderID      string     `json:"order_id"`
	OrderNo      string     `json:"order_no"`
	State        State      `json:"state"`
	Cancellable  bool       `json:"cancellable"` // false: the order is over
	PenaltyFen   int64      `json:"penalty_fen"`
	FeeFen       int64      `json:"fee_fen"`    // what a delivery would be billed instead
	FreeUntil    *time.Time `json:"free_until"` // nil = it is not free now, or stays free until something happens
	Note         string     `json:"note"`
	RulesVersion int        `json:"rules_version"` // of 千帆's penalty rules; 0 = built in
	Rule         int        `json:"rule"`          // the rule's place in them, from 1; 0 = none
	At           time.Time  `json:"at"`
}

// CreateOrder has an order carried. The same number with the same content again is the same order.
func (c *Client) CreateOrder(ctx context.Context, o NewOrder) (Accepted, error) {
	return send[Accepted](ctx, c, http.MethodPost, path+"/orders", o)
}

// Quote tells what a create of the same content would be answered. Nothing is stored.
func (c *Client) Quote(ctx context.Context, d Delivery) (Quote, error) {
	return send[Quote](ctx, c, http.MethodPost, path+"/quote", d)
}

// Order reads an order.
func (c *Client) Order(ctx context.Context, orderNo string) (Order, error) {
	return send[Order](ctx, c, http.MethodGet, of(orderNo), nil)
}

// Rider tells who carries an order and where they were last seen.
func (c *Client) Rider(ctx context.Context, orderNo string) (Rider, error) {
	return send[Rider](ctx, c, http.MethodGet, of(orderNo)+"/rider", nil)
}

// CancelCost tells what a cancel would cost now. Nothing is changed.
func (c *Client) CancelCost(ctx context.Context, orderNo string) (CancelCost, error) {
	return send[CancelCost](ctx, c, http.MethodGet, of(orderNo)+"/cancel-cost", nil)
}

// CancelOrder asks for an order to be withdrawn: a wish, read Order for what came of it.
func (c *Client) CancelOrder(ctx context.Context, orderNo, reason string) (Accepted, error) {
	return send[Accepted](ctx, c, http.MethodPost, of(orderNo)+"/cancel", map[string]any{"reason": reason})
}

// Tip offers the riders addFen more. key is your name of this tip, so that it is given once
// however often you call; empty = one is made up, and each call is a tip of its own.
func (c *Client) Tip(ctx context.Context, orderNo string, addFen int64, key string) (Accepted, error) {
	return send[Accepted](ctx, c, http.MethodPost, of(orderNo)+"/tip", map[string]any{"add_fen": addFen, "key": orNew(key)})
}

// Change gives an order's recipient another name, phone or place: the fields of to that are
// set. A place is changed as a whole. key is as of Tip.
func (c *Client) Change(ctx context.Context, orderNo string, to Stop, key string) (Accepted, error) {
	return send[Accepted](ctx, c, http.MethodPatch, of(orderNo), map[string]any{"recipient": to, "key": orNew(key)})
}

func of(orderNo string) string { return path + "/orders/" + url.PathEscape(orderNo) }

func orNew(key string) string {
	if key == "" {
		return newKey()
	}
	return key
}

func send[T any](ctx context.Context, c *Client, method, target string, body any) (T, error) {
	var out T
	err := c.call(ctx, method, target, body, &out)
	return out, err
}
