package live

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/tariff"
)

// Books are the rule books that are in force at one moment or later. The zero value has the
// built-in ones only.
type Books struct {
	rows      []store.RuleBook
	penalties map[int]penalty.Book
	tariffs   map[int]tariff.Book
}

// The built-in books, read once: they hold for most orders.
var (
	builtInPenalty = penalty.Default()
	builtInTariff  = tariff.Default()
)

// NewBooks reads the bodies of rule books.
func NewBooks(rows []store.RuleBook) (Books, error) {
	b := Books{rows: rows, penalties: map[int]penalty.Book{}, tariffs: map[int]tariff.Book{}}
	for _, r := range rows {
		var err error
		switch r.Kind {
		case store.BookPenalty:
			b.penalties[r.Version], err = ReadPenalty(r)
		case store.BookTariff:
			b.tariffs[r.Version], err = ReadTariff(r)
		}
		if err != nil {
			return Books{}, err
		}
	}
	return b, nil
}

// ReadPenalty reads a stored version of the penalty rules.
func ReadPenalty(r store.RuleBook) (penalty.Book, error) {
	var b penalty.Book
	if err := json.Unmarshal(r.Body, &b); err != nil {
		return b, fmt.Errorf("penalty rules, version %d: %w", r.Version, err)
	}
	b.Version = r.Version
	return b, nil
}

// ReadTariff reads a stored version of the tariffs.
func ReadTariff(r store.RuleBook) (tariff.Book, error) {
	var b tariff.Book
	if err := json.Unmarshal(r.Body, &b); err != nil {
		return b, fmt.Errorf("tariffs, version %d: %w", r.Version, err)
	}
	b.Version = r.Version
	return b, nil
}

// Penalty is the book of penalty rules in force at a virtual instant. It is shared: do not change it.
func (b Books) Penalty(at time.Time) penalty.Book {
	if r, ok := store.InForce(b.rows, store.BookPenalty, at); ok {
		return b.penalties[r.Version]
	}
	return builtInPenalty
}

// Tariff is the book of tariffs in force at a virtual instant. It is shared: do not change it.
func (b Books) Tariff(at time.Time) tariff.Book {
	if r, ok := store.InForce(b.rows, store.BookTariff, at); ok {
		return b.tariffs[r.Version]
	}
	return builtInTariff
}

// Books are the rule books in force now and those that will be. An order that is decided about
// near a switch takes the one in force at its own instant.
func (l *Live) Books(ctx context.Context) (Books, error) { return l.books.get(ctx) }
