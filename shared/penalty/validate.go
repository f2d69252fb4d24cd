package penalty

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// Beyond these a value is a slip of the pen.
const (
	maxFixed   = money.Fen(1000_00)
	maxMinutes = 7 * 24 * 60
	maxRules   = 500
)

// causes are why an attempt may end.
var causes = []string{order.CauseCancelled, order.CauseGiveUp, order.CauseAcceptTimeout, order.CausePickupTimeout, order.CauseRedispatch, order.CauseChanged,
	order.CauseLostRace, order.CauseRevived, order.CauseCarrier, order.CauseRider, order.CauseNoRider}

// states are those of which a rule of a side may speak.
var states = map[string][]string{"carrier": texts(order.AttemptStates), "platform": texts(order.States)}

func texts[S ~string](list []S) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

// check gathers the mistakes of a book.
type check struct{ errs []error }

func (c *check) bad(path, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
}

func (c *check) want(ok bool, path, format string, args ...any) {
	if !ok {
		c.bad(path, format, args...)
	}
}

// Validate refuses a book that cannot mean what it says, and names the path of each mistake:
// words that nobody knows, impossible bounds, rules that no case ever reaches, and gaps: what is
// free is to be said. A gap is a party or a state of which nothing decides what our side's
// cancel costs, and a time or cause of which other rules speak and these say nothing. known are
// the parties there are: "carrier:uupt", "platform:jd".
func (b Book) Validate(known []string) error {
	c := &check{}
	c.want(len(b.Rules) > 0, "rules", "is empty")
	c.want(len(b.Rules) <= maxRules, "rules", "%d are more than %d", len(b.Rules), maxRules)
	for name, m := range map[string]int{"figure.first_min": b.Figure.FirstMin, "figure.second_min": b.Figure.SecondMin} {
		c.want(m >= 0 && m <= maxMinutes, name, "want 0 to %d minutes", maxMinutes)
	}
	for i, r := range b.Rules {
		r.check(c, fmt.Sprintf("rules[%d]", i), known)
	}
	if len(c.errs) == 0 { // what is reached is known of rules that mean something
		b.checkReach(c, known)
	}
	return errors.Join(c.errs...)
}

func (r Rule) check(c *check, at string, known []string) {
	side, _, _ := strings.Cut(r.Party, ":")
	names := states[side]
	somebody := slices.ContainsFunc(known, func(p string) bool { return matchParty(r.Party, p) })
	c.want(names != nil, at+".party", `%q: want "carrier:NAME", "platform:NAME" or * for the name`, r.Party)
	c.want(names == nil || somebody, at+".party", "%q is nobody of %s", r.Party, strings.Join(known, ", "))
	words(c, at+".state", r.State, names)
	words(c, at+".by", r.By, Enders)
	words(c, at+".cause", r.Cause, causes)
	c.want(r.FromMin >= 0 && r.FromMin <= maxMinutes, at+".from_min", "%d: want 0 to %d", r.FromMin, maxMinutes)
	c.want(r.ToMin >= 0 && r.ToMin <= maxMinutes, at+".to_min", "%d: want 0 to %d", r.ToMin, maxMinutes)
	c.want(r.ToMin == 0 || r.ToMin > r.FromMin, at+".to_min", "%d is not after from_min %d: no minute is left", r.ToMin, r.FromMin)
	c.want(r.Fixed >= 0 && r.Fixed <= maxFixed, at+".fixed_fen", "%d: want 0 to %d", r.Fixed, maxFixed)
	c.want(r.Percent >= 0 && r.Percent <= 100, at+".percent", "%d: want 0 to 100", r.Percent)
	c.want(r.Cap >= 0 && r.Cap <= maxFixed, at+".cap_fen", "%d: want 0 to %d", r.Cap, maxFixed)
	c.want(!r.Whole || r.Percent == 0 && r.Fixed == 0, at+".whole", "the whole fee leaves no room for fixed_fen or percent")
	c.want(r.Cap == 0 || r.Whole || r.Percent > 0 || r.Fixed > r.Cap, at+".cap_fen", "%d caps nothing", r.Cap)
	c.want(r.Note != "", at+".note", "is empty: say why, operators read it on every order")
	if side == "platform" {
		c.want(!r.PaysUs, at+".pays_us", "a platform pays us for its cancels anyway; what we owe one is booked as a compensation")
		c.want(len(r.Cause) == 0, at+".cause", "a platform's cancel has no cause of ours")
		theirs := slices.ContainsFunc(r.By, func(by string) bool { return !Answers(by) })
		c.want(!theirs, at+".by", "a platform owes for customer, merchant and platform only")
	}
	if r.PaysUs {
		ours := len(r.By) == 0 || slices.ContainsFunc(r.By, func(by string) bool { return slices.Contains(ourSide, by) })
		c.want(!ours, at+".pays_us", "a carrier pays for what it ended itself: by must be carrier, rider or no_rider")
	}
}

func words(c *check, at string, list, known []string) {
	for i, w := range list {
		c.want(known == nil || slices.Contains(known, w), fmt.Sprintf("%s[%d]", at, i), "%q is none of %s", w, strings.Join(known, ", "))
		c.want(!slices.Contains(list[:i], w), fmt.Sprintf("%s[%d]", at, i), "%q is listed twice", w)
	}
}
