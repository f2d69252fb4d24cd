package console

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"strings"

	"github.com/chuandao/qianfan/local/sim/world"
)

// firstAccount is the account whose simulator has the carrier's own name; that of another is
// carrier-account.
const firstAccount = "main"

// biller is the simulator of the prepaid account that a request names.
func (s *server) biller(r *http.Request) (CarrierSim, error) {
	party := r.PathValue("carrier")
	if account := r.URL.Query().Get("account"); account != "" && account != firstAccount {
		party += "-" + account
	}
	return find(s.Carriers, "carrier", party)
}

// billDays lists the business days on which a carrier has something to bill.
func (s *server) billDays(r *http.Request) (any, error) {
	c, err := s.biller(r)
	if err != nil {
		return nil, err
	}
	return map[string]any{"days": c.BillDays()}, nil
}

// theBill is the bill that a request asks for: ?day=2026-11-23&mistakes=amount:0.01&seed=7.
func (s *server) theBill(r *http.Request) (world.Bill, error) {
	c, err := s.biller(r)
	if err != nil {
		return world.Bill{}, err
	}
	seed, err := number(r, "seed", 1, 0, math.MaxInt64)
	if err != nil {
		return world.Bill{}, err
	}
	q := r.URL.Query()
	mistakes, err := world.ParseMistakes(q.Get("mistakes"), seed)
	if err != nil {
		return world.Bill{}, bad(http.StatusBadRequest, "write mistakes=amount:0.01,duplicate:0.01 or mistakes=all:0.01", "%v", err)
	}
	b, err := c.Bill(q.Get("day"), mistakes)
	switch {
	case errors.Is(err, world.ErrNoBill):
		return b, bad(http.StatusNotFound, "days with a bill: "+listed(c.BillDays()), "%v", err)
	case errors.Is(err, world.ErrBadDay), errors.Is(err, world.ErrMistakes):
		return b, bad(http.StatusBadRequest, "ask as in ?day=2026-11-23&mistakes=amount:0.01&seed=7", "%v", err)
	}
	return b, err
}

func listed(days []string) string {
	if len(days) == 0 {
		return "none yet"
	}
	return strings.Join(days, ", ")
}

// carrierBill is a carrier's bill of a business day as a file, in the carrier's own encoding.
func (s *server) carrierBill(r *http.Request) (any, error) {
	b, err := s.theBill(r)
	return file{name: b.Name, contentType: b.ContentType, body: b.Body}, err
}

// told says what a bill is and what is wrong in it.
type told struct {
	Name     string          `json:"name"`
	SHA256   string          `json:"sha256"` // of the file
	Lines    int             `json:"lines"`  // charges in it; a row of a wide form may have several
	Rows     int             `json:"rows"`
	NetFen   int64           `json:"net_fen"` // as the footer states it: taken less given
	Mistakes []world.Mistake `json:"mistakes"`
}

// billMistakes tells what is wrong in the bill of the same query.
func (s *server) billMistakes(r *http.Request) (any, error) {
	b, err := s.theBill(r)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b.Body)
	t := told{Name: b.Name, SHA256: hex.EncodeToString(sum[:]), Lines: b.Lines, Rows: b.Totals.Rows, NetFen: int64(b.Totals.Net()), Mistakes: b.Mistakes}
	if t.Mistakes == nil {
		t.Mistakes = []world.Mistake{}
	}
	return t, nil
}
