package console

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// fakeSettings holds what people set, and who did.
type fakeSettings struct {
	strategies []strategy.Strategy
	switches   []store.Switch
	who        []string
	filter     store.AuditFilter
	shops      store.ShopFilter
	err        error
}

func (s *fakeSettings) Strategies(context.Context) ([]strategy.Strategy, error) {
	return s.strategies, s.err
}

func (s *fakeSettings) SetStrategy(_ context.Context, who store.Act, verb string, x strategy.Strategy, base int) (strategy.Strategy, error) {
	if s.err != nil {
		return x, s.err
	}
	if base != store.AnyVersion && base != len(s.strategies) {
		return x, store.ErrStale
	}
	x.Version = len(s.strategies) + 1
	s.strategies, s.who = append(s.strategies, x), append(s.who, who.By+" "+verb)
	return x, nil
}

func (s *fakeSettings) Switches(context.Context) ([]store.Switch, error) { return s.switches, s.err }

func (s *fakeSettings) SetSwitch(_ context.Context, x store.Switch) (bool, error) {
	s.switches, s.who = append(s.switches, x), append(s.who, x.By)
	return true, s.err
}

func (s *fakeSettings) SwitchReach(context.Context, string, string) (store.Reach, error) {
	return store.Reach{Orders: 3, Attempts: 2}, s.err
}

func (s *fakeSettings) ListShops(_ context.Context, f store.ShopFilter) ([]store.Shop, error) {
	s.shops = f
	return []store.Shop{{Platform: "jd", Code: "S1", City: "330100", CityName: "杭州市", Stop: order.Stop{Name: "奎元馆", Point: geo.Point{Lng: 120.1, Lat: 30.2}}}}, s.err
}

func (s *fakeSettings) Prepaids(context.Context) ([]store.Prepaid, error) {
	return []store.Prepaid{{Carrier: "uupt", Account: "main", Shards: 8, Free: 100}, {Carrier: "shansong", Account: "main", Shards: 8, Free: 100}}, s.err
}

func (s *fakeSettings) Accounts(context.Context) ([]carrier.AccountRule, error) { return nil, s.err }

func (s *fakeSettings) Audit(_ context.Context, f store.AuditFilter) ([]store.AuditRow, error) {
	s.filter = f
	return []store.AuditRow{{ID: 7, At: start, By: "li", Verb: "switch off", Subject: "carrier/uupt", Detail: json.RawMessage(`{"before":null}`)}}, s.err
}

func withSettings(t *testing.T) (*rig, *fakeSettings) {
	t.Helper()
	s := &fakeSettings{}
	return newRig(t, func(d *Deps) { d.Settings = s }), s
}

const someStrategy = `{"name":"default","mode":"cheapest","carriers":["uupt"],"quote":{"deadline":"1.5s"},"accept_timeout":"90s","give_up_after":"15m"}`

func TestStrategiesAreShownAndSet(t *testing.T) {
	t.Parallel()
	r, s := withSettings(t)
	require.Empty(t, r.get(t, "/api/strategies")["strategies"])
	status, answer := r.do(t, http.MethodPut, "/api/strategies/default?by=li", someStrategy)
	require.Equal(t, http.StatusOK, status, answer)
	require.Equal(t, json.Number("1"), object(t, answer)["version"])
	require.Equal(t, []string{"li strategy set"}, s.who)
	require.Len(t, r.get(t, "/api/strategies")["strategies"], 1)
	status, _ = r.do(t, http.MethodPut, "/api/strategies/default?base=1", "name: default\nmode: sequential\ncarriers: [uupt]\nquote: {deadline: 1s}\naccept_timeout: 90s\ngive_up_after: 15m\n")
	require.Equal(t, http.StatusOK, status, "YAML too")
	require.Equal(t, "console strategy set", s.who[1], "a console that asks nobody's name says so")
	what, _ := r.refuses(t, http.StatusConflict, http.MethodPut, "/api/strategies/default?base=1", someStrategy)
	require.Contains(t, what, "changed meanwhile")
	r.refuses(t, http.StatusBadRequest, http.MethodPut, "/api/strategies/default?base=x", someStrategy)
}

func TestAStrategyWithMistakesIsRefusedWithAllOfThem(t *testing.T) {
	t.Parallel()
	r, s := withSettings(t)
	for body, paths := range map[string][]string{
		`{"name":"default","mode":"luck","carriers":["uupt","sftc"],"quote":{"deadline":"0s"},"accept_timeout":"90s","give_up_after":"15m"}`: {"mode", "carriers[1]", "quote.deadline"},
		`{"name":"default","modus":"x","carriers":"uupt"}`: {"modus", "carriers"},
		``: {""},
		`{"name":"other","mode":"cheapest","carriers":["uupt"],"quote":{"deadline":"1.5s"},"accept_timeout":"90s","give_up_after":"15m"}`: {"name"},
	} {
		status, answer := r.do(t, http.MethodPut, "/api/strategies/default", body)
		require.Equal(t, http.StatusBadRequest, status, answer)
		var p Problem
		require.NoError(t, json.Unmarshal([]byte(answer), &p))
		require.NotEmpty(t, p.Hint)
		got := []string{}
		for _, m := range p.Mistakes {
			got = append(got, m.Path)
			require.Contains(t, p.What, m.Text)
		}
		require.Equal(t, paths, got, answer)
	}
	require.Empty(t, s.strategies)
}

