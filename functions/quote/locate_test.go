package quote

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
)

// watcher is a carrier that tells where riders are, by the carrier's number.
type watcher struct {
	carrier.Adapter
	at map[string]*geo.Point

	mu    sync.Mutex
	asked []carrier.Ref
}

func (w *watcher) Facts() carrier.Facts { return carrier.Facts{Account: "main"} }

func (w *watcher) Locate(_ context.Context, ref carrier.Ref) (carrier.Location, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, ref)
	p, known := w.at[ref.CarrierNo]
	if !known {
		return carrier.Location{}, errors.New("the carrier is away")
	}
	return carrier.Location{Position: p}, nil
}

// A question for a place is no quote round: it is asked of a live attempt's carrier, noted for
// all, and whatever goes wrong fails nobody's batch.
func TestLocate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	dsn := sqltest.Database(t)
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	rows, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rows.Close()) })
	for id, state := range map[int64]string{7: "accepted", 8: "delivered", 9: "accepted", 10: "accepted"} {
		_, err := rows.ExecContext(t.Context(), `INSERT INTO attempt (order_id, n, carrier, account, carrier_no, state, under, cause, token, price_fen, shard, held_fen, booked_fen, penalty_fen, want,
 call_kind, call_seq, call_owner, call_until, call_doubt, call_seen, tries, refusals, not_found, changed, confirmed, resolved)
 VALUES (?, 1, 'courier', 'main', CONCAT('c-', ?), ?, '', '', '', 0, 0, 0, 0, 0, '{}', '', 0, '', 0, '', 0, 0, 0, 0, 1, TRUE, FALSE)`, id, id, state)
		require.NoError(t, err)
	}
	redis := cache.New(cache.Options{Addr: miniredis.RunT(t).Addr(), Timeout: 5 * time.Second})
	t.Cleanup(func() { require.NoError(t, redis.Close()) })
	w := &watcher{at: map[string]*geo.Point{"c-7": {Lng: 120.15, Lat: 30.27}, "c-9": nil}}
	s := &Stage{Store: db, Carriers: map[string]carrier.Adapter{"courier": w}, Clock: clock.NewManual(now), Positions: position.New(redis)}
	where := func(id int64) stage.Input {
		return stage.Input{Topic: message.QuoteWanted, Item: message.Item{Order: id, N: 1, Command: message.Locate}}
	}
	round := stage.Input{Topic: message.QuoteWanted, Item: message.Item{Order: 7, Round: 2}}
	rounds, locates := takeLocates([]stage.Input{where(7), round, where(8), where(9), where(10), where(11)})
	require.Equal(t, []stage.Input{round}, rounds)
	require.Len(t, locates, 5)

	s.locate(t.Context(), locates)
	require.ElementsMatch(t, []carrier.Ref{{OurNo: "7001", CarrierNo: "c-7"}, {OurNo: "9001", CarrierNo: "c-9"}, {OurNo: "10001", CarrierNo: "c-10"}}, w.asked)
	seen, ok, err := s.Positions.Last(t.Context(), position.Key{Carrier: "courier", OurNo: "7001"})
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, position.Seen{Point: geo.Point{Lng: 120.15, Lat: 30.27}, At: now}, seen, "no time of the carrier's: that of the news")
	_, ok, err = s.Positions.Last(t.Context(), position.Key{Carrier: "courier", OurNo: "9001"})
	require.NoError(t, err)
	require.False(t, ok)

	(&Stage{Store: db}).locate(t.Context(), locates)
	require.NoError(t, db.Close())
	s.locate(t.Context(), locates)
	require.Len(t, w.asked, 3, "a store that is away costs the question only")
}
