package world

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// letter is a callback on its way.
type letter struct {
	Callback
	order  string // letters of one order leave one after the other
	detail string // the state it tells, for directed faults
	n      int    // which letter of the order it is
	last   bool   // no letter follows: it cannot be held back until after the next one
	told   func(ok bool)
	tries  int
}

type postmanOptions struct {
	chance    Chance
	clock     Clock
	faults    *Faults
	client    *http.Client
	received  func(status int, body []byte) bool
	tries     int
	gap, hold time.Duration
}

// postman delivers callbacks over HTTP, and loses, doubles and mixes up some of them.
// Each order has a queue with one goroutine while it is not empty; a letter that is
// not acknowledged comes back into the queue after the gap, so it delays no other.
type postman struct {
	postmanOptions
	slots chan struct{} // bounds the requests under way
	wg    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	paused chan struct{} // closed when letters may leave again; nil = they may
	queues map[string][]post
	held   map[string]letter
	timers map[*timer]struct{}
}

// post is a letter in a queue with the token that keeps virtual time from running on.
type post struct {
	letter
	done func()
}

type timer struct{ stop func() }

// callbackTimeout is how long the simulated carriers wait for an answer.
const callbackTimeout = 5 * time.Second

func newPostman(o postmanOptions) *postman {
	if o.client == nil {
		o.client = NewClient()
	}
	return &postman{
		postmanOptions: o,
		slots:          make(chan struct{}, 64),
		queues:         map[string][]post{},
		held:           map[string]letter{},
		timers:         map[*timer]struct{}{},
	}
}

// NewClient is an HTTP client for talking to one receiver a lot.
func NewClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}}
}

// send puts a letter on its way and returns what fate has done to it: "" usually.
func (p *postman) send(l letter) (fate string) {
	lost, _ := p.faults.Strike(p.chance, CallbackLost, l.order, l.detail, l.n)
	if lost {
		p.releaseHeld(l.order, l.n)
		return "lost"
	}
	doubled, _ := p.faults.Strike(p.chance, CallbackDoubled, l.order, l.detail, l.n)
	late := false
	if !doubled && !l.last {
		late, _ = p.faults.Strike(p.chance, CallbackReordered, l.order, l.detail, l.n)
	}
	switch {
	case late && p.hold(l):
		return "held back"
	case doubled:
		p.enqueue(l)
		fate = "doubled"
	}
	p.enqueue(l)
	p.releaseHeld(l.order, l.n)
	return fate
}

// hold keeps a letter until the next one of its order, or until the limit. It refuses
// when one is held already: two would only swap places.
func (p *postman) hold(l letter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, taken := p.held[l.order]; taken || p.closed {
		return false
	}
	p.held[l.order] = l
	p.after(p.postmanOptions.hold, func() { p.releaseHeld(l.order, l.n+1) })
	return true
}

// releaseHeld sends the letter that an order holds back, if it is older than the n-th.
func (p *postman) releaseHeld(order string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l, ok := p.held[order]; ok && l.n < n {
		delete(p.held, order)
		p.push(l)
	}
}

func (p *postman) enqueue(l letter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.push(l)
}

// push appends to an order's queue and starts its goroutine if it has none.
func (p *postman) push(l letter) {
	if p.closed {
		return
	}
	q, running := p.queues[l.order]
	p.queues[l.order] = append(q, post{l, p.clock.Busy("callback")})
	if !running {
		p.wg.Go(func() { p.drain(l.order) })
	}
}

func (p *postman) drain(order string) {
	for {
		p.mu.Lock()
		q := p.queues[order]
		if len(q) == 0 {
			delete(p.queues, order)
			p.mu.Unlock()
			return
		}
		next := q[0]
		p.queues[order] = q[1:]
		p.mu.Unlock()
		p.leave()
		p.slots <- struct{}{}
		p.deliver(next)
		<-p.slots
	}
}

// pause keeps letters from leaving until they are let go.
func (p *postman) pause() (letGo func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	gate := make(chan struct{})
	p.paused = gate
	return func() { close(gate) }
}

// leave waits while letters may not leave.
func (p *postman) leave() {
	p.mu.Lock()
	gate := p.paused
	p.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

func (p *postman) deliver(x post) {
	defer x.done()
	l := x.letter
	l.tries++
	ok := p.request(l.Callback)
	l.told(ok)
	if ok || l.tries >= p.tries {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after(p.gap, func() { p.enqueue(l) })
}

func (p *postman) request(c Callback) bool {
	ctx, cancel := context.WithTimeout(context.Background(), callbackTimeout)
	defer cancel()
	status, body, err := Post(ctx, p.client, c.URL, c.ContentType, c.Body())
	return err == nil && p.received(status, body)
}

// Post sends one request and returns the status and at most 64 KB of the answer.
func Post(ctx context.Context, client *http.Client, url, contentType string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if cerr := resp.Body.Close(); err == nil {
		err = cerr
	}
	return resp.StatusCode, answer, err
}

// after runs f in virtual time unless the postman closes first. p.mu is held.
func (p *postman) after(d time.Duration, f func()) {
	if p.closed {
		return
	}
	t := &timer{}
	p.timers[t] = struct{}{}
	t.stop = p.clock.AfterFunc(p.clock.Now().Add(d), func() {
		p.mu.Lock()
		delete(p.timers, t)
		p.mu.Unlock()
		f()
	})
}

// close gives up what is held or waiting for another try and waits for the rest.
func (p *postman) close() {
	p.mu.Lock()
	p.closed = true
	for t := range p.timers {
		t.stop()
	}
	p.mu.Unlock()
	p.wg.Wait()
	p.client.CloseIdleConnections()
}
