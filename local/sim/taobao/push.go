package taobao

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// PushPath is where pushes go, below the push base.
const PushPath = "/upstream/taobao"

// Types of messages.
const (
	typeNew           = 10 // 订单生效
	typeCancelled     = 14 // 接单前取消
	typeInvalid       = 15 // 接单后无效
	typeForcedInvalid = 17 // 强制无效
)

// core are the messages that are kept for whoever missed them.
var core = []int{10, 12, 14, 15, 17, 217, 218}

// Answer is what became of a push.
type Answer string

// The answers.
const (
	Unanswered Answer = ""        // still being tried
	AnswerOK   Answer = "ok"      // {"message":"ok"}, or pulled and confirmed
	Refused    Answer = "refused" // HTTP 200 with another body
	GivenUp    Answer = "gave_up" // no answer after the last try
)

// ErrUnanswered is a push that nobody answered however often it was repeated.
var ErrUnanswered = errors.New("taobao: push not answered")

// Push is one try of a push in the books.
type Push struct {
	At      time.Time `json:"at"` // virtual
	Type    int       `json:"type"`
	Outcome string    `json:"outcome"`
}

// Cancel is a customer's cancel in the books.
type Cancel struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Answer Answer    `json:"answer"`
}

// message is what is pushed, the same on every try but for its time and signature.
type message struct {
	id    string
	kind  int
	body  string // JSON
	order *order
	keep  func(Answer) // enters the end in the order's record, with s.mu held
}

// Cancel lets the customer cancel and pushes that until it is answered. Errors as for
// Order.
func (s *Service) Cancel(ctx context.Context, no, reason string) (accepted bool, err error) {
	answered, err := s.BeginCancel(no, reason)
	if err != nil {
		return false, err
	}
	return answered(ctx)
}

// BeginCancel is Cancel without the waiting. The message has no room for the reason.
func (s *Service) BeginCancel(no, reason string) (world.Answered, error) {
	var err error
	kind := typeCancelled
	s.mu.Lock()
	now := s.options.Clock.Now()
	o, ok := s.orders[no]
	switch {
	case !ok || s.closed:
		err = fmt.Errorf("%w: cancel: no order %q", ErrOrder, no)
	case o.cancelled != nil:
		err = fmt.Errorf("%w: cancel: %s is cancelled already", ErrOrder, no)
	default:
		o.cancelled = &Cancel{At: now, Reason: reason}
		if len(o.told) > 0 {
			kind = typeInvalid
		}
	}
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	body := change{OrderID: no, State: "invalid", ShopID: s.shopIDs[o.shop.Code], UpdateTime: now.Unix(), Role: customer}
	return s.push(o, kind, body, func(a Answer) { o.cancelled.Answer = a }), nil
}

// await waits for the one answer that a channel will hold.
func await(result <-chan Answer) world.Answered {
	return func(ctx context.Context) (bool, error) {
		select {
		case a := <-result:
			if a == GivenUp {
				return false, ErrUnanswered
			}
			return a == AnswerOK, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// push sends one message until it is answered, on a goroutine of its own.
func (s *Service) push(o *order, kind int, body any, keep func(Answer)) world.Answered {
	result := make(chan Answer, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		result <- GivenUp
		return await(result)
	}
	s.message++
	m := &message{id: strconv.FormatInt(200_000_000_000_000_000+s.message, 10), kind: kind, body: string(world.JSON(body)), order: o, keep: keep}
	done := s.options.Clock.Busy("push")
	s.wg.Go(func() {
		a := s.tries(m, done)
		s.mu.Lock()
		keep(a)
		if a == GivenUp && slices.Contains(core, kind) {
			s.missed = append(s.missed, m)
		}
		s.mu.Unlock()
		result <- a
	})
	return await(result)
}

// tries repeats a push with the same content, each time freshly signed. done is the
// token of the first try. A script may lose the push: then nothing is sent at all.
func (s *Service) tries(m *message, done func()) Answer {
	if lost, _ := s.options.Faults.StrikeScripted(s.chance, world.CallbackLost, m.order.no, strconv.Itoa(m.kind)); lost {
		s.enter(m, "lost")
		done()
		return GivenUp
	}
	gap := s.options.Retry.First
	for n := 1; ; n++ {
		answer, outcome := s.request(m)
		s.enter(m, outcome)
		done()
		if answer != Unanswered {
			return answer
		}
		if n >= s.options.Retry.Tries || !world.Wait(s.options.Clock, s.options.Clock.Now().Add(gap), s.quit) {
			return GivenUp
		}
		done = s.options.Clock.Busy("push")
		gap = time.Duration(float64(gap) * s.options.Retry.Growth)
	}
}

// enter puts one try into the books.
func (s *Service) enter(m *message, outcome string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.order.pushes = append(m.order.pushes, Push{s.options.Clock.Now(), m.kind, outcome})
}

// envelope is a message on the wire.
type envelope struct {
	RequestID string      `json:"requestId"`
	Type      int         `json:"type"`
	AppID     json.Number `json:"appId"`
	Message   string      `json:"message"`
	ShopID    int64       `json:"shopId"`
	Timestamp int64       `json:"timestamp"` // ms
	UserID    int64       `json:"userId"`
	Signature string      `json:"signature"`
}

// userID is the account of the merchant; all shops belong to one.
const userID = 98587250597500702

// seal signs a message as of now.
func (s *Service) seal(m *message) envelope {
	e := envelope{
		RequestID: m.id, Type: m.kind, AppID: json.Number(s.creds.AppID), Message: m.body, ShopID: s.shopIDs[m.order.shop.Code],
		Timestamp: s.options.System().UnixMilli(), UserID: userID,
	}
	e.Signature = Sign(map[string]string{
		"requestId": e.RequestID, "type": strconv.Itoa(e.Type), "appId": e.AppID.String(), "message": e.Message,
		"shopId": strconv.FormatInt(e.ShopID, 10), "timestamp": strconv.FormatInt(e.Timestamp, 10), "userId": strconv.FormatInt(e.UserID, 10),
	}, s.creds.Secret)
	return e
}

// request sends a push once. Transport errors and any status but 200 are Unanswered.
func (s *Service) request(m *message) (Answer, string) {
	ctx, cancel := context.WithTimeout(context.Background(), s.options.Retry.Timeout)
	defer cancel()
	status, body, err := world.Post(ctx, s.client, s.options.PushBase+PushPath, "application/json;charset=UTF-8", world.JSON(s.seal(m)))
	switch {
	case err != nil:
		return Unanswered, "error: " + err.Error()
	case status != http.StatusOK:
		return Unanswered, "status " + strconv.Itoa(status)
	}
	var reply struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &reply) == nil && reply.Message == "ok" {
		return AnswerOK, "ok"
	}
	return Refused, "refused: " + string(body[:min(len(body), 200)])
}
