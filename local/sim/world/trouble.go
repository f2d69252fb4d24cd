package world

import "time"

// unreached is a customer who cannot be reached: what comes of it is the carrier's habit.
func (f *Fleet) unreached(j *job) {
	j.trouble = false
	if f.profile.Trouble == TroubleReturned {
		j.End = End{By: BySystem, Fault: ByService, Reason: "顾客联系不上", Returned: true}
		j.Kept = j.Fee + j.Tips
		f.enter(j, Returning)
		return
	}
	seen := j.Job
	seen.State = Exception
	seen.Log = append(seen.Log[:len(seen.Log):len(seen.Log)], Change{Exception, f.clock.Now()})
	f.note(j, "told", string(Exception), 0)
	f.callBackOf(j, seen)
	f.arm(j)
}

// meetTrouble decides, as the rider sets out, whether the customer will be reached.
func (f *Fleet) meetTrouble(j *job) {
	if f.profile.Trouble == "" {
		return
	}
	j.trouble, _ = f.faults.StrikeScripted(f.chance, Unreachable, j.key(), "")
}

// atDoor is how long it takes until the goods are handed over, and what happens then.
func (f *Fleet) atDoor(j *job, takes time.Duration) (time.Duration, func()) {
	if j.trouble {
		return takes, func() { f.unreached(j) }
	}
	return takes, func() { f.enter(j, Delivered) }
}
