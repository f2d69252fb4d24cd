package main

import "github.com/chuandao/qianfan/shared/order"

var timerKinds = map[string]string{
	order.TimerRelease: "a scheduled order starts its first quote round",
	order.TimerQuote:   "a quote round is overdue and asked for again, or the next one may start",
	order.TimerGiveUp:  "nobody took the order in the strategy's time: it strives to be failed",
	order.TimerAccept:  "the carrier's riders had their time: query, then cancel and try the next carrier",
	order.TimerWatch:   "nothing was heard of a live attempt: query, whatever callbacks were lost",
	order.TimerRetry:   "a call that had to wait, after a failure or a doubt, may be made",
	order.TimerConfirm: "goods on their way back had their time: confirm the return, where the carrier has such a call",
	order.TimerWiden:   "nobody accepted in the race: more carriers join",
	order.TimerTip:     "nobody accepted: the tip (小费) rises by a step, where the strategy gives tips",
	order.TimerPickup:  "the rider had time to fetch the goods: query; one who is not at the shop is taken off (where the strategy wants that, while it is still free), one who waits there has a slow merchant",
	order.TimerDeliver: "the rider had time to bring the goods: query, then ask a person",
	order.TimerFigure:  "a rule priced the end of an attempt and the carrier did not say what it kept: query again, twice at most, then the rule's figure stands as an estimate",
}

var orderEvents = map[order.Event]string{
	order.OnQuoted:     "a quote round brought a price",
	order.OnDispatch:   "an attempt may be started",
	order.OnAssigned:   "a rider accepted, or another rider took over",
	order.OnArrived:    "the rider is at the shop",
	order.OnPickedUp:   "the rider has the goods",
	order.OnDelivered:  "the customer has them; income is booked, a goal is dropped",
	order.OnRedispatch: "the winning attempt ended or lost its rider (改派)",
	order.OnCancelling: "a goal is pursued while attempts are still live",
	order.OnCancelled:  "the platform's cancel took hold; its 违约金 is booked",
	order.OnFailed:     "nobody would carry it",
	order.OnReturning:  "the goods are on their way back to the shop",
	order.OnReturned:   "the goods are back",
}

var attemptEvents = map[order.AttemptEvent]string{
	order.AtPlaced:        "the carrier confirmed it, or shows it waiting",
	order.AtRefused:       "a decided refusal, or proof that nothing was sent",
	order.AtDoubt:         "nobody knows whether the placement happened",
	order.AtNeverPlaced:   "the quarantine is over and the carrier never had it",
	order.AtReassigning:   "改派 by the carrier: back to waiting",
	order.AtAccepted:      "a rider accepted, or another rider did",
	order.AtArrived:       "the rider is at the shop",
	order.AtPickedUp:      "the rider has the goods",
	order.AtDelivered:     "the customer has them",
	order.AtCancelWanted:  "we decided to withdraw it",
	order.AtCancelRefused: "the carrier keeps it, or our reason is gone before the carrier was told",
	order.AtCancelled:     "the carrier says that it is over",
	order.AtReturning:     "the goods are on their way back",
	order.AtReturned:      "the goods are back",
}
