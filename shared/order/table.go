package order

// Timer kinds. Order timers have n = 0, attempt timers the attempt's number.
const (
	TimerRelease = "release" // a scheduled order starts
	TimerQuote   = "quote"   // a quote round is overdue, or the next one may start
	TimerGiveUp  = "give_up" // nobody took the order in the strategy's time
	TimerAccept  = "accept"  // the carrier's riders had their time to accept
	TimerWatch   = "watch"   // nothing was heard of a live attempt for long: query
	TimerRetry   = "retry"   // a call that had to wait may be made
	TimerConfirm = "confirm" // goods on their way back had their time: confirm the return
	TimerWiden   = "widen"   // nobody accepted in the race: more carriers join
	TimerTip     = "tip"     // nobody accepted: the tip rises by a step
	TimerPickup  = "pickup"  // the rider had time to fetch the goods
	TimerDeliver = "deliver" // the rider had time to bring the goods
	TimerFigure  = "figure"  // the carrier had time to know what an end cost: it is asked again
)

// TimerKinds lists every kind, for generators and tests.
var TimerKinds = []string{TimerRelease, TimerQuote, TimerGiveUp, TimerAccept, TimerWatch, TimerRetry, TimerConfirm,
	TimerWiden, TimerTip, TimerPickup, TimerDeliver, TimerFigure}

// ArmedInCode are the timers that no row arms, because they belong to no transition, and who arms them.
var ArmedInCode = map[string]string{
	TimerRelease: "intake, for a scheduled order (预约单)",
	TimerQuote:   "intake and each quote round that is wanted; the pause before the next one",
	TimerRetry:   "a call that has to wait before it is made",
	TimerFigure:  "a carrier that was asked in vain what the end of an attempt cost",
	TimerWiden:   "the first attempt of a dispatch and each widening, while there are more carriers",
}

// Timers says what a transition does to timers: listed kinds are re-armed or cleared, all
// others are kept.
type Timers struct {
	Arm   []string
	Clear []string
}

// Event is what happens to an order.
type Event string

// What happens to an order.
const (
	OnQuoted     Event = "quoted"
	OnDispatch   Event = "dispatch"   // an attempt may be started
	OnAssigned   Event = "assigned"   // a rider accepted, or another rider took over
	OnArrived    Event = "arrived"    // the rider is at the shop
	OnPickedUp   Event = "picked_up"  // the rider has the goods
	OnDelivered  Event = "delivered"  // the customer has them
	OnRedispatch Event = "redispatch" // the winning attempt ended or lost its rider (改派)
	OnCancelling Event = "cancelling" // a goal is pursued, attempts are still live
	OnCancelled  Event = "cancelled"  // goal cancelled reached
	OnFailed     Event = "failed"     // goal failed reached
	OnReturning  Event = "returning"  // the goods are on their way back
	OnReturned   Event = "returned"   // the goods are back
)

// Events lists every order event.
var Events = []Event{OnQuoted, OnDispatch, OnAssigned, OnArrived, OnPickedUp, OnDelivered,
	OnRedispatch, OnCancelling, OnCancelled, OnFailed, OnReturning, OnReturned}

// States lists every order state.
var States = []State{Received, Quoted, Dispatching, Assigned, Arrived, PickedUp, Delivered,
	Cancelling, Cancelled, Failed, Returning, Returned}

// Final reports whether the state is left no more.
func (s State) Final() bool {
	return s == Delivered || s == Cancelled || s == Failed || s == Returned
}

// Row is one legal transition of an order.
type Row struct {
	From State
	On   Event
	To   State
	Timers
}

var (
	startDispatch = Timers{Arm: []string{TimerGiveUp}, Clear: []string{TimerQuote}}
	riderFound    = Timers{Clear: []string{TimerGiveUp, TimerQuote, TimerWiden}}
	orderOver     = Timers{Clear: []string{TimerRelease, TimerQuote, TimerGiveUp, TimerWiden}}
)

