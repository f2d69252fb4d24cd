package world

import (
	"math"
	"time"
)

// leg is one row of an order's usual course: what follows a state, and after how long.
type leg struct {
	next  State
	takes func(*Fleet, *job) time.Duration
}

// course is the life of an order as long as nobody interferes.
var course = map[State]leg{
	Waiting:     {Accepted, (*Fleet).acceptTime},
	Reassigning: {Accepted, (*Fleet).acceptTime},
	Accepted:    {Arrived, (*Fleet).rideTime},
	Arrived:     {PickedUp, (*Fleet).pickupTime},
	PickedUp:    {AtCustomer, (*Fleet).rideTime},
	AtCustomer:  {Delivered, (*Fleet).handoverTime},
	CancelAsked: {Returning, (*Fleet).agreeTime},
	Returning:   {Cancelled, (*Fleet).confirmTime},
	Disputed:    {Delivered, (*Fleet).rideTime},
}

var (
	beforeAccept = map[State]bool{Waiting: true, Reassigning: true}
	beforePickup = map[State]bool{Waiting: true, Reassigning: true, Accepted: true, Arrived: true}
)

// arrivals says what entering a state does besides being entered.
var arrivals = map[State]func(*Fleet, *job){
	Waiting:     (*Fleet).seek,
	Reassigning: (*Fleet).seek,
	Accepted:    (*Fleet).meetRider,
	Arrived:     func(_ *Fleet, j *job) { j.ride = stand(j.Pickup) },
	PickedUp:    (*Fleet).setOut,
	AtCustomer:  func(_ *Fleet, j *job) { j.ride = stand(j.Dropoff) },
	CancelAsked: func(f *Fleet, j *job) { j.ride = stand(j.ride.at(f.clock.Now())) },
	Returning:   func(f *Fleet, j *job) { j.ride = f.trip(j, j.ride.from, j.Pickup, "return") },
	Disputed:    func(f *Fleet, j *job) { j.ride = f.trip(j, j.ride.from, j.Dropoff, "ride") },
	Delivered:   (*Fleet).finish,
	Cancelled:   (*Fleet).finish,
}

// enter moves an order into a state, tells the client and arms what comes next.
func (f *Fleet) enter(j *job, s State) {
	j.State = s
	// The log is shared with snapshots: appending never changes what they see.
	j.Log = append(j.Log, Change{s, f.clock.Now()})
	f.note(j, "state", string(s), 0)
	if arrive, ok := arrivals[s]; ok {
		arrive(f, j)
	}
	f.callBack(j)
	f.arm(j)
}

// arm sets the one timer of an order to what comes next. Whatever was armed before is
// given up.
func (f *Fleet) arm(j *job) {
	j.epoch++
	if j.stop != nil {
		j.stop()
		j.stop = nil
	}
	if j.State.Final() || f.closed || f.held || j.held {
		return
	}
	epoch := j.epoch
	after, step := f.ahead(j)
	j.stop = f.clock.AfterFunc(f.clock.Now().Add(after), func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if j.epoch == epoch && !f.closed {
			step()
		}
	})
}

// ahead is what comes next and when: the usual course, or what fate has in store.
func (f *Fleet) ahead(j *job) (time.Duration, func()) {
	if j.State == Reassigning && f.profile.ReassignViaWait {
		return time.Second, func() { f.enter(j, Waiting) }
	}
	l := course[j.State]
	takes := l.takes(f, j)
	switch {
	case beforeAccept[j.State]:
		if limit := f.untilOffered(j) + seconds(f.profile.NoRiderAfterS); takes >= limit {
			return limit, func() { f.noRider(j) }
		}
	case j.State == j.giveUpAt:
		part := f.chance.Between(0.1, 0.9, j.key(), "give-up-after", j.round)
		return time.Duration(part * float64(takes)), func() { f.giveUp(j) }
	case l.next == AtCustomer && !f.profile.AtCustomer:
		return f.atDoor(j, max(takes, 0)+f.handoverTime(j))
	case l.next == Delivered && j.State == AtCustomer:
		return f.atDoor(j, takes)
	case j.State == CancelAsked && f.chance.Float(j.key(), "return-refused", 0) < f.profile.ReturnRefused:
		l.next = Disputed
	case j.State == Returning:
		return takes, func() { f.settle(j) }
	}
	return takes, func() { f.enter(j, l.next) }
}

// never is longer than any carrier waits for a rider.
const never = time.Duration(math.MaxInt64)

