package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/operate"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// Settings is what people change while the system runs: *store.Store.
type Settings interface {
	Strategies(ctx context.Context) ([]strategy.Strategy, error)
	SetStrategy(ctx context.Context, who store.Act, verb string, x strategy.Strategy, base int) (strategy.Strategy, error)
	Switches(ctx context.Context) ([]store.Switch, error)
	SetSwitch(ctx context.Context, x store.Switch) (bool, error)
	SwitchReach(ctx context.Context, kind, subject string) (store.Reach, error)
	ListShops(ctx context.Context, f store.ShopFilter) ([]store.Shop, error)
	Prepaids(ctx context.Context) ([]store.Prepaid, error)
	Accounts(ctx context.Context) ([]carrier.AccountRule, error)
	Audit(ctx context.Context, f store.AuditFilter) ([]store.AuditRow, error)
}

// somebody changes settings on a console that does not ask who it is.
const somebody = "console"

// settingsRoutes are left out when there are no settings.
func (s *server) settingsRoutes() []route {
	all := []route{
		{http.MethodGet, "/api/strategies", s.strategies},
		{http.MethodPut, "/api/strategies/{name}", s.setStrategy},
		{http.MethodGet, "/api/switches", s.switches},
		{http.MethodPost, "/api/switches", s.setSwitch},
		{http.MethodGet, "/api/shops", s.shops},
		{http.MethodGet, "/api/accounts", s.accounts},
		{http.MethodGet, "/api/audit", s.audit},
	}
	if s.Settings == nil {
		for i := range all {
			all[i].do = func(*http.Request) (any, error) { return nil, absent("the settings") }
		}
	}
	return append(all, route{http.MethodGet, "/api/database", s.database})
}

// database tells where verbs of the command line find the embedded database. One with an
// address of its own, and maybe a password in it, is not told.
func (s *server) database(*http.Request) (any, error) {
	if s.DSN == "" {
		return nil, bad(http.StatusConflict, "set QIANFAN_MYSQL_DSN as the emulator has it", "this emulator runs on a database that has its own address")
	}
	answer := map[string]any{"dsn": s.DSN, "virtual": s.Clock.Status().Virtual}
	if s.Env != nil {
		answer["env"] = s.Env
	}
	return answer, nil
}

func (s *server) strategies(r *http.Request) (any, error) {
	all, err := s.Settings.Strategies(r.Context())
	if all == nil {
		all = []strategy.Strategy{}
	}
	return map[string]any{"strategies": all}, err
}

// setStrategy takes a strategy as JSON or YAML; ?by= says who, ?base= from which version it was made.
func (s *server) setStrategy(r *http.Request) (any, error) {
	raw, err := body(r)
	if err != nil {
		return nil, err
	}
	base, err := number(r, "base", store.AnyVersion, 0, 1<<30)
	if err != nil {
		return nil, err
	}
	prepaids, err := s.Settings.Prepaids(r.Context())
	if err != nil {
		return nil, err
	}
	x, err := operate.ReadStrategy(raw, operate.Carriers(prepaids, carriers.Names()))
	if err == nil && x.Name != r.PathValue("name") {
		err = operate.Mistakes{{Path: "name", Text: "is another one than in the path"}}
	}
	var wrong operate.Mistakes
	if errors.As(err, &wrong) {
		return nil, &Problem{Status: http.StatusBadRequest, What: "the strategy has mistakes: " + strings.ReplaceAll(wrong.Error(), "\n", "; "), Hint: "correct what `mistakes` names; nothing was changed", Mistakes: wrong}
	}
	if err != nil {
		return nil, err
	}
	saved, err := s.Settings.SetStrategy(r.Context(), act(r.URL.Query().Get("by")), "strategy set", x, int(base))
	if errors.Is(err, store.ErrStale) {
		return nil, bad(http.StatusConflict, "read it again, and change that", "%v", err)
	}
	return saved, err
}

func act(by string) store.Act {
	if by == "" {
		by = somebody
	}
	return store.Act{By: by, At: clock.System.Now()}
}

func (s *server) switches(r *http.Request) (any, error) {
	all, err := s.Settings.Switches(r.Context())
	return map[string]any{"switches": all}, err
}

