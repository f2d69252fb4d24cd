package carrier

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/chuandao/qianfan/shared/money"
)

// AccountRule says which orders one prepaid account with a carrier serves. Rules are data
// that people change while the system runs.
type AccountRule struct {
	Carrier string       `json:"carrier"`
	Account string       `json:"account"`
	Match   AccountMatch `json:"match"`
	Weight  int          `json:"weight"` // share among accounts that match equally closely, 1 to MaxAccountWeight
	Active  bool         `json:"active"`
	// PerSecond is how many prices and placements the carrier lets the account ask for in a
	// second, all instances together; 0 = no limit that we know of.
	PerSecond int `json:"per_second,omitempty"`
	// Floor is what holds never take: with less than that beside it an account grants nothing.
	Floor money.Fen `json:"floor_fen,omitempty"`
	// AlarmBelow is what has to be free above the floor, or people are told; 0 = no such amount.
	AlarmBelow money.Fen `json:"alarm_fen,omitempty"`
	// AlarmMinutes is how long the account has to last at its present pace, or people are told;
	// 0 = DefaultAlarmMinutes, NoRunway = however long.
	AlarmMinutes int `json:"alarm_minutes,omitempty"`
}

// DefaultAlarmMinutes is a transfer's time and a little more. NoRunway asks for no alarm by time.
const (
	DefaultAlarmMinutes = 30
	NoRunway            = -1
)

// Low says why an account needs money soon, by what is free above its floor and how long that
// lasts (below zero: nobody knows); empty = it does not.
func (r AccountRule) Low(free money.Fen, lasts time.Duration) string {
	limit := time.Duration(cmp.Or(r.AlarmMinutes, DefaultAlarmMinutes)) * time.Minute
	switch {
	case r.AlarmBelow > 0 && free < r.AlarmBelow:
		return fmt.Sprintf("%s is less than %s", free, r.AlarmBelow)
	case limit > 0 && lasts >= 0 && lasts < limit:
		return fmt.Sprintf("%s lasts %d minutes at the present pace", free, int(lasts.Minutes()))
	}
	return ""
}

// PerSecond is the limit of an account by its rule, 0 where it has none.
func PerSecond(rules []AccountRule, name, account string) int {
	for _, r := range rules {
		if r.Carrier == name && r.Account == account {
			return r.PerSecond
		}
	}
	return 0
}

// AccountMatch says for which orders an account is meant; empty lists match all.
type AccountMatch struct {
	Platform []string `json:"platform,omitempty"`
	City     []string `json:"city,omitempty"` // "330100"
	Shop     []string `json:"shop,omitempty"` // the platform's code
}

// AccountOrder is what the choice of an account goes by.
type AccountOrder struct {
	ID                   int64
	Platform, City, Shop string
}

// MaxAccountWeight bounds a rule's weight.
const MaxAccountWeight = 1000

// Bounds of an account's settings: 一亿元, and a week.
const (
	MaxAccountSetting money.Fen = 100_000_000_00
	MaxAlarmMinutes             = 7 * 24 * 60
)

// Widths of the columns that hold them.
const (
	maxCarrierName = 16
	maxAccountName = 64
)

// Check names every mistake of a rule.
func (r AccountRule) Check() error {
	var faults []error
	bad := func(broken bool, format string, args ...any) {
		if broken {
			faults = append(faults, fmt.Errorf("account %s/%s: "+format, append([]any{r.Carrier, r.Account}, args...)...))
		}
	}
	bad(r.Carrier == "" || len(r.Carrier) > maxCarrierName, "carrier: want 1 to %d bytes", maxCarrierName)
	bad(r.Account == "" || len(r.Account) > maxAccountName, "account: want 1 to %d bytes", maxAccountName)
	bad(strings.ContainsFunc(r.Account, notInName), "account: a name has neither blanks nor colons nor slashes")
	bad(slices.ContainsFunc(r.Match.City, notCity), "match.city: want codes of six digits, as 330100")
	bad(r.Weight < 1 || r.Weight > MaxAccountWeight, "weight: want 1 to %d, not %d", MaxAccountWeight, r.Weight)
	bad(r.PerSecond < 0, "per_second: must not be negative")
	bad(r.Floor < 0 || r.Floor > MaxAccountSetting, "floor_fen: want 0 to %d", int64(MaxAccountSetting))
	bad(r.AlarmBelow < 0 || r.AlarmBelow > MaxAccountSetting, "alarm_fen: want 0 to %d", int64(MaxAccountSetting))
	bad(r.AlarmMinutes < NoRunway || r.AlarmMinutes > MaxAlarmMinutes, "alarm_minutes: want %d (none) to %d", NoRunway, MaxAlarmMinutes)
	for path, list := range map[string][]string{"platform": r.Match.Platform, "city": r.Match.City, "shop": r.Match.Shop} {
		bad(slices.Contains(list, ""), "match.%s: holds an empty name", path)
	}
	return errors.Join(faults...)
}

// notInName finds what would make a name two words, or part the names of ledger accounts elsewhere.
func notInName(c rune) bool {
	return c == ':' || c == '/' || unicode.IsSpace(c) || unicode.IsControl(c)
}

func notCity(code string) bool {
	return code != "" && (len(code) != 6 || strings.Trim(code, "0123456789") != "")
}

// level is how closely a match fits, 0 the closest, as for strategies:
// shop > city+platform > city > platform > all.
func (m AccountMatch) level(o AccountOrder) (int, bool) {
	fits := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	if !fits(m.Platform, o.Platform) || !fits(m.City, o.City) || !fits(m.Shop, o.Shop) {
		return 0, false
	}
	switch {
	case len(m.Shop) > 0:
		return 0, true
	case len(m.City) > 0 && len(m.Platform) > 0:
		return 1, true
	case len(m.City) > 0:
		return 2, true
	case len(m.Platform) > 0:
		return 3, true
	}
	return 4, true
}

// RouteAccount picks the account of a carrier that serves an order, out of those that are
// configured. The closest active rule wins; equally close ones share by weight, an order
// always falling to the same. A carrier without any rule uses its first configured account.
// "" = its rules leave this order out.
func RouteAccount(rules []AccountRule, name string, configured []string, o AccountOrder) string {
	var best []AccountRule
	ruled, closest := false, 0
	for _, r := range rules {
		if r.Carrier != name {
			continue
		}
		ruled = true
		level, ok := r.Match.level(o)
		if !ok || !r.Active || r.Weight < 1 || !slices.Contains(configured, r.Account) {
			continue
		}
		if len(best) > 0 && level > closest {
			continue
		}
		if len(best) > 0 && level < closest {
			best = best[:0]
		}
		best, closest = append(best, r), level
	}
	switch {
	case !ruled && len(configured) > 0:
		return configured[0]
	case len(best) == 0:
		return ""
	}
	return share(best, name, o.ID)
}

// share falls to one of the rules by their weights, the same one for the same order.
func share(rules []AccountRule, name string, id int64) string {
	slices.SortFunc(rules, func(a, b AccountRule) int {
		if a.Account < b.Account {
			return -1
		}
		return 1
	})
	total := 0
	for _, r := range rules {
		total += r.Weight
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(name + ":" + strconv.FormatInt(id, 10))) // never fails
	at := int(mix(sum.Sum64()) % uint64(total))
	for _, r := range rules {
		if at -= r.Weight; at < 0 {
			return r.Account
		}
	}
	return rules[len(rules)-1].Account
}

// mix spreads the low bits of a sum, which FNV leaves alike for numbers that differ in their last digits.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return x
}
