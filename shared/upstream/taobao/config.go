package taobao

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
)

// Config is what 饿了么 and its application need; see ParseConfig.
type Config struct {
	AppID   string `json:"app_id"`   // number of the application, as in pushes
	AppKey  string `json:"app_key"`  // key of the application, as in calls; default app_id
	Secret  string `json:"secret"`   // signs both
	BaseURL string `json:"base_url"` // "https://open-api.shop.ele.me"
	Token   string `json:"token"`    // access token of the merchant account, for reports; pulls take none

	MaxAge         settings.Duration       `json:"max_age"`          // of a push's timestamp; default 6h
	MaxValueFen    money.Fen               `json:"max_value_fen"`    // of an order's goods; default 100,000 元
	DefaultWeightG int                     `json:"default_weight_g"` // when no item tells its weight; default 1000
	ErrorCodes     map[upstream.Reason]int `json:"error_codes"`      // of our refusals; default the canonical ones
	RetryCodes     []string                `json:"retry_codes"`      // of 饿了么's refusals that may be tried again, beside the table
	NotFoundCodes  []string                `json:"not_found_codes"`  // of 饿了么's refusals that say: no such order

	// Types says what a message type asks for, over the table: create, cancel, refund or
	// notice. 217 and 218 are core messages whose meaning is not public.
	Types map[string]string `json:"types"`
	// States are the words of selfDeliveryStateSync for our states, beside the two that are
	// public. A state without a word is not told.
	States map[order.State]string `json:"states"`
	// EndAction tells that nobody carries the order any more; default
	// eleme.order.noMoreDeliveryLite, "none" tells nothing.
	EndAction     string             `json:"end_action"`
	DistributorID int                `json:"distributor_id"` // default 201
	Companies     map[string]Company `json:"companies"`      // by carrier, over the table
	ShopIDs       map[string]string  `json:"shop_ids"`       // 饿了么's number of a shop by our code, where the code is not that number
	UTCMillis     bool               `json:"utc_millis"`     // utc of a position in milliseconds; default seconds

	// The fields of the pull are not public.
	PullQuery  json.RawMessage `json:"pull_query"`  // msgQueryRequest; default {"appId":app_id}
	PullList   string          `json:"pull_list"`   // where the answer is an object, the field that holds the list
	ConfirmIDs string          `json:"confirm_ids"` // the field of msgConfirmRequest that holds the ids; default requestIds

	// AllowDev lets the published development credentials pass. Only the emulator sets it.
	AllowDev bool `json:"-"`
}

// Company is a carrier as 饿了么 shows it.
type Company struct {
	ID   string `json:"id"`   // deliveryCompanyId; left out when empty
	Name string `json:"name"` // deliveryCompanyName
}

// ParseConfig reads the JSON of QIANFAN_TAOBAO strictly.
func ParseConfig(raw []byte) (Config, error) {
	var c Config
	if err := settings.Decode(raw, &c); err != nil {
		return Config{}, fmt.Errorf("taobao: %w", err)
	}
	return c, nil
}

// devSecret is the development credential that everybody knows.
const devSecret = "ele-test-secret-0001"

// nothing as Config.EndAction tells nothing.
const nothing = "none"

func (c Config) check() error {
	err := errors.Join(
		settings.Require(settings.Setting{Name: "app_id", Value: c.AppID}, settings.Setting{Name: "secret", Value: c.Secret}),
		settings.CheckURL("base_url", c.BaseURL),
	)
	if c.AppID != "" && !number(c.AppID) {
		err = errors.Join(err, errors.New("app_id is not a number"))
	}
	if c.MaxValueFen < 0 || c.DefaultWeightG < 0 || c.DistributorID < 0 {
		err = errors.Join(err, errors.New("max_value_fen, default_weight_g or distributor_id is negative"))
	}
	for kind, means := range c.Types {
		if _, ok := meanings[means]; !ok || !digits.MatchString(kind) {
			err = errors.Join(err, fmt.Errorf("types[%s]: %q is none of create, cancel, refund, notice", kind, means))
		}
	}
	for state, word := range c.States {
		if _, ok := milestones[state]; !ok || word == "" {
			err = errors.Join(err, fmt.Errorf("states[%s]: no milestone, or no word for it", state))
		}
	}
	for code, id := range c.ShopIDs {
		if !digits.MatchString(id) {
			err = errors.Join(err, fmt.Errorf("shop_ids[%s] is not a number", code))
		}
	}
	if query := strings.TrimSpace(string(c.PullQuery)); query != "" && !strings.HasPrefix(query, "{") {
		err = errors.Join(err, errors.New("pull_query is not an object"))
	}
	if err == nil && !c.AllowDev && c.Secret == devSecret {
		err = settings.ErrDevCredentials
	}
	return err
}

func (c Config) withDefaults() Config {
	c.MaxAge = settings.Duration(c.MaxAge.Or(6 * time.Hour))
	if c.MaxValueFen == 0 {
		c.MaxValueFen = 100_000_00
	}
	if c.DefaultWeightG == 0 {
		c.DefaultWeightG = 1000
	}
	if c.DistributorID == 0 {
		c.DistributorID = 201
	}
	text := func(v *string, otherwise string) {
		if *v == "" {
			*v = otherwise
		}
	}
	text(&c.AppKey, c.AppID)
	text(&c.EndAction, "eleme.order.noMoreDeliveryLite")
	text(&c.ConfirmIDs, "requestIds")
	if len(c.PullQuery) == 0 {
		c.PullQuery = json.RawMessage(`{"appId":` + c.AppID + `}`)
	}
	c.BaseURL = strings.TrimSuffix(strings.TrimRight(c.BaseURL, "/"), "/api/v1")
	c.States = over(states, c.States)
	c.Companies = over(companies, c.Companies)
	return c
}

// over is a table with the settings laid over it.
func over[K comparable, V any](table, set map[K]V) map[K]V {
	all := maps.Clone(table)
	maps.Copy(all, set)
	return all
}
