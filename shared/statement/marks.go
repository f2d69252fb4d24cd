package statement

import "time"

// Marks bound what has stood on a platform's statements so far: entries that happened before
// Until and have an id of ToID or less. Neither ever goes back.
type Marks struct {
	Until time.Time
	ToID  int64
}

// Have reports whether an entry stands on a statement with these marks or on one before it.
func (m Marks) Have(id int64, at time.Time) bool { return id <= m.ToID && at.Before(m.Until) }

// Marks are those of the statement.
func (s Statement) Marks() Marks { return Marks{s.Until, s.ToID} }
