package store

import (
	"context"
	"database/sql"

	"github.com/chuandao/qianfan/shared/order"
)

var (
	ruleLegal    = rule{7, "only legal transitions", Always}
	ruleDecision = rule{10, "every input has one decision", Always}
	ruleToldAll  = rule{11, "the platform heard every milestone in order", AtRest}
)

// decisions are all that an input can meet.
var decisions = map[string]bool{order.Applied: true, order.Duplicate: true, order.Late: true, order.Ignored: true, order.Verify: true, order.Refused: true}

// transition is a change of an order or an attempt, by names.
type transition struct{ kind, from, to string }

var legal = legalTransitions()

func legalTransitions() map[transition]bool {
	m := map[transition]bool{
		{"order", "", string(order.Received)}:  true,
		{"order", "", string(order.Cancelled)}: true, // the create met the tombstone of its cancel
		{"attempt", "", string(order.Intent)}:  true,
	}
	for _, r := range order.Table {
		m[transition{"order", string(r.From), string(r.To)}] = true
	}
	for _, r := range order.AttemptTable {
		if r.To != order.Under {
			m[transition{"attempt", string(r.From), string(r.To)}] = true
		}
	}
	// A refused cancel leads back to any state from which a cancel was wanted, or that the
	// carrier has told since.
	for _, r := range order.AttemptTable {
		if r.On == order.AtCancelWanted {
			m[transition{"attempt", string(order.AttemptCancelling), string(r.From)}] = true
		}
	}
	return m
}

// transitions checks each kind of change that ever happened against the tables.
func (c *checker) transitions(ctx context.Context) error {
	changes, inputs := 0, 0
	var illegal, undecided []Violation
	rows, err := c.tx.QueryContext(ctx, "SELECT kind, IF(version IS NULL, '', from_name) AS f, IF(version IS NULL, '', to_name) AS t, version IS NOT NULL AS changed, decision, COUNT(*), MIN(order_id) FROM order_event GROUP BY kind, f, t, changed, decision")
	err = each(rows, err, "history", func(r *sql.Rows) error {
		var x transition
		var changed bool
		var decision string
		var n int
		var example int64
		if err := r.Scan(&x.kind, &x.from, &x.to, &changed, &decision, &n, &example); err != nil {
			return err
		}
		inputs += n
		if !decisions[decision] {
			undecided = append(undecided, ruleDecision.broken(example, "%d inputs of kind %s have the decision %q", n, x.kind, decision))
		}
		if !changed || (x.kind != "order" && x.kind != "attempt") {
			return nil
		}
		changes += n
		if !legal[x] {
			illegal = append(illegal, ruleLegal.broken(example, "%s from %q to %q, %d times", x.kind, x.from, x.to, n))
		}
		return nil
	})
	c.done(ruleLegal, changes, illegal)
	c.done(ruleDecision, inputs, undecided)
	return err
}

// told compares the milestones with what the platforms say they heard.
func (c *checker) told(ctx context.Context) error {
	if c.opts.Told == nil {
		return nil
	}
	checked := 0
	var bad []Violation
	var present int64
	var key ToldKey
	var milestones []order.State
	judge := func() {
		if present == 0 {
			return
		}
		checked++
		if heard := c.opts.Told[key]; !heardAll(milestones, heard) && len(bad) < page {
			bad = append(bad, ruleToldAll.broken(present, "%s %s: milestones %v, heard %v", key.Platform, key.No, milestones, heard))
		}
	}
	// An order that is still to be told is another rule's; one that was told lately may have been so after Told was read.
	rows, err := c.tx.QueryContext(ctx, `SELECT e.order_id, o.platform, o.no, e.to_name FROM orders o JOIN order_event e ON e.order_id = o.id
 JOIN order_event l ON l.order_id = o.id AND l.version = o.milestone
 WHERE e.milestone AND o.told = o.milestone AND l.at < `+c.cut(restAge)+` ORDER BY e.order_id, e.version`)
	err = each(rows, err, "milestones", func(r *sql.Rows) error {
		var id int64
		var k ToldKey
		var state order.State
		if err := r.Scan(&id, &k.Platform, &k.No, &state); err != nil {
			return err
		}
		if id != present {
			judge()
			present, key, milestones = id, k, nil
		}
		if c.opts.Heard == nil || c.opts.Heard(k.Platform, state) {
			milestones = append(milestones, state)
		}
		return nil
	})
	judge()
	c.done(ruleToldAll, checked, bad)
	return err
}

// heardAll reports whether heard goes through all of want in order. A crash may repeat the
// last ones: heard may fall back, but never skip one.
func heardAll(want, heard []order.State) bool {
	reached := 0 // how many of want may have been heard so far; falling back is always allowed
	at := map[int]bool{0: true}
	for _, h := range heard {
		next := map[int]bool{}
		for i := range min(reached+1, len(want)) {
			if want[i] == h {
				next[i+1] = true
				reached = max(reached, i+1)
			}
		}
		if at = next; len(at) == 0 {
			return false
		}
	}
	return at[len(want)]
}