func (f *Fleet) acceptTime(j *job) time.Duration {
	if hit, _ := f.faults.Strike(f.chance, NoRider, j.key(), "", j.round); hit {
		return never
	}
	factor := 1.0
	now := f.clock.Now()
	if peak, _ := peakOrNight(now); peak {
		factor = f.profile.PeakSlowdown
	}
	return f.untilOffered(j) + f.profile.Accept.Draw(f.chance, factor, j.key(), "accept", j.round)
}

// untilOffered is how long a 预约 order still waits before riders see it.
func (f *Fleet) untilOffered(j *job) time.Duration {
	return max(0, j.notBefore.Sub(f.clock.Now()))
}

func (f *Fleet) rideTime(j *job) time.Duration { return j.ride.end.Sub(f.clock.Now()) }

func (f *Fleet) pickupTime(j *job) time.Duration {
	return f.profile.Pickup.Draw(f.chance, 1, j.key(), "pickup", j.round)
}

func (f *Fleet) handoverTime(j *job) time.Duration {
	return f.profile.Handover.Draw(f.chance, 1, j.key(), "handover", j.round)
}

func (f *Fleet) agreeTime(j *job) time.Duration {
	return f.profile.ReturnAgree.Draw(f.chance, 1, j.key(), "agree", 0)
}

func (f *Fleet) confirmTime(*job) time.Duration { return seconds(f.profile.ReturnConfirmS) }

// seek begins another search for a rider.
func (f *Fleet) seek(j *job) {
	if j.Rider != nil {
		j.round++
	}
	j.Rider, j.AcceptedAt, j.giveUpAt, j.ride = nil, time.Time{}, "", track{}
}

// meetRider gives the order its rider and decides whether the carrier will keep it.
func (f *Fleet) meetRider(j *job) {
	j.Rider = f.rider(j)
	j.AcceptedAt = f.clock.Now()
	f.totals.Accepted++
	metres := f.chance.Between(f.profile.ApproachMinM, f.profile.ApproachMaxM, j.key(), "approach", j.round)
	direction := f.chance.Between(0, 2*math.Pi, j.key(), "direction", j.round)
	j.ride = f.trip(j, j.Pickup.Away(metres, direction), j.Pickup, "approach")

	hit, as := f.faults.Strike(f.chance, CarrierCancel, j.key(), "", j.round)
	if !hit {
		return
	}
	j.giveUpAt = Accepted
	if f.chance.Float(j.key(), "give-up-at", j.round) < 0.3 {
		j.giveUpAt = Arrived
	}
	j.reassign = as == "reassign" || as == "" && f.chance.Float(j.key(), "reassign", j.round) < f.profile.ReassignShare
}

func (f *Fleet) setOut(j *job) {
	j.ride = f.trip(j, j.Pickup, j.Dropoff, "ride")
	f.meetTrouble(j)
}

// trip is a ride from now on at a speed drawn for it.
func (f *Fleet) trip(j *job, from, to Point, kind string) track {
	now := f.clock.Now()
	speed := f.chance.Between(f.profile.SpeedMinMPS, f.profile.SpeedMaxMPS, j.key(), "speed/"+kind, j.round)
	takes := time.Duration(float64(f.profile.RoadMetres(from, to)) / speed * float64(time.Second))
	return track{from: from, to: to, start: now, end: now.Add(max(takes, time.Second))}
}

// noRider ends an order that nobody would carry; everything is given back.
func (f *Fleet) noRider(j *job) {
	f.totals.NoRider++
	f.abandon(j, End{By: BySystem, Fault: BySystem, Reason: "超时无人接单", NoRider: true})
}

// giveUp is the carrier's own cancel: another rider is sought, or all is given back.
func (f *Fleet) giveUp(j *job) {
	if j.reassign {
		f.enter(j, Reassigning)
		return
	}
	end := End{By: ByRider, Fault: ByRider, Reason: "闪送员取消"}
	if f.chance.Float(j.key(), "give-up-by", j.round) < 0.3 {
		end = End{By: BySystem, Fault: ByService, Reason: "平台取消"}
	}
	f.abandon(j, end)
}

func (f *Fleet) abandon(j *job, end End) {
	j.End = end
	f.giveBack(j, j.Fee+j.Tips-j.Refund)
	f.enter(j, Cancelled)
}

// finish takes an order off the street.
func (f *Fleet) finish(j *job) {
	delete(f.live, j)
	if j.State == Delivered {
		j.ride = stand(j.Dropoff)
		j.End, j.Kept = End{}, 0
		if j.Extra > 0 { // a return that was asked for, paid and then refused
			f.balance += j.Extra
			f.note(j, "refunded", "return", j.Extra)
			j.Extra = 0
		}
		f.totals.Delivered++
		return
	}
	f.totals.Cancelled++
}
