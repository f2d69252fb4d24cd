package penalty

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// checkReach plays every case that the rules can tell apart, and names the rules that none
// reaches and the cases that none decides.
func (b Book) checkReach(c *check, known []string) {
	reached := make([]bool, len(b.Rules))
	for _, party := range known {
		rules := b.about(party)
		if len(rules) == 0 {
			c.bad("rules", "nothing is said of %s", party)
			continue
		}
		for _, state := range states[side(party)] {
			silent := false // one ender of those of whom nothing is said stands for all
			for _, by := range b.enders(party) {
				decided, missing := b.playRow(rules, Case{Party: party, State: state, By: by}, reached)
				withdrawn := slices.Contains(ourSide, by)
				if missing != "" && (decided || withdrawn && !silent) {
					silent = silent || !decided
					c.bad("rules", "nothing is said of %s", missing)
				}
			}
		}
	}
	for i, ok := range reached {
		c.want(ok, fmt.Sprintf("rules[%d]", i), "is never reached: the rules before it decide all that it is about")
	}
}

func side(party string) string {
	s, _, _ := strings.Cut(party, ":")
	return s
}

// about are the places of the rules that may speak of a party.
func (b Book) about(party string) []int {
	var out []int
	for i, r := range b.Rules {
		if matchParty(r.Party, party) {
			out = append(out, i)
		}
	}
	return out
}

// enders are those who may end something of a party.
func (b Book) enders(party string) []string {
	if side(party) == "platform" {
		return []string{ByCustomer, ByMerchant, ByPlatform}
	}
	return Enders
}

// playRow plays a party, state and ender over all minutes and causes that make a difference. It
// says whether some case of them is decided, and the first that is not.
func (b Book) playRow(rules []int, base Case, reached []bool) (decided bool, missing string) {
	for _, minutes := range b.edges() {
		for _, cause := range causesOf(base) {
			x := base
			x.Accepted, x.Cause, x.Minutes = time.Duration(minutes)*time.Minute, cause, minutes
			i := slices.IndexFunc(rules, func(at int) bool { return b.Rules[at].matches(x) })
			if i < 0 {
				if missing == "" {
					missing = inWords(x)
				}
				continue
			}
			reached[rules[i]], decided = true, true
		}
	}
	return decided, missing
}

// causesOf are the causes with which an ender ends something.
func causesOf(c Case) []string {
	switch {
	case side(c.Party) == "platform":
		return []string{""}
	case c.By == ByCarrier, c.By == ByRider, c.By == ByNoRider:
		return causes[len(causes)-3:]
	case Answers(c.By):
		return causes[:1]
	}
	return causes[:len(causes)-3]
}

func inWords(c Case) string {
	text := fmt.Sprintf("%s, %s, by %s, from %d minutes on", c.Party, c.State, c.By, c.Minutes)
	if c.Cause != "" {
		text += ", cause " + c.Cause
	}
	return text
}