// Table is the order's machine. What is not listed does not happen.
var Table = []Row{
	{Received, OnQuoted, Quoted, Timers{Clear: []string{TimerQuote, TimerRelease}}},
	{Received, OnCancelled, Cancelled, orderOver},
	{Received, OnFailed, Failed, orderOver},

	{Quoted, OnDispatch, Dispatching, startDispatch},
	{Quoted, OnCancelled, Cancelled, orderOver},
	{Quoted, OnFailed, Failed, orderOver},

	{Dispatching, OnAssigned, Assigned, riderFound},
	{Dispatching, OnArrived, Arrived, riderFound},
	{Dispatching, OnPickedUp, PickedUp, riderFound},
	{Dispatching, OnDelivered, Delivered, orderOver},
	{Dispatching, OnCancelling, Cancelling, orderOver},
	{Dispatching, OnCancelled, Cancelled, orderOver},
	{Dispatching, OnFailed, Failed, orderOver},
	{Dispatching, OnReturning, Returning, orderOver},
	{Dispatching, OnReturned, Returned, orderOver},

	{Assigned, OnAssigned, Assigned, Timers{}},
	{Assigned, OnArrived, Arrived, Timers{}},
	{Assigned, OnPickedUp, PickedUp, Timers{}},
	{Assigned, OnDelivered, Delivered, orderOver},
	{Assigned, OnRedispatch, Dispatching, startDispatch},
	{Assigned, OnCancelling, Cancelling, orderOver},
	{Assigned, OnReturning, Returning, orderOver},
	{Assigned, OnReturned, Returned, orderOver},

	{Arrived, OnAssigned, Arrived, Timers{}},
	{Arrived, OnPickedUp, PickedUp, Timers{}},
	{Arrived, OnDelivered, Delivered, orderOver},
	{Arrived, OnRedispatch, Dispatching, startDispatch},
	{Arrived, OnCancelling, Cancelling, orderOver},
	{Arrived, OnReturning, Returning, orderOver},
	{Arrived, OnReturned, Returned, orderOver},

	{PickedUp, OnAssigned, PickedUp, Timers{}},
	{PickedUp, OnDelivered, Delivered, orderOver},
	{PickedUp, OnCancelling, Cancelling, orderOver},
	{PickedUp, OnReturning, Returning, orderOver},
	{PickedUp, OnReturned, Returned, orderOver},

	// A goal that is dropped or overtaken leads back to where the attempt is.
	{Cancelling, OnCancelled, Cancelled, orderOver},
	{Cancelling, OnFailed, Failed, orderOver},
	{Cancelling, OnRedispatch, Dispatching, startDispatch},
	{Cancelling, OnAssigned, Assigned, riderFound},
	{Cancelling, OnArrived, Arrived, riderFound},
	{Cancelling, OnPickedUp, PickedUp, riderFound},
	{Cancelling, OnDelivered, Delivered, orderOver},
	{Cancelling, OnReturning, Returning, orderOver},
	{Cancelling, OnReturned, Returned, orderOver},

	{Returning, OnReturned, Returned, orderOver},
	{Returning, OnPickedUp, PickedUp, riderFound},
	{Returning, OnDelivered, Delivered, orderOver},
}

// AttemptEvent is what happens to an attempt.
type AttemptEvent string

// What happens to an attempt.
const (
	AtPlaced        AttemptEvent = "placed"         // the carrier confirmed it, or shows it waiting
	AtRefused       AttemptEvent = "refused"        // decided refusal, or proof that nothing was sent
	AtDoubt         AttemptEvent = "doubt"          // nobody knows whether the placement happened
	AtNeverPlaced   AttemptEvent = "never_placed"   // the quarantine is over, the carrier never had it
	AtReassigning   AttemptEvent = "reassigning"    // 改派 by the carrier: back to waiting
	AtAccepted      AttemptEvent = "accepted"       // a rider accepted, or another rider did
	AtArrived       AttemptEvent = "arrived"        // the rider is at the shop
	AtPickedUp      AttemptEvent = "picked_up"      // the rider has the goods
	AtDelivered     AttemptEvent = "delivered"      // done
	AtCancelWanted  AttemptEvent = "cancel_wanted"  // we decided to withdraw it
	AtCancelRefused AttemptEvent = "cancel_refused" // the carrier keeps it
	AtCancelled     AttemptEvent = "cancelled"      // the carrier says it is over
	AtReturning     AttemptEvent = "returning"      // the goods are on their way back
	AtReturned      AttemptEvent = "returned"       // the goods are back
)

// AttemptEvents lists every attempt event.
var AttemptEvents = []AttemptEvent{AtPlaced, AtRefused, AtDoubt, AtNeverPlaced, AtReassigning, AtAccepted,
	AtArrived, AtPickedUp, AtDelivered, AtCancelWanted, AtCancelRefused, AtCancelled, AtReturning, AtReturned}

