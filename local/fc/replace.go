package fc

import "errors"

// Replace retires every instance of a function, as a deployment does: it finishes the calls it has and takes no others. The next
// call starts an instance of what Options.CodeDir says by then. It returns when no retired instance is left.
func (r *Runtime) Replace(function string) error {
	p, err := r.pool(function)
	if err != nil {
		return err
	}
	done, err := r.begin()
	if err != nil {
		return err
	}
	defer done()
	var errs []error
	for _, in := range p.retire() {
		<-in.drained
		errs = append(errs, in.stop())
	}
	return errors.Join(errs...)
}

// retire marks the instances that live now. One that still starts is left alone: it may have the new code already, and if not it
// is as good as one that started a moment earlier.
func (p *pool) retire() []*instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	var retired []*instance
	for _, in := range p.instances {
		if !in.ready || in.drained != nil {
			continue
		}
		in.drained = make(chan struct{})
		retired = append(retired, in)
		p.drain(in)
	}
	return retired
}

// drain tells that a retired instance has no calls left. The lock is held.
func (p *pool) drain(in *instance) {
	if in.drained == nil || in.inFlight > 0 || in.stopping {
		return
	}
	in.stopping = true
	close(in.drained)
}
