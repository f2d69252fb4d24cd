// Package penalty holds what a cancel costs as data: the 违约金 that carriers charge us and
// that platforms owe us, by party, state, time since acceptance, who cancelled and why. It is
// pure. A book is one version of the rules; which one is in force is the caller's to know.
package penalty

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Who ended an order or an attempt. The first four are on our side of a carrier's counter.
const (
	ByCustomer = "customer"
	ByMerchant = "merchant"
	ByPlatform = "platform"
	ByUs       = "us"       // 千帆 itself, or its operators
	ByCarrier  = "carrier"  // the last three are carrier.Ender's words
	ByRider    = "rider"    //
	ByNoRider  = "no_rider" // nobody accepted in the carrier's own time
)

// Enders lists everybody who may end something.
var Enders = []string{ByCustomer, ByMerchant, ByPlatform, ByUs, ByCarrier, ByRider, ByNoRider}

// ourSide are those who withdraw something that a carrier would have carried.
var ourSide = []string{ByCustomer, ByMerchant, ByPlatform, ByUs}

// Rule is one row of a penalty table. Empty lists and zero bounds match everything, but for
// By: without one a rule is about what our side withdrew, never about what a carrier ended.
type Rule struct {
	Party   string    `json:"party"`              // "carrier:shansong", "carrier:*", "platform:*"
	State   []string  `json:"state,omitempty"`    // of the attempt (carriers), of the order (platforms)
	FromMin int       `json:"from_min,omitzero"`  // whole minutes since acceptance, inclusive
	ToMin   int       `json:"to_min,omitzero"`    // exclusive; 0 = no end
	By      []string  `json:"by,omitempty"`       // who ended it, of Enders
	Cause   []string  `json:"cause,omitempty"`    // why we withdrew it, or why it ended: order.Cause…
	Fixed   money.Fen `json:"fixed_fen,omitzero"` // added to the percentage
	Percent int64     `json:"percent,omitzero"`   // of the fee, 0 to 100
	Whole   bool      `json:"whole,omitzero"`     // the whole fee; neither fixed nor percent beside it
	Cap     money.Fen `json:"cap_fen,omitzero"`   // never more than that; 0 = no cap
	PaysUs  bool      `json:"pays_us,omitzero"`   // of a carrier: the money comes to us, because it is at fault
	Note    string    `json:"note"`               // why, for operators and the ledger
	Source  string    `json:"source,omitempty"`   // where the figure is from, and how sure it is
}

// Waits are how long one waits for a carrier's own figure where an attempt ended with a
// rule's: so long after the carrier was asked in vain it is asked again, and once more later.
type Waits struct {
	FirstMin  int `json:"first_min"`  // virtual minutes
	SecondMin int `json:"second_min"` // after the first
}

// Book is one version of the penalty rules. The first rule that matches decides.
type Book struct {
	Version int    `json:"version"` // 0 = built in
	Figure  Waits  `json:"figure,omitzero"`
	Rules   []Rule `json:"rules"`
}

// Waits that a book has which says nothing about them.
const (
	firstWait  = 10
	secondWait = 20
)

// Wait is how long one waits before a carrier is asked for its figure in the given round, 1
// or 2, in virtual time.
func (b Book) Wait(round int) time.Duration {
	minutes, otherwise := b.Figure.FirstMin, firstWait
	if round > 1 {
		minutes, otherwise = b.Figure.SecondMin, secondWait
	}
	if minutes <= 0 {
		minutes = otherwise
	}
	return time.Duration(minutes) * time.Minute
}

//go:embed default.json
var defaults []byte

// Default is the built-in book, version 0: what the public tables say, each rule with its
// source, and assumptions that are marked as such.
func Default() Book {
	var b Book
	if err := json.Unmarshal(defaults, &b); err != nil {
		panic(fmt.Sprintf("penalty: built-in book: %v", err))
	}
	return b
}

// Case is one end to be priced.
type Case struct {
	Party    string        `json:"party"` // "carrier:shansong", "platform:meituan"
	State    string        `json:"state"` // the attempt's state (carrier side), the order's (platform side)
	Accepted time.Duration `json:"-"`     // since acceptance; 0 when nobody accepted
	Minutes  int           `json:"minutes"`
	By       string        `json:"by"`
	Cause    string        `json:"cause,omitempty"`
	Fee      money.Fen     `json:"fee_fen"` // the whole fee
}

// Verdict is what a book says of a case, with everything that is needed to explain it later.
type Verdict struct {
	Case
	Version int       `json:"version"`
	Rule    int       `json:"rule"` // its place in the book, from 1; 0 = no rule matches
	Amount  money.Fen `json:"amount_fen"`
	PaysUs  bool      `json:"pays_us,omitempty"`
	Note    string    `json:"note"`
	Source  string    `json:"source,omitempty"`
}

// Cost is the amount as an expense of ours towards a carrier: negative when it pays us.
func (v Verdict) Cost() money.Fen {
	if v.PaysUs {
		return -v.Amount
	}
	return v.Amount
}

// Judge prices a case by the first rule that matches. No rule, no penalty.
func (b Book) Judge(c Case) Verdict {
	c.Minutes = int(max(0, c.Accepted) / time.Minute)
	for i, r := range b.Rules {
		if r.matches(c) {
			return Verdict{Case: c, Version: b.Version, Rule: i + 1, Amount: r.amount(c.Fee), PaysUs: r.PaysUs, Note: r.Note, Source: r.Source}
		}
	}
	return Verdict{Case: c, Version: b.Version, Note: "no rule"}
}

// amount is never negative and never above the cap.
func (r Rule) amount(fee money.Fen) money.Fen {
	fee = max(0, fee)
	amount := r.Fixed + fee.Percent(r.Percent)
	if r.Whole {
		amount = fee
	}
	if r.Cap > 0 {
		amount = min(amount, r.Cap)
	}
	return max(0, amount)
}

func (r Rule) matches(c Case) bool {
	by := r.By
	if len(by) == 0 {
		by = ourSide
	}
	return matchParty(r.Party, c.Party) && listed(r.State, c.State) && listed(r.Cause, c.Cause) && slices.Contains(by, c.By) &&
		c.Minutes >= r.FromMin && (r.ToMin == 0 || c.Minutes < r.ToMin)
}

func listed(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }

func matchParty(pattern, party string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(party, prefix)
	}
	return pattern == party
}

// Window is a time after acceptance in which a case costs nothing.
type Window struct {
	Free bool          // it costs nothing now
	Ends bool          // it will cost something, from End on, if nothing else changes
	End  time.Duration // since acceptance
}

// Free is the free window that a case is in, if it is in one.
func (b Book) Free(c Case) Window {
	if v := b.Judge(c); v.Amount > 0 && !v.PaysUs {
		return Window{}
	}
	for _, minutes := range b.edges() {
		at := time.Duration(minutes) * time.Minute
		if at <= c.Accepted {
			continue
		}
		c.Accepted = at
		if v := b.Judge(c); v.Amount > 0 && !v.PaysUs {
			return Window{Free: true, Ends: true, End: at}
		}
	}
	return Window{Free: true}
}

// edges are the minutes at which any rule begins or ends, ascending, and 0.
func (b Book) edges() []int {
	all := []int{0}
	for _, r := range b.Rules {
		all = append(all, max(0, r.FromMin), max(0, r.ToMin))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