// AttemptStates lists every attempt state.
var AttemptStates = []AttemptState{Intent, Unknown, Placed, Accepted, AttemptArrived, AttemptPickedUp,
	AttemptDelivered, AttemptCancelling, AttemptCancelled, AttemptReturning, AttemptReturned, AttemptRejected}

// Final reports whether the carrier owes nothing more. A rejected attempt can still be
// revived by a sign of life.
func (s AttemptState) Final() bool {
	switch s {
	case AttemptDelivered, AttemptCancelled, AttemptReturned, AttemptRejected:
		return true
	}
	return false
}

// Under marks a row whose target is the state that the carrier last told (a cancel that was refused).
const Under AttemptState = "under"

// AttemptRow is one legal transition of an attempt.
type AttemptRow struct {
	From AttemptState
	On   AttemptEvent
	To   AttemptState
	Timers
}

var (
	waiting   = Timers{Arm: []string{TimerAccept, TimerWatch, TimerTip}, Clear: []string{TimerRetry, TimerPickup}}
	taken     = Timers{Arm: []string{TimerWatch, TimerPickup}, Clear: []string{TimerAccept, TimerRetry, TimerTip}}
	carrying  = Timers{Arm: []string{TimerWatch, TimerDeliver}, Clear: []string{TimerAccept, TimerRetry, TimerTip, TimerPickup}}
	watching  = Timers{Arm: []string{TimerWatch}}
	withdrawn = Timers{Arm: []string{TimerWatch}, Clear: []string{TimerAccept, TimerTip, TimerPickup, TimerDeliver}}
	comeBack  = Timers{Arm: []string{TimerWatch, TimerConfirm}, Clear: []string{TimerAccept, TimerTip, TimerPickup, TimerDeliver}}
	goesOn    = Timers{Arm: []string{TimerWatch, TimerDeliver}, Clear: []string{TimerConfirm}}
	over      = Timers{Clear: []string{TimerAccept, TimerWatch, TimerRetry, TimerConfirm, TimerTip, TimerPickup, TimerDeliver, TimerFigure}}
)

