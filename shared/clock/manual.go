package clock

import (
	"sync"
	"time"
)

// Manual is a clock for tests: it stands still until told. It is safe for concurrent use; its zero value stands at the
// zero time.
type Manual struct {
	mu              sync.Mutex
	system, virtual time.Time
}

// NewManual is a clock both of whose times stand at t.
func NewManual(t time.Time) *Manual {
	m := &Manual{}
	m.Set(t)
	return m
}

// System is the system time as last set.
func (m *Manual) System() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.system
}

// Virtual is the virtual time as last set.
func (m *Manual) Virtual() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.virtual
}

// Set puts both times at t.
func (m *Manual) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.system, m.virtual = t.UTC(), t.UTC()
}

// SetVirtual puts virtual time at t and leaves system time alone.
func (m *Manual) SetVirtual(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.virtual = t.UTC()
}

// Advance moves both times on by d.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.system, m.virtual = m.system.Add(d), m.virtual.Add(d)
}