func TestSwitchesAreShownAndSet(t *testing.T) {
	t.Parallel()
	r, s := withSettings(t)
	status, answer := r.do(t, http.MethodPost, "/api/switches", `{"kind":"carrier","subject":"uupt","off":true,"reason":"暴雨","by":"li","dry_run":true}`)
	require.Equal(t, http.StatusOK, status, answer)
	require.Contains(t, answer, `"concerns":{"orders":3,"attempts":2}`)
	require.Empty(t, s.switches, "a dry run")
	status, answer = r.do(t, http.MethodPost, "/api/switches", `{"kind":"carrier","subject":"uupt","off":true,"reason":"暴雨","by":"li"}`)
	require.Equal(t, http.StatusOK, status, answer)
	require.Contains(t, answer, `"changed":true`)
	require.Equal(t, []string{"li"}, s.who)
	require.Len(t, r.get(t, "/api/switches")["switches"], 1)
	for _, body := range []string{``, `{}`, `{"kind":"carrier","subject":"ghost","off":true,"reason":"x"}`, `{"kind":"platform","subject":"ghost","off":true,"reason":"x"}`,
		`{"kind":"carrier","subject":"uupt","off":true}`, `{"kind":"city","subject":"hangzhou","off":false}`, `{"kind":"carrier_city","subject":"ghost:330100","off":false}`, `{"kind":"weather","subject":"rain"}`, `{"on":true}`} {
		r.refuses(t, http.StatusBadRequest, http.MethodPost, "/api/switches", body)
	}
	require.Len(t, s.switches, 1)
}

func TestShopsAccountsAndTheAuditAreShown(t *testing.T) {
	t.Parallel()
	r, s := withSettings(t)
	_, answer := r.do(t, http.MethodGet, "/api/shops?platform=jd&city=330100&code=S1&limit=5", "")
	require.JSONEq(t, `{"shops":[{"platform":"jd","code":"S1","city":"330100","city_name":"杭州市","name":"奎元馆","phone":"","address":"","lng":120.1,"lat":30.2,"excluded":[],"stores":{}}]}`, answer)
	require.Equal(t, store.ShopFilter{Platform: "jd", City: "330100", Code: "S1", Limit: 5}, s.shops)
	_, answer = r.do(t, http.MethodGet, "/api/accounts", "")
	require.JSONEq(t, `{"prepaid":[{"carrier":"uupt","account":"main","shards":8,"free_fen":100,"used_up":false},{"carrier":"shansong","account":"main","shards":8,"free_fen":100,"used_up":false}],"rules":[]}`, answer)
	_, answer = r.do(t, http.MethodGet, "/api/audit?subject=carrier/uupt&limit=3", "")
	require.JSONEq(t, `{"audit":[{"id":"7","at":"2026-11-23T04:00:00Z","by":"li","verb":"switch off","subject":"carrier/uupt","detail":{"before":null}}]}`, answer)
	require.Equal(t, store.AuditFilter{Subject: "carrier/uupt", Limit: 3}, s.filter)
	for _, path := range []string{"/api/shops?limit=0", "/api/audit?limit=x"} {
		r.refuses(t, http.StatusBadRequest, http.MethodGet, path, "")
	}
	s.err = errBroken
	for _, path := range []string{"/api/strategies", "/api/switches", "/api/shops", "/api/accounts", "/api/audit"} {
		r.refuses(t, http.StatusInternalServerError, http.MethodGet, path, "")
	}
}

func TestWhereTheDatabaseIs(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(d *Deps) { d.DSN, d.Env = "root@unix(/run/x)/qianfan", map[string]string{"QIANFAN_DEV": "1"} })
	answer := r.get(t, "/api/database")
	require.Equal(t, map[string]any{"QIANFAN_DEV": "1"}, answer["env"])
	require.Equal(t, "root@unix(/run/x)/qianfan", answer["dsn"])
	require.NotEmpty(t, answer["virtual"])
	_, hint := newRig(t, nil).refuses(t, http.StatusConflict, http.MethodGet, "/api/database", "")
	require.Contains(t, hint, "QIANFAN_MYSQL_DSN")
}

func TestWithoutSettingsTheirRoutesSaySo(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, path := range []string{"/api/strategies", "/api/switches", "/api/shops", "/api/accounts", "/api/audit"} {
		r.refuses(t, http.StatusNotImplemented, http.MethodGet, path, "")
	}
	r.refuses(t, http.StatusNotImplemented, http.MethodPost, "/api/switches", `{}`)
}