// switching is the body of POST /api/switches.
type switching struct {
	Kind    string `json:"kind"` // carrier, platform, city, carrier_city
	Subject string `json:"subject"`
	Off     bool   `json:"off"`
	Reason  string `json:"reason"`
	By      string `json:"by"`
	DryRun  bool   `json:"dry_run"`
}

func (s *server) setSwitch(r *http.Request) (any, error) {
	var want switching
	if _, err := decode(r, &want); err != nil {
		return nil, err
	}
	who := act(want.By)
	x := store.Switch{Kind: want.Kind, Subject: want.Subject, Off: want.Off, Reason: strings.TrimSpace(want.Reason), By: who.By, At: who.At}
	if err := nameable(x); err != nil {
		return nil, err
	}
	concerns, err := s.Settings.SwitchReach(r.Context(), x.Kind, x.Subject)
	if err != nil {
		return nil, err
	}
	changed := false
	if !want.DryRun {
		if changed, err = s.Settings.SetSwitch(r.Context(), x); err != nil {
			return nil, err
		}
	}
	return map[string]any{"switch": x, "changed": changed, "concerns": concerns}, nil
}

// nameable refuses a switch of what does not exist.
func nameable(x store.Switch) error {
	const hint = `send {"kind":"carrier","subject":"uupt","off":true,"reason":"…","by":"…"}`
	if err := x.Check(); err != nil {
		return bad(http.StatusBadRequest, hint, "%v", err)
	}
	name, _, _ := strings.Cut(x.Subject, ":")
	known := []string{name}
	switch x.Kind {
	case store.SwitchCarrier, store.SwitchCarrierCity:
		known = carriers.Names()
	case store.SwitchPlatform:
		known = platforms.Names()
	}
	if !slices.Contains(known, name) {
		return bad(http.StatusBadRequest, hint, "%s %q is none of %s", x.Kind, name, strings.Join(known, ", "))
	}
	return nil
}

func (s *server) shops(r *http.Request) (any, error) {
	limit, err := number(r, "limit", 100, 1, 10_000)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	found, err := s.Settings.ListShops(r.Context(), store.ShopFilter{Platform: q.Get("platform"), City: q.Get("city"), Code: q.Get("code"), Limit: int(limit)})
	return map[string]any{"shops": operate.Shops(found)}, err
}

func (s *server) accounts(r *http.Request) (any, error) {
	prepaids, err := s.Settings.Prepaids(r.Context())
	if err != nil {
		return nil, err
	}
	rules, err := s.Settings.Accounts(r.Context())
	if rules == nil {
		rules = []carrier.AccountRule{}
	}
	return map[string]any{"prepaid": purses(prepaids), "rules": rules}, err
}

// purse is a prepaid account as it is shown.
type purse struct {
	store.Prepaid
	UsedUp bool `json:"used_up"`                  // nothing is asked of it before money comes
	Runway *int `json:"runway_minutes,omitempty"` // how long it lasts at the present pace; nil = nobody knows
}

func purses(all []store.Prepaid) []purse {
	out := make([]purse, len(all))
	for i, p := range all {
		out[i] = purse{Prepaid: p, UsedUp: p.UsedUp()}
		if lasts, known := p.Runway(); known {
			minutes := int(lasts.Minutes())
			out[i].Runway = &minutes
		}
	}
	return out
}

// lowAccounts are the prepaid accounts that need money: carrier/account → why.
func (s *server) lowAccounts(ctx context.Context) (map[string]string, error) {
	low := map[string]string{}
	if s.Settings == nil {
		return low, nil
	}
	all, err := s.Settings.Prepaids(ctx)
	for _, p := range all {
		if p.Alarm != "" {
			low[p.Carrier+"/"+p.Account] = p.Alarm
		}
	}
	return low, err
}

func (s *server) audit(r *http.Request) (any, error) {
	limit, err := number(r, "limit", 100, 1, 10_000)
	if err != nil {
		return nil, err
	}
	lines, err := s.Settings.Audit(r.Context(), store.AuditFilter{Subject: r.URL.Query().Get("subject"), Limit: int(limit)})
	return map[string]any{"audit": lines}, err
}
