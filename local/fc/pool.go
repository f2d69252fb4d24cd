package fc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/clock"
)

// Pauses before a function whose instances crash gets another: doubled from first to longest, forgotten after a call that went well.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 10 * time.Second
)

// pool is the instances of one function. Calls take an instance with room, or queue for one in the order of their coming.
type pool struct {
	runtime     *Runtime
	fn          template.Function
	max         int
	invocations atomic.Int64

	mu        sync.Mutex
	instances []*instance // started or starting
	queue     []chan grant
	crashes   int // in a row
	next      int // number of the next instance
	closed    bool
}

// grant is what a queued call gets: an instance with a place taken in it, or why there is none.
type grant struct {
	in  *instance
	err error
}

func newPool(r *Runtime, fn template.Function) *pool {
	return &pool{runtime: r, fn: fn, max: r.maxInstances(fn)}
}

// acquire takes a place in an instance; the caller must release it.
func (p *pool) acquire(ctx context.Context) (*instance, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if in := p.withRoom(); in != nil {
		in.enter()
		p.mu.Unlock()
		return in, nil
	}
	ch := make(chan grant, 1)
	p.queue = append(p.queue, ch)
	p.grow()
	p.mu.Unlock()

	select {
	case g := <-ch:
		return g.in, g.err
	case <-ctx.Done():
		p.leave(ch)
		return nil, ctx.Err()
	}
}

// leave takes a caller who gave up out of the queue, and gives back what it may just have been granted.
func (p *pool) leave(ch chan grant) {
	p.mu.Lock()
	at := slices.Index(p.queue, ch)
	if at >= 0 {
		p.queue = slices.Delete(p.queue, at, at+1)
	}
	p.mu.Unlock()
	if at >= 0 {
		return
	}
	if g := <-ch; g.in != nil {
		p.release(g.in)
	}
}

// withRoom is the ready instance with the fewest calls that can take one more. The lock is held.
func (p *pool) withRoom() *instance {
	var best *instance
	for _, in := range p.instances {
		if in.ready && in.drained == nil && !in.process.ended() && in.inFlight < p.fn.Concurrency && (best == nil || in.inFlight < best.inFlight) {
			best = in
		}
	}
	return best
}

// grow starts an instance when those that are starting will not have room for the whole queue. The lock is held.
func (p *pool) grow() {
	starting, live := 0, 0
	for _, in := range p.instances {
		if !in.ready {
			starting++
		}
		if in.drained == nil {
			live++
		}
	}
	if p.closed || live >= p.max || starting*p.fn.Concurrency >= len(p.queue) {
		return
	}
	p.next++
	in := &instance{pool: p, id: fmt.Sprintf("%s-%d", p.fn.Name, p.next)}
	p.instances = append(p.instances, in)
	pause := p.pause()
	p.runtime.work.Go(func() { p.start(in, pause) })
}

func (p *pool) pause() time.Duration {
	if p.crashes == 0 {
		return 0
	}
	return min(firstPause<<min(p.crashes-1, 10), longestPause)
}

// start brings an instance up, then hands out its room. When it fails and nothing else lives, everybody in the queue hears why.
func (p *pool) start(in *instance, pause time.Duration) {
	err := clock.System.Sleep(p.runtime.life, pause)
	if err == nil {
		err = in.start(p.runtime.life)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
	case p.closed:
		err = ErrClosed
		in.process.kill()
	case in.process.ended():
		err = fmt.Errorf("%s ended as soon as it was ready: %s", in.id, in.process.how())
	}
	if err != nil {
		p.remove(in)
		p.crashes++
		if len(p.instances) == 0 {
			p.failQueue(fmt.Errorf("start an instance: %w", err))
		}
		return
	}
	in.ready = true
	p.handOut()
	p.settle(in)
}

// handOut gives free room to the queue. The lock is held.
func (p *pool) handOut() {
	for len(p.queue) > 0 {
		in := p.withRoom()
		if in == nil {
			p.grow()
			return
		}
		in.enter()
		p.queue[0] <- grant{in: in}
		p.queue = p.queue[1:]
	}
}

func (p *pool) failQueue(err error) {
	for _, ch := range p.queue {
		ch <- grant{err: err}
	}
	p.queue = nil
}

// release gives a place back.
func (p *pool) release(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	in.inFlight--
	p.drain(in)
	p.handOut()
	p.settle(in)
}

// settle freezes an instance that has nothing to do. The lock is held.
func (p *pool) settle(in *instance) {
	if p.runtime.opts.Freeze && in.inFlight == 0 && in.ready && !in.stopping {
		in.process.freeze()
	}
}

// gone is told when an instance's process has ended, whatever ended it.
func (p *pool) gone(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !in.ready {
		return // start reports it
	}
	in.ready = false
	if !p.remove(in) {
		return
	}
	if !in.killed.Load() {
		p.crashes++
	}
	p.handOut() // the queue may want another
}

// worked is told after a call that went well.
func (p *pool) worked() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crashes = 0
}

func (p *pool) remove(in *instance) bool {
	at := slices.Index(p.instances, in)
	if at < 0 {
		return false
	}
	p.instances = slices.Delete(p.instances, at, at+1)
	return true
}

func (p *pool) byPID(pid int) *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, in := range p.instances {
		if in.ready && in.process.pid == pid {
			return in
		}
	}
	return nil
}

func (p *pool) infos() []InstanceInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []InstanceInfo
	for _, in := range p.instances {
		info := InstanceInfo{Function: p.fn.Name, ID: in.id, State: "starting", InFlight: in.inFlight, Invocations: in.invocations.Load()}
		if in.ready {
			info.PID, info.State = in.process.pid, in.process.state(in.inFlight)
		}
		all = append(all, info)
	}
	return all
}

// close refuses further calls and ends every instance.
func (p *pool) close() error {
	p.mu.Lock()
	p.closed = true
	p.failQueue(ErrClosed)
	var live []*instance
	for _, in := range p.instances {
		if in.ready {
			in.stopping = true
			live = append(live, in)
		}
	}
	p.mu.Unlock()
	errs := make([]error, len(live))
	var all sync.WaitGroup
	for i, in := range live {
		all.Go(func() { errs[i] = in.stop() })
	}
	all.Wait()
	return errors.Join(errs...)
}
