package console

import (
	"context"
	"encoding/json"
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
	out := map[string]any{"clock": s.Clock.Status(), "urls": s.URLs}
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
	if text := q.Get("needs_attention"); text != "" {
		f.NeedsAttention, err = strconv.ParseBool(text)
		if err != nil {
			return nil, bad(http.StatusBadRequest, "use true or false", "needs_attention=%q", text)
		}
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

// findID takes a platform's number, or our id. A number that two platforms use names nothing: acts
// on the wrong order cost money.
func (s *server) findID(ctx context.Context, name string) (int64, error) {
	rows, err := s.Store.Orders(ctx, store.OrderFilter{No: name, Limit: 2})
	switch {
	case err != nil:
		return 0, err
	case len(rows) == 1:
		return rows[0].ID, nil
	case len(rows) > 1:
		return 0, bad(http.StatusConflict, "name it by our id: "+strconv.FormatInt(rows[0].ID, 10)+" or "+strconv.FormatInt(rows[1].ID, 10), "number %q is of more than one order", name)
	}
	if id, err := strconv.ParseInt(name, 10, 64); err == nil && id > 0 {
		return id, nil
	}
	return 0, bad(http.StatusNotFound, "GET /api/orders or `qianfan order list` lists them; an order is named by our id or by the platform's number", "no order %q", name)
}

// findOrder takes our id, or a platform's number.
func (s *server) findOrder(ctx context.Context, name string) (store.OrderView, error) {
	unknown := bad(http.StatusNotFound, "GET /api/orders or `qianfan order list` lists them; an order is named by our id or by the platform's number", "no order %q", name)
	if id, err := strconv.ParseInt(name, 10, 64); err == nil && id > 0 {
		view, ok, err := s.Store.OrderByID(ctx, id)
		if ok || err != nil {
			return view, err
		}
	}
	rows, err := s.Store.Orders(ctx, store.OrderFilter{No: name, Limit: 1})
	if err != nil {
		return store.OrderView{}, err
	}
	if len(rows) == 0 {
		return store.OrderView{}, unknown
	}
	view, ok, err := s.Store.OrderByID(ctx, rows[0].ID)
	if err == nil && !ok {
		err = unknown
	}
	return view, err
}
