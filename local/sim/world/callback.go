package world

// Callback is one message about an order to its client.
type Callback struct {
	URL         string // empty: the client wants none
	ContentType string
	Body        func() []byte // made anew for each try: envelopes carry the time of sending
}

// callBack tells the client of an order's present state.
func (f *Fleet) callBack(j *job) {
	if j.State == Waiting && !f.profile.TellWaiting {
		return
	}
	f.callBackOf(j, j.Job)
}

// callBackOf tells the client what seen says of an order.
func (f *Fleet) callBackOf(j *job, seen Job) {
	c := f.tell(seen)
	if c.URL == "" {
		return
	}
	j.notices++
	state := string(seen.State)
	fate := f.post.send(letter{
		Callback: c, order: j.key(), detail: state, n: j.notices, last: seen.State.Final(),
		told: func(ok bool) { f.told(j, state, ok) },
	})
	if fate != "" {
		f.note(j, "callback", state+" "+fate, 0)
	}
}

// told enters the outcome of one delivery in the books.
func (f *Fleet) told(j *job, state string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !ok {
		f.note(j, "callback", state+" not acknowledged", 0)
		return
	}
	j.delivered++
	f.totals.Callbacks++
	f.note(j, "callback", state+" acknowledged", 0)
}
