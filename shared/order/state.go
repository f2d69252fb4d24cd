// Package order holds what an order is: its states, its attempts with carriers, and the
// transition tables of both machines. It is pure data; package turn decides with it.
package order

// State is an order's state, as its platform sees it.
type State string

// The states of an order (design: received → … → delivered; a state may be final for
// the platform while money is still open).
const (
	Received    State = "received"
	Quoted      State = "quoted"
	Dispatching State = "dispatching"
	Assigned    State = "assigned"
	Arrived     State = "arrived"
	PickedUp    State = "picked_up"
	Delivered   State = "delivered"
	Cancelling  State = "cancelling"
	Cancelled   State = "cancelled"
	Failed      State = "failed"
	Returning   State = "returning"
	Returned    State = "returned"
)

// AttemptState is the state of one placement with one carrier.
type AttemptState string

// The states of an attempt.
const (
	Intent            AttemptState = "intent"  // decided and held, the call not yet answered
	Placed            AttemptState = "placed"  // the carrier has it, nobody accepted yet
	Unknown           AttemptState = "unknown" // a placement in doubt
	AttemptRejected   AttemptState = "rejected"
	Accepted          AttemptState = "accepted"
	AttemptArrived    AttemptState = "arrived"
	AttemptPickedUp   AttemptState = "picked_up"
	AttemptDelivered  AttemptState = "delivered"
	AttemptCancelling AttemptState = "cancelling"
	AttemptCancelled  AttemptState = "cancelled"
	AttemptReturning  AttemptState = "returning"
	AttemptReturned   AttemptState = "returned"
)
