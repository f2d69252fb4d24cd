package console

import (
	"net/http"

	"github.com/chuandao/qianfan/shared/store"
)

// Bounds of lists. A whole run's entries may be read in one answer.
const (
	defaultEntries = 1000
	maxEntries     = 1_000_000
)

func (s *server) balances(r *http.Request) (any, error) {
	list, err := s.Store.Balances(r.Context())
	if list == nil {
		list = []store.Balance{}
	}
	return map[string]any{"balances": list}, err
}

// entries lists the ledger, of one order (our id or the platform's number) or of all.
func (s *server) entries(r *http.Request) (any, error) {
	limit, err := number(r, "limit", defaultEntries, 1, maxEntries)
	if err != nil {
		return nil, err
	}
	var id int64
	if name := r.URL.Query().Get("order"); name != "" {
		if id, err = s.findID(r.Context(), name); err != nil {
			return nil, err
		}
	}
	list, err := s.Store.Entries(r.Context(), id, int(limit))
	if err == nil && len(list) == 0 && id != 0 { // entries outlive their order: only without any it is asked for
		_, err = s.findOrder(r.Context(), r.URL.Query().Get("order"))
	}
	if list == nil {
		list = []store.EntryRow{}
	}
	return map[string]any{"entries": list}, err
}
