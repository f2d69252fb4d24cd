package meituan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// PushPath is where pushes go, below the push base: order/paid, order/cancel.
const PushPath = "/upstream/meituan/"

// Answer is what became of a push.
type Answer string

// The answers.
const (
	Unanswered Answer = ""        // still being tried
	AnswerOK   Answer = "ok"      // {"data":"ok"}
	Refused    Answer = "refused" // HTTP 200 with another body
	GivenUp    Answer = "gave_up" // no answer after the last try
)

// ErrUnanswered is a push that nobody answered however often it was repeated.
var ErrUnanswered = errors.New("meituan: push not answered")

// Push is one try of a push in the books.
type Push struct {
	At      time.Time `json:"at"` // virtual
	What    string    `json:"what"`
	Outcome string    `json:"outcome"`
}

// Cancel is a customer's cancel in the books.
type Cancel struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Answer Answer    `json:"answer"`
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

// BeginCancel is Cancel without the waiting.
func (s *Service) BeginCancel(no, reason string) (world.Answered, error) {
	var err error
	s.mu.Lock()
	o, ok := s.orders[no]
	switch {
	case !ok || s.closed:
		err = fmt.Errorf("%w: cancel: no order %q", ErrOrder, no)
	case o.cancelled != nil:
		err = fmt.Errorf("%w: cancel: %s is cancelled already", ErrOrder, no)
	default:
		o.cancelled = &Cancel{At: s.options.Clock.Now(), Reason: reason}
	}
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	params := map[string]string{"order_id": no, "reason_code": "1103", "reason": reason, "deal_op_type": "1"}
	return s.push(o, "order/cancel", params, func(a Answer) { o.cancelled.Answer = a }), nil
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

// push sends one content until it is answered, on a goroutine of its own. keep enters
// the end in the order's record, with s.mu held.
func (s *Service) push(o *order, what string, params map[string]string, keep func(Answer)) world.Answered {
	result := make(chan Answer, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		result <- GivenUp
		return await(result)
	}
	done := s.options.Clock.Busy("push")
	s.wg.Go(func() {
		a := s.tries(o, what, params, done)
		s.mu.Lock()
		keep(a)
		s.mu.Unlock()
		result <- a
	})
	return await(result)
}

// tries repeats a push with the same content, each time freshly signed. done is the
// token of the first try.
func (s *Service) tries(o *order, what string, params map[string]string, done func()) Answer {
	gap := s.options.Retry.First
	for n := 1; ; n++ {
		answer, outcome := s.request(what, params)
		s.mu.Lock()
		o.pushes = append(o.pushes, Push{s.options.Clock.Now(), what, outcome})
		s.mu.Unlock()
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

// request sends a push once. Transport errors and any status but 200 are Unanswered.
func (s *Service) request(what string, content map[string]string) (Answer, string) {
	target := s.options.PushBase + PushPath + what
	params := maps.Clone(content)
	params["app_id"] = s.creds.AppID
	params["timestamp"] = strconv.FormatInt(s.options.System().Unix(), 10)
	params["sig"] = Sign(target, params, s.creds.Secret)
	form := url.Values{}
	for k, v := range params {
		form.Set(k, v)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.options.Retry.Timeout)
	defer cancel()
	status, body, err := world.Post(ctx, s.client, target, "application/x-www-form-urlencoded; charset=UTF-8", []byte(form.Encode()))
	switch {
	case err != nil:
		return Unanswered, "error: " + err.Error()
	case status != http.StatusOK:
		return Unanswered, "status " + strconv.Itoa(status)
	}
	var reply struct {
		Data string `json:"data"`
	}
	if json.Unmarshal(body, &reply) == nil && reply.Data == "ok" {
		return AnswerOK, "ok"
	}
	return Refused, "refused: " + string(body[:min(len(body), 200)])
}
