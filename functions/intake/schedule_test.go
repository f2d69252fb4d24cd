package intake

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/upstream"
)

var now = time.Date(2026, 3, 4, 12, 0, 2, 0, time.UTC)

func scheduled(expected *time.Time) order.Order {
	o := order.Order{Round: 1, Strategy: strategy.Strategy{GiveUpAfter: strategy.Duration(15 * time.Minute), ReleaseLead: strategy.Duration(45 * time.Minute)}}
	schedule(&o, expected, now)
	return o
}

func TestOrderForNowStartsAtOnce(t *testing.T) {
	t.Parallel()
	soon := now.Add(45 * time.Minute) // exactly the lead: there is nothing to wait for
	for _, expected := range []*time.Time{nil, &soon} {
		o := scheduled(expected)
		require.Equal(t, 1, o.Round)
		require.Equal(t, []order.Timer{
			{Kind: order.TimerQuote, Due: now.Add(33 * time.Second), Epoch: 1},
			{Kind: order.TimerGiveUp, Due: now.Add(15*time.Minute + 3*time.Second), Epoch: 1},
		}, o.Timers)
		require.Equal(t, o.Timers[0].Due, o.ActAt, "the sweep finds it even if every message is lost")
		require.Zero(t, o.TimerSent)
	}
}

func TestScheduledOrderWaitsForItsRelease(t *testing.T) {
	t.Parallel()
	expected := now.Add(3 * time.Hour)
	o := scheduled(&expected)
	release := now.Add(2*time.Hour + 15*time.Minute + 3*time.Second)
	require.Zero(t, o.Round)
	require.Equal(t, []order.Timer{{Kind: order.TimerRelease, Due: release, Epoch: 1}}, o.Timers)
	require.Equal(t, release, o.ActAt)
	require.Equal(t, release, o.TimerSent)
}

func TestPlatformOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/upstream/meituan/order/paid": "meituan", "/upstream/taobao": "taobao", "/upstream/v1/orders": "canonical", "/upstream/v1": "canonical", "/upstream/": "",
	} {
		require.Equal(t, want, platformOf(path), path)
	}
}

// The URL is what the caller signed: behind the gateway its scheme comes in a header.
func TestURLOf(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("POST", "http://api.example.com/upstream/v1/orders/a%2Fb/cancel?x=1", nil)
	require.Equal(t, "http://api.example.com/upstream/v1/orders/a%2Fb/cancel", urlOf(r))
	r.Header.Set("X-Forwarded-Proto", "https")
	require.Equal(t, "https://api.example.com/upstream/v1/orders/a%2Fb/cancel", urlOf(r))
	r.Header.Del("X-Forwarded-Proto")
	r.TLS = &tls.ConnectionState{}
	require.Equal(t, "https://api.example.com/upstream/v1/orders/a%2Fb/cancel", urlOf(r))
}

// A wrong year or unit is refused: such an order would be acknowledged and never delivered, and keep every day of orders
// from being dropped.
func TestOrdersForTheFarFutureAreRefused(t *testing.T) {
	t.Parallel()
	s := New(Deps{}, Config{Size: 1, Wait: time.Millisecond, MaxValue: 100, MaxWeight: 100})
	t.Cleanup(s.Close)
	place := order.Stop{Point: geo.Point{Lng: 120.1551, Lat: 30.274}}
	for _, row := range []struct {
		ahead time.Duration
		field string
	}{{-time.Hour, ""}, {30 * 24 * time.Hour, ""}, {30*24*time.Hour + time.Second, "expected_at"}, {70 * 8760 * time.Hour, "expected_at"}} {
		at := now.Add(row.ahead)
		err := s.check(order.Detail{From: place, To: place, ExpectedAt: &at}, now)
		if row.field == "" {
			require.NoError(t, err, row.ahead)
			continue
		}
		require.Equal(t, upstream.BadField, upstream.AsError(err).Reason)
		require.Equal(t, row.field, upstream.AsError(err).Field)
	}
}
