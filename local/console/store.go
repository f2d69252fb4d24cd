package console

import (
	"context"
	"time"

	"github.com/chuandao/qianfan/shared/store"
)

// Store is what the console asks of the database.
type Store interface {
	statementStore
	StatusCounts(ctx context.Context) (store.StatusCounts, error)
	Orders(ctx context.Context, f store.OrderFilter) ([]store.OrderRow, error)
	OrderByID(ctx context.Context, id int64) (store.OrderView, bool, error)
	Commands(ctx context.Context, commands []store.NewCommand, now time.Time) ([]store.CommandStored, error)
	Balances(ctx context.Context) ([]store.Balance, error)
	Entries(ctx context.Context, order int64, limit int) ([]store.EntryRow, error)
	LedgerTotals(ctx context.Context) (store.LedgerTotals, error)
	ReportRates(ctx context.Context) ([]store.ReportRate, error)
	DeadLetters(ctx context.Context, limit int) ([]store.DeadLetter, error)
	MarkDeadLetters(ctx context.Context, ids []int64, state string) (int, error)
	RuleBooks(ctx context.Context, from time.Time) ([]store.RuleBook, error)
	Shops(ctx context.Context, keys []store.ShopKey) ([]store.Shop, error)
	ParkedEvents(ctx context.Context, limit int) ([]store.ParkedEvent, error)
}
