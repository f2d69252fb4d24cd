package store

import (
	"context"
	"time"
)

// DeadLetter is a batch that a stage could not take.
type DeadLetter struct {
	ID    int64     `json:"id"`
	Key   string    `json:"key"`
	Topic string    `json:"topic"`
	Body  string    `json:"body"`
	Tries int       `json:"tries"`
	State string    `json:"state"` // redriven, waiting, done
	At    time.Time `json:"at"`    // virtual
}

// SaveDeadLetters keeps dead letters, their bodies sealed: what a carrier said names its
// rider. A repeat of a key is kept once. ID and At are the store's.
func (s *Store) SaveDeadLetters(ctx context.Context, letters []DeadLetter, now time.Time) error {
	rows := make([][]any, len(letters))
	for i, l := range letters {
		sealed, err := s.sealer.Seal([]byte(l.Body))
		if err != nil {
			return err
		}
		rows[i] = []any{clip(l.Key, 96), clip(l.Topic, 64), sealed, now.UnixMilli(), l.Tries, clip(l.State, 16)}
	}
	keep := insert{table: "dead_letter", cols: []string{"msg_key", "topic", "body", "at", "tries", "state"}, keep: true}
	return again(ctx, "save dead letters", func() error { return keep.exec(ctx, s.db, rows) })
}
