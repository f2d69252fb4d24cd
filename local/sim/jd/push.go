package jd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// PushPath is where messages go, below the push base, followed by their name.
const PushPath = "/upstream/jd/djsw/"

// layout is how the platform writes an instant, in Shanghai's time.
const layout = "2006-01-02 15:04:05"

// Answer is what became of a push.
type Answer string

// The answers.
const (
	Unanswered Answer = ""        // still being tried: no answer, or -10000
	AnswerOK   Answer = "ok"      // {"code":"0"}
	Refused    Answer = "refused" // {"code":"-1"}, or any other code
	GivenUp    Answer = "gave_up" // no answer after the last try
)

// sendAgain is the code by which a receiver asks for another try.
const sendAgain = "-10000"

// ErrUnanswered is a push that nobody answered however often it was repeated.
var ErrUnanswered = errors.New("jd: push not answered")

// Push is one try of a push in the books.
type Push struct {
	At      time.Time `json:"at"` // virtual
	What    string    `json:"what"`
	Outcome string    `json:"outcome"`
}

// Cancel is a customer's cancel in the books.
type Cancel struct {
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"` // applyCancelOrder: a wish; userCancelOrder: done
	Answer  Answer    `json:"answer"`  // to the push
	Agreed  *bool     `json:"agreed"`  // what was answered to the wish; nil: nothing yet
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

// BeginCancel is Cancel without the waiting. Before the order has been accepted it is
// cancelled there and then (userCancelOrder); afterwards the customer can only ask for it
// (applyCancelOrder), and the report-back answers.
func (s *Service) BeginCancel(no, reason string) (world.Answered, error) {
	s.mu.Lock()
	o, ok := s.orders[no]
	var err error
	switch {
	case !ok || s.closed:
		err = fmt.Errorf("%w: cancel: no order %q", ErrOrder, no)
	case o.cancelled != nil:
		err = fmt.Errorf("%w: cancel: %s is cancelled already", ErrOrder, no)
	case o.status.Final():
		err = fmt.Errorf("%w: cancel: %s is at its end", ErrOrder, no)
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	o.cancelled = &Cancel{At: s.options.Clock.Now(), Reason: reason, Message: "applyCancelOrder"}
	if o.answer != AnswerOK {
		o.cancelled.Message, o.status = "userCancelOrder", Cancelled
	}
	message, status := o.cancelled.Message, o.status
	s.mu.Unlock()
	return s.push(o, message, status, reason, func(a Answer) { o.cancelled.Answer = a }), nil
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

// message is the body of every push: thin, it only names the order.
type message struct {
	BillID    string `json:"billId"`
	StatusID  string `json:"statusId"`
	Timestamp string `json:"timestamp"`
	Remark    string `json:"remark,omitempty"`
}

// push sends one message until it is answered, on a goroutine of its own. keep enters the
// end in the order's record, with s.mu held.
func (s *Service) push(o *order, name string, status Status, remark string, keep func(Answer)) world.Answered {
	result := make(chan Answer, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		result <- GivenUp
		return await(result)
	}
	body := world.JSON(message{o.no, strconv.Itoa(int(status)), s.options.Clock.Now().In(world.Shanghai).Format(layout), remark})
	done := s.options.Clock.Busy("push")
	s.wg.Go(func() {
		a := s.tries(o, name, string(body), done)
		s.mu.Lock()
		keep(a)
		s.mu.Unlock()
		result <- a
	})
	return await(result)
}

// tries repeats a message with the same content, each time freshly signed. done is the
// token of the first try.
func (s *Service) tries(o *order, name, body string, done func()) Answer {
	retry, began := s.options.Retry, s.options.Clock.Now()
	for gap := retry.First; ; gap = min(retry.Most, time.Duration(float64(gap)*retry.Growth)) {
		answer, outcome := s.request(name, body)
		now := s.options.Clock.Now()
		s.mu.Lock()
		o.pushes = append(o.pushes, Push{now, name, outcome})
		s.mu.Unlock()
		done()
		if answer != Unanswered {
			return answer
		}
		if now.Add(gap).Sub(began) > retry.For || !world.Wait(s.options.Clock, now.Add(gap), s.quit) {
			return GivenUp
		}
		done = s.options.Clock.Busy("push")
	}
}

// request sends a message once. Transport errors, any status but 200 and -10000 are
// Unanswered.
func (s *Service) request(name, body string) (Answer, string) {
	params := map[string]string{
		"token": s.creds.Token, "app_key": s.creds.AppKey, "format": "json", "v": "1.0",
		"timestamp": s.options.System().In(world.Shanghai).Format(layout), "jd_param_json": body,
	}
	form := url.Values{"sign": {Sign(params, s.creds.Secret)}}
	for k, v := range params {
		form.Set(k, v)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.options.Retry.Timeout)
	defer cancel()
	status, answer, err := world.Post(ctx, s.client, s.options.PushBase+PushPath+name, "application/x-www-form-urlencoded; charset=UTF-8", []byte(form.Encode()))
	switch {
	case err != nil:
		return Unanswered, "error: " + err.Error()
	case status != http.StatusOK:
		return Unanswered, "status " + strconv.Itoa(status)
	}
	var reply struct {
		Code world.Text `json:"code"`
	}
	switch err := json.Unmarshal(answer, &reply); {
	case err == nil && reply.Code == "0":
		return AnswerOK, "ok"
	case err == nil && reply.Code == sendAgain:
		return Unanswered, "send again"
	}
	return Refused, "refused: " + string(answer[:min(len(answer), 200)])
}
