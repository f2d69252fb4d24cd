package emulator

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"

	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/local/sqlserver"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// database is the name of the emulator's database.
const database = "qianfan"

// dataKey seals the emulator's made-up personal data. It protects nothing and is no secret.
var dataKey = sha256.Sum256([]byte("emulator"))

func dataKeyText() string { return base64.StdEncoding.EncodeToString(dataKey[:]) }

// platformNames are those on which the seeded shops are registered: every platform that
// the system knows, simulated or not.
var platformNames = []string{"jd", "meituan", "taobao", "canonical"}

// seedKey names everything that is prepared in the template.
func seedKey() string {
	raw, err := json.Marshal([]any{store.SchemaKey(), shops(), strategies(), platformNames, carrierNames})
	if err != nil {
		panic(err) // plain data
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// shopSeed is fixed, so that one template serves every run.
const shopSeed = 1

func sqlTemplate() sqlserver.Template {
	return sqlserver.Template{Key: seedKey(), Database: database, Prepare: func(ctx context.Context, dsn string) error {
		if err := prepare(ctx, dsn); err != nil {
			return err
		}
		return grant(ctx, dsn, sqlserver.AppUser, sqlserver.AppHost)
	}}
}

// grant lets the functions' user do in a prepared database what functions do.
func grant(ctx context.Context, dsn, user, host string) error {
	db, err := store.Open(store.Options{DSN: dsn, Key: dataKey[:], MaxConns: 1})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.Grant(ctx, user, host)
	return err
}

// prepare migrates a database and fills in what must be there before orders.
func prepare(ctx context.Context, dsn string) error {
	db, err := store.Open(store.Options{DSN: dsn, Key: dataKey[:]})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	if err := db.SaveShops(ctx, shops()); err != nil {
		return err
	}
	saved, err := db.Strategies(ctx)
	if err != nil {
		return err
	}
	for _, x := range strategies() {
		if len(saved) > 0 {
			break // prepared before
		}
		if err := x.Validate(carrierNames); err != nil {
			return err
		}
		if err := db.SaveStrategy(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

func shops() []store.Shop {
	var out []store.Shop
	for n, s := range sim.Shops(shopSeed) {
		for _, p := range platformNames {
			out = append(out, store.Shop{Platform: p, Code: s.Code, City: s.City, CityName: s.CityName, Stores: stores(n, s.Code), Stop: order.Stop{
				Name: s.Name, Phone: s.Phone, Address: s.Address, Point: geo.Point{Lng: s.Lng, Lat: s.Lat},
			}})
		}
	}
	return out
}

// carrierEnv is what somebody beside the functions needs to read their rows and to ask the
// simulated carriers: made-up credentials and a key that protects nothing.
func (e *Emulator) carrierEnv() map[string]string {
	env := map[string]string{"QIANFAN_DEV": "1", "QIANFAN_DATA_KEY": dataKeyText()}
	all := partyEnv(e.URLs, e.publicGateway(), e.opts.accounts())
	for _, c := range carrierTable {
		env[c.variable] = all[c.variable]
	}
	return env
}

// partyEnv is the settings of the parties as functions get them: development credentials
// and simulated addresses.
func partyEnv(urls map[string]string, gateway string, all accounts) map[string]string {
	text := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err) // plain data
		}
		return string(raw)
	}
	env := map[string]string{
		"QIANFAN_JD":      text(map[string]any{"app_key": "jd-test-app", "secret": "jd-test-secret-0001", "token": "jd-test-token", "base_url": urls["jd"]}),
		"QIANFAN_MEITUAN": text(map[string]any{"app_id": "1001", "secret": "mt-test-secret-0001", "base_url": urls["meituan"], "push_url": "as-received"}),
		"QIANFAN_TAOBAO": text(map[string]any{"app_id": "22954133", "secret": "ele-test-secret-0001", "base_url": urls["taobao"], "not_found_codes": []string{"BIZ_ORDER_NOT_FOUND"},
			"states": map[string]string{"dispatching": "tobeAssignedCourier", "assigned": "tobeFetched", "arrived": "arrived"}}),
		"QIANFAN_CANONICAL": text(map[string]any{"keys": map[string]string{"qf-test-key": "qf-test-secret-0001"}}),
	}
	for _, c := range carrierTable {
		env[c.variable] = text(c.accountSettings(urls, gateway, all.at(c.name)))
	}
	return env
}
