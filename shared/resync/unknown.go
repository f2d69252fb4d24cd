package resync

import (
	"fmt"
	"strings"
)

// unknowable says what no carrier and no bill can tell, this run's own gaps first.
func (r *run) unknowable() []string {
	var out []string
	say := func(n int, format string) {
		if n > 0 {
			out = append(out, fmt.Sprintf(format, n))
		}
	}
	say(len(r.Failed), "what happened under %d numbers about which nobody answered: run it again before the functions start, or they may be placed twice")
	say(len(r.lost), "%d orders that bills or carriers name and the database does not have: their platforms' income is on no statement of ours; their waybills become items as unknown_waybill when the bill is reconciled")
	say(r.StrayLines, "what %d lines of bills are for: reconcile these bills, they will be disputed, most as unknown_waybill")
	say(r.UnreadLines, "what %d lines of bills say that cannot be read: reconcile these bills, they will be disputed as unreadable")
	say(r.Believed, "whether the cost of %d attempts is right: only a bill says it, and reconciling that bill will agree with it whatever it says")
	say(len(r.Unplanned), "what the platform pays for %d orders that came by number only and had not been read by then: they need a person")
	if len(r.job.Without) > 0 {
		out = append(out, "what "+strings.Join(r.job.Without, " and ")+" carries: left out as you said, it may be placed again")
	}
	say(r.later, "%d open orders came after that moment and were not looked at: if the functions have not run since the restore, --since is too early")
	if len(r.job.Bills) == 0 {
		out = append(out, "waybills under numbers that no query finds, and what carriers kept without stating it: give the bills since then with --bill")
	}
	out = append(out, always...)
	return append(out, fmt.Sprintf("placements behind %d quote rounds in which nobody was placed, or by force after that moment: look at orders that people forced before the functions start, callbacks and bills name them later", r.job.rounds()))
}

// always is what is lost whatever is found.
var always = []string{
	"orders that platforms pushed after that moment and that no carrier has: only what a platform still holds for being pulled comes back by itself; compare each platform's own list of the day",
	"cancels, tips and changes of platforms after that moment: an order all of whose waybills our side withdrew ends as failed and asks for a person; any other goes on, also one whose rider is on the way, and platforms' 违约金 for these cancels is not booked",
	"figures and refunds that carriers stated after that moment for orders that were over by then: their bills have them",
	"what platforms were told after that moment: it is told again, and platforms take repeats for duplicates",
	"why an attempt was withdrawn after that moment, and 违约金 that only a cancel's own answer told: the rule's figure stands until the bill comes",
	"how tips rose: carriers tell totals, and some only on the bill; where a total does not show them, the strategy adds no more to that waybill",
	"what people did after that moment: top-ups, imported bills, decisions on items, statements (platforms have papers with numbers that are given again), closed months, settings, commands on orders (qianfan audit shows what is left); how to do it again is in docs/resync.md",
}
