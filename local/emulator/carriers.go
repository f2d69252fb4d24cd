package emulator

import (
	"net/http"

	"github.com/chuandao/qianfan/local/sim/dada"
	"github.com/chuandao/qianfan/local/sim/fengniao"
	"github.com/chuandao/qianfan/local/sim/sftc"
	"github.com/chuandao/qianfan/local/sim/shansong"
	"github.com/chuandao/qianfan/local/sim/uupt"
	"github.com/chuandao/qianfan/local/sim/world"
)

// Carrier is a simulated carrier as the emulator sees it.
type Carrier interface {
	Handler() http.Handler
	Books() world.Books
	Bill(day string, m world.Mistakes) (world.Bill, error)
	BillDays() []string
	Totals() world.Totals
	Positions() []world.RiderPosition
	Fleet() *world.Fleet
	Close()
}

// simulatedCarrier is all that the emulator knows of a carrier.
type simulatedCarrier struct {
	name     string
	address  string                                    // default
	variable string                                    // of the functions, for its settings
	settings func(url, callback string) map[string]any // development credentials and addresses
	open     func(o partyOptions, callback string) Carrier
	aside    bool // no seeded strategy names it
}

// carrierTable has a row for each carrier that the functions know, sorted by name.
var carrierTable = []simulatedCarrier{
	{
		name: dada.Name, address: "127.0.0.1:9205", variable: "QIANFAN_DADA", aside: true,
		settings: func(url, callback string) map[string]any {
			return map[string]any{"base_url": url, "app_key": "dada-test-app-key", "app_secret": "dada-test-secret-0001", "source_id": "73753", "shop_no": "11047059",
				"account": account, "callback_url": callback, "callback_max_age": virtualAge}
		},
		open: func(o partyOptions, _ string) Carrier {
			return dada.New(dada.Options{Profile: o.profile(dada.DefaultProfile()), Clock: o.clock, System: o.clock.System, Faults: o.faults, Seed: o.seed, InstantAnswer: o.instant,
				InitialBalance: o.deposit, Shops: placesAt(dada.Name), Repeats: true})
		},
	},
	{
		name: fengniao.Name, address: "127.0.0.1:9204", variable: "QIANFAN_FENGNIAO",
		settings: func(url, _ string) map[string]any {
			return map[string]any{"base_url": url, "app_id": "6000000000000000001", "secret": "fn-test-secret-0001", "merchant_id": "1000001", "sandbox": true, "account": account}
		},
		open: func(o partyOptions, callback string) Carrier {
			return fengniao.New(fengniao.Options{Profile: o.profile(fengniao.DefaultProfile()), Clock: o.clock, System: o.clock.System, Faults: o.faults, Seed: o.seed, InstantAnswer: o.instant,
				CallbackURL: callback, InitialBalance: o.deposit, Stores: placesAt(fengniao.Name)})
		},
	},
	{
		name: sftc.Name, address: "127.0.0.1:9203", variable: "QIANFAN_SFTC",
		settings: func(url, _ string) map[string]any {
			return map[string]any{"base_url": url, "dev_id": 1500000001, "dev_key": "sf-test-dev-key-0001", "shop_id": "3243279847393", "account": account, "callback_max_age": virtualAge}
		},
		open: func(o partyOptions, callback string) Carrier {
			return sftc.New(sftc.Options{Profile: o.profile(sftc.DefaultProfile()), Clock: o.clock, System: o.clock.System, Faults: o.faults, Seed: o.seed, InstantAnswer: o.instant,
				CallbackURL: callback, InitialBalance: o.deposit, Shops: storesAt(sftc.Name)})
		},
	},
	{
		name: shansong.Name, address: "127.0.0.1:9202", variable: "QIANFAN_SHANSONG",
		settings: func(url, _ string) map[string]any {
			return map[string]any{"base_url": url, "client_id": "ssTestClient01", "secret": "iss-test-secret-0001", "shop_id": "20000000000000001", "account": account}
		},
		open: func(o partyOptions, callback string) Carrier {
			return shansong.New(shansong.Options{Profile: o.profile(shansong.DefaultProfile()), Clock: o.clock, System: o.clock.System, Faults: o.faults, Seed: o.seed, InstantAnswer: o.instant,
				CallbackURL: callback, InitialBalance: o.deposit, Stores: storesAt(shansong.Name)})
		},
	},
	{
		name: uupt.Name, address: "127.0.0.1:9201", variable: "QIANFAN_UUPT",
		settings: func(url, callback string) map[string]any {
			return map[string]any{"base_url": url, "app_id": "uu-test-app-id", "app_key": "uu-test-app-key-0001", "open_id": "uu-test-open-id", "account": account, "callback_url": callback}
		},
		open: func(o partyOptions, callback string) Carrier {
			return uupt.New(uupt.Options{Profile: o.profile(uupt.DefaultProfile()), Clock: o.clock, System: o.clock.System, Faults: o.faults, Seed: o.seed, InstantAnswer: o.instant,
				CallbackURL: callback, InitialBalance: o.deposit})
		},
	},
}

// virtualAge is the age that a push may have whose time is the simulator's virtual one.
const virtualAge = "87600h"

// carrierNames are the carriers whose adapters and simulators are there; usual are those of
// them that the seeded strategies name.
var carrierNames, usual = namesOf(carrierTable)

func namesOf(table []simulatedCarrier) (all, usual []string) {
	for _, c := range table {
		all = append(all, c.name)
		if !c.aside {
			usual = append(usual, c.name)
		}
	}
	return all, usual
}

// callbackTo is where the gateway takes a carrier's pushes.
func callbackTo(gateway, name string) string { return gateway + "/carrier/" + name }

// openCarriers opens the books of all accounts, by the names of their parties.
func openCarriers(o partyOptions) map[string]Carrier {
	all := map[string]Carrier{}
	for _, c := range carrierTable {
		for i, a := range o.accounts.at(c.name) {
			o.deposit = o.accounts.deposit(a)
			all[a.party()] = c.open(o, callbackTo(o.gateway, c.name))
			all[a.party()].Fleet().Skip(uint64(i) << 32) // numbers are unique with a carrier, not with each simulator of it
		}
	}
	return all
}
