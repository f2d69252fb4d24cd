package emulator

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/local/sqlserver"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// database is the name of the emulator's database.
const database = "qianfan"

// dataKey seals the emulator's made-up personal data. It protects nothing and is no secret.
var dataKey = sha256.Sum256([]byte("emulator"))

func dataKeyText() string { return base64.StdEncoding.EncodeToString(dataKey[:]) }

// platformNames are those on which the seeded shops are registered: every platform that
// the system knows, simulated or not.
var platformNames = []string{"jd", "meituan", "taobao", "canonical"}

// carrierNames are the carriers whose adapters and simulators are there.
var carrierNames = []string{"shansong", "uupt"}

// deposit is what each carrier account is prepaid with at the start; the simulators open
// their books with the same amount.
const deposit money.Fen = 100_000_000_00

const prepaidShards = 8

// account is our name of the one prepaid account with each carrier.
const account = "main"

// strategies of the simulated cities: cheapest by default, one city in sequence.
func strategies() []strategy.Strategy {
	minute := strategy.Duration(time.Minute)
	base := strategy.Strategy{
		Name: "default", Mode: strategy.Cheapest, Carriers: carrierNames,
		Match:         strategy.Match{City: []string{"330100", "440100", "110100"}},
		Quote:         strategy.Quoting{Deadline: strategy.Duration(1500 * time.Millisecond)},
		AcceptTimeout: strategy.Duration(90 * time.Second), GiveUpAfter: 15 * minute, ReleaseLead: 45 * minute,
	}
	shanghai := base
	shanghai.Name, shanghai.Mode = "shanghai-sequential", strategy.Sequential
	shanghai.Match = strategy.Match{City: []string{"310100"}}
	return []strategy.Strategy{base, shanghai}
}

// seedKey names everything that is prepared in the template.
func seedKey(seed int64) string {
	raw, err := json.Marshal([]any{store.SchemaKey(), sim.Shops(seed), strategies(), platformNames, deposit, prepaidShards})
	if err != nil {
		panic(err) // plain data
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// shopSeed is fixed, so that one template serves every run.
const shopSeed = 1

func sqlTemplate() sqlserver.Template {
	return sqlserver.Template{Key: seedKey(shopSeed), Database: database, Prepare: func(ctx context.Context, dsn string) error {
		return prepare(ctx, dsn)
	}}
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
	for _, c := range carrierNames {
		if _, err := db.Deposit(ctx, "opening-"+c, c, account, deposit, prepaidShards, time.Unix(0, 0)); err != nil {
			return err
		}
	}
	return nil
}

func shops() []store.Shop {
	var out []store.Shop
	for _, s := range sim.Shops(shopSeed) {
		for _, p := range platformNames {
			out = append(out, store.Shop{Platform: p, Code: s.Code, City: s.City, CityName: s.CityName, Stop: order.Stop{
				Name: s.Name, Phone: s.Phone, Address: s.Address, Point: geo.Point{Lng: s.Lng, Lat: s.Lat},
			}})
		}
	}
	return out
}

// partyEnv is the settings of the parties as functions get them: development credentials
// and simulated addresses.
func partyEnv(urls map[string]string, gateway string) map[string]string {
	text := func(v map[string]any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err) // plain data
		}
		return string(raw)
	}
	return map[string]string{
		"QIANFAN_MEITUAN":   text(map[string]any{"app_id": "1001", "secret": "mt-test-secret-0001", "base_url": urls["meituan"], "push_url": "as-received"}),
		"QIANFAN_CANONICAL": text(map[string]any{"keys": map[string]string{"qf-test-key": "qf-test-secret-0001"}}),
		"QIANFAN_SHANSONG":  text(map[string]any{"base_url": urls["shansong"], "client_id": "ssTestClient01", "secret": "iss-test-secret-0001", "shop_id": "20000000000000001", "account": account}),
		"QIANFAN_UUPT": text(map[string]any{"base_url": urls["uupt"], "app_id": "uu-test-app-id", "app_key": "uu-test-app-key-0001", "open_id": "uu-test-open-id",
			"account": account, "callback_url": fmt.Sprintf("%s/carrier/uupt", gateway)}),
	}
}