// AttemptTable is the attempt's machine. What is not listed changes nothing.
var AttemptTable = []AttemptRow{
	// The call is under way: a callback may come before its answer.
	{Intent, AtPlaced, Placed, waiting},
	{Intent, AtRefused, AttemptRejected, over},
	{Intent, AtDoubt, Unknown, watching},
	{Intent, AtReassigning, Placed, waiting},
	{Intent, AtAccepted, Accepted, taken},
	{Intent, AtArrived, AttemptArrived, taken},
	{Intent, AtPickedUp, AttemptPickedUp, carrying},
	{Intent, AtDelivered, AttemptDelivered, over},
	{Intent, AtCancelled, AttemptCancelled, over},
	{Intent, AtReturning, AttemptReturning, comeBack},
	{Intent, AtReturned, AttemptReturned, over},

	// A wish to cancel waits until the doubt is settled.
	{Unknown, AtPlaced, Placed, waiting},
	{Unknown, AtNeverPlaced, AttemptRejected, over},
	{Unknown, AtReassigning, Placed, waiting},
	{Unknown, AtAccepted, Accepted, taken},
	{Unknown, AtArrived, AttemptArrived, taken},
	{Unknown, AtPickedUp, AttemptPickedUp, carrying},
	{Unknown, AtDelivered, AttemptDelivered, over},
	{Unknown, AtCancelled, AttemptCancelled, over},
	{Unknown, AtReturning, AttemptReturning, comeBack},
	{Unknown, AtReturned, AttemptReturned, over},

	{Placed, AtReassigning, Placed, Timers{}},
	{Placed, AtAccepted, Accepted, taken},
	{Placed, AtArrived, AttemptArrived, taken},
	{Placed, AtPickedUp, AttemptPickedUp, carrying},
	{Placed, AtDelivered, AttemptDelivered, over},
	{Placed, AtCancelWanted, AttemptCancelling, withdrawn},
	{Placed, AtCancelled, AttemptCancelled, over},
	{Placed, AtReturning, AttemptReturning, comeBack},
	{Placed, AtReturned, AttemptReturned, over},

	{Accepted, AtReassigning, Placed, waiting},
	{Accepted, AtAccepted, Accepted, watching},
	{Accepted, AtArrived, AttemptArrived, watching},
	{Accepted, AtPickedUp, AttemptPickedUp, carrying},
	{Accepted, AtDelivered, AttemptDelivered, over},
	{Accepted, AtCancelWanted, AttemptCancelling, withdrawn},
	{Accepted, AtCancelled, AttemptCancelled, over},
	{Accepted, AtReturning, AttemptReturning, comeBack},
	{Accepted, AtReturned, AttemptReturned, over},

	{AttemptArrived, AtReassigning, Placed, waiting},
	{AttemptArrived, AtPickedUp, AttemptPickedUp, carrying},
	{AttemptArrived, AtDelivered, AttemptDelivered, over},
	{AttemptArrived, AtCancelWanted, AttemptCancelling, withdrawn},
	{AttemptArrived, AtCancelled, AttemptCancelled, over},
	{AttemptArrived, AtReturning, AttemptReturning, comeBack},
	{AttemptArrived, AtReturned, AttemptReturned, over},

	{AttemptPickedUp, AtDelivered, AttemptDelivered, over},
	{AttemptPickedUp, AtCancelWanted, AttemptCancelling, withdrawn},
	{AttemptPickedUp, AtCancelled, AttemptCancelled, over},
	{AttemptPickedUp, AtReturning, AttemptReturning, comeBack},
	{AttemptPickedUp, AtReturned, AttemptReturned, over},

	// While we withdraw it, the carrier's own progress is kept underneath.
	{AttemptCancelling, AtPlaced, AttemptCancelling, Timers{}},
	{AttemptCancelling, AtReassigning, AttemptCancelling, Timers{}},
	{AttemptCancelling, AtAccepted, AttemptCancelling, Timers{}},
	{AttemptCancelling, AtArrived, AttemptCancelling, Timers{}},
	{AttemptCancelling, AtPickedUp, AttemptCancelling, Timers{}},
	{AttemptCancelling, AtCancelRefused, Under, watching},
	{AttemptCancelling, AtDelivered, AttemptDelivered, over},
	{AttemptCancelling, AtCancelled, AttemptCancelled, over},
	{AttemptCancelling, AtReturning, AttemptReturning, comeBack},
	{AttemptCancelling, AtReturned, AttemptReturned, over},

	{AttemptReturning, AtReturned, AttemptReturned, over},
	{AttemptReturning, AtCancelled, AttemptReturned, over},
	{AttemptReturning, AtDelivered, AttemptDelivered, over},
	{AttemptReturning, AtCancelRefused, AttemptPickedUp, goesOn},

	// A sign of life of what we believed never placed: revived, to be cancelled and booked.
	{AttemptRejected, AtPlaced, Placed, watching},
	{AttemptRejected, AtReassigning, Placed, watching},
	{AttemptRejected, AtAccepted, Accepted, watching},
	{AttemptRejected, AtArrived, AttemptArrived, watching},
	{AttemptRejected, AtPickedUp, AttemptPickedUp, carrying},
	{AttemptRejected, AtDelivered, AttemptDelivered, over},
	{AttemptRejected, AtCancelled, AttemptCancelled, over},
	{AttemptRejected, AtReturning, AttemptReturning, comeBack},
	{AttemptRejected, AtReturned, AttemptReturned, over},
}

type rowKey struct {
	from State
	on   Event
}

type attemptKey struct {
	from AttemptState
	on   AttemptEvent
}

var (
	rows        = indexRows()
	attemptRows = indexAttemptRows()
)

func indexRows() map[rowKey]Row {
	m := make(map[rowKey]Row, len(Table))
	for _, r := range Table {
		m[rowKey{r.From, r.On}] = r
	}
	return m
}

func indexAttemptRows() map[attemptKey]AttemptRow {
	m := make(map[attemptKey]AttemptRow, len(AttemptTable))
	for _, r := range AttemptTable {
		m[attemptKey{r.From, r.On}] = r
	}
	return m
}

// Next is the order's transition for an event, if there is one.
func Next(from State, on Event) (Row, bool) {
	r, ok := rows[rowKey{from, on}]
	return r, ok
}

// NextAttempt is the attempt's transition for an event, if there is one.
func NextAttempt(from AttemptState, on AttemptEvent) (AttemptRow, bool) {
	r, ok := attemptRows[attemptKey{from, on}]
	return r, ok
}
