package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// Bounds of lists.
const (
	defaultOrders = 100
	maxOrders     = 10_000
)

// status is the run's summary so far, and the clock, the addresses and the functions with it.
func (s *server) status(r *http.Request) (any, error) {
	low, err := s.lowAccounts(r.Context())
	if err != nil {
		return nil, err
	}
	out := map[string]any{"clock": s.Clock.Status(), "urls": s.URLs, "low_accounts": low}
	if s.Functions != nil {
		out["functions"] = s.listFunctions()
	}
	if s.Summary == nil {
		counts, err := s.Store.StatusCounts(r.Context())
		out["orders"] = counts.Orders
		return out, err
	}
	summary, err := s.Summary(r.Context())
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(summary)
	if err != nil {
		return nil, fmt.Errorf("encode the summary: %w", err)
	}
	merged := map[string]any{}
	if err := json.Unmarshal(raw, &merged); err != nil {
		return nil, fmt.Errorf("the summary is no object: %w", err)
	}
	maps.Copy(merged, out)
	return merged, nil
}

// stateNames are all states of an order, for a hint.
var stateNames = strings.Trim(fmt.Sprint(order.States), "[]")

func (s *server) orders(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit, err := number(r, "limit", defaultOrders, 1, maxOrders)
	if err != nil {
		return nil, err
	}
	after, err := number(r, "after", 0, 0, 1<<62)
	if err != nil {
		return nil, err
	}
	if state := q.Get("state"); state != "" && !slices.Contains(order.States, order.State(state)) {
		return nil, bad(http.StatusBadRequest, "states are "+stateNames, "no order is ever in state %q", state)
	}
	f := store.OrderFilter{Platform: q.Get("platform"), No: q.Get("no"), State: q.Get("state"), Limit: int(limit), After: after}
	if f.NeedsAttention, err = boolean(r, "needs_attention"); err != nil {
		return nil, err
	}
	list, err := s.Store.Orders(r.Context(), f)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []store.OrderRow{}
	}
	return map[string]any{"orders": list}, nil
}

func (s *server) order(r *http.Request) (any, error) {
	view, err := s.findOrder(r.Context(), r.PathValue("id"))
	return view, err
}

// findOrder reads the order that a name names; see findID.
func (s *server) findOrder(ctx context.Context, name string) (store.OrderView, error) {
	id, err := s.findID(ctx, name)
	if err != nil {
		return store.OrderView{}, err
	}
	view, ok, err := s.Store.OrderByID(ctx, id)
	if err == nil && !ok {
		err = noOrder(name)
	}
	return view, err
}

// findID takes our id, or a platform's number. What names two orders names none, since platforms
// choose their numbers and acts on the wrong order cost money: then ByID tells our id from a number.
func (s *server) findID(ctx context.Context, name string) (int64, error) {
	text, byID := strings.CutPrefix(name, ByID)
	id, err := strconv.ParseInt(text, 10, 64)
	isID := err == nil && id > 0
	if byID {
		if !isID {
			return 0, noOrder(name)
		}
		return id, nil
	}
	rows, err := s.Store.Orders(ctx, store.OrderFilter{No: name, Limit: 2})
	switch {
	case err != nil:
		return 0, err
	case len(rows) == 0 && !isID:
		return 0, noOrder(name)
	case len(rows) == 0:
		return id, nil
	case len(rows) > 1:
		return 0, ambiguous(name, rows[0].ID, rows[1].ID)
	case isID && id != rows[0].ID:
		if _, there, err := s.Store.OrderByID(ctx, id); err != nil || there {
			return 0, errors.Join(err, ambiguous(name, id, rows[0].ID))
		}
	}
	return rows[0].ID, nil
}

// ByID before our id says that it is not a platform's number.
const ByID = "id:"

func noOrder(name string) *Problem {
	return bad(http.StatusNotFound, "GET /api/orders or `qianfan order list` lists them; an order is named by our id or by the platform's number", "no order %q", name)
}

func ambiguous(name string, ids ...int64) *Problem {
	hints := make([]string, len(ids))
	for i, id := range ids {
		hints[i] = ByID + strconv.FormatInt(id, 10)
	}
	return bad(http.StatusConflict, "name it by our id: "+strings.Join(hints, " or "), "%q names more than one order", name)
}
