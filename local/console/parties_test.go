package console

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/world"
)

func TestACustomerOrders(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	const path = "/api/platforms/meituan/orders"
	for _, body := range []string{"", "{}"} {
		status, answer := r.do(t, http.MethodPost, path, body)
		require.Equal(t, http.StatusCreated, status, answer)
		require.Equal(t, true, object(t, answer)["accepted"])
	}
	status, answer := r.do(t, http.MethodPost, path, `{"shop":"qf-shop-0001","lng":120.15,"lat":30.27,"value_fen":2580,"expected_at":"2026-11-23T18:30:00+08:00"}`)
	require.Equal(t, http.StatusCreated, status, answer)
	require.JSONEq(t, `{"no":"mt-3","accepted":true}`, answer)
	asked := r.platform.requests[2]
	at := time.Date(2026, 11, 23, 10, 30, 0, 0, time.UTC)
	require.True(t, asked.Expected.Equal(at))
	asked.Expected = nil
	require.Equal(t, world.OrderRequest{Shop: "qf-shop-0001", Dropoff: &world.Point{Lng: 120.15, Lat: 30.27}, Value: 2580}, asked)
	require.Empty(t, r.clock.Status().Busy, "virtual time is let go")

	r.platform.accepted = false
	_, answer = r.do(t, http.MethodPost, path, "")
	require.Equal(t, false, object(t, answer)["accepted"])
	r.platform.silent = true
	status, answer = r.do(t, http.MethodPost, path, "")
	require.Equal(t, http.StatusCreated, status, "the order is there, though its push is not answered")
	require.Nil(t, object(t, answer)["accepted"])
}

func TestABadOrderIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	const path = "/api/platforms/meituan/orders"
	for _, body := range []string{`{"lng":120}`, `{"lat":30}`, `{"value_fen":1.5}`, `{"value_fen":-1}`, `{"expected_at":"soon"}`, `{"sh0p":"x"}`} {
		r.refuses(t, http.StatusBadRequest, http.MethodPost, path, body)
	}
	r.refuses(t, http.StatusNotFound, http.MethodPost, "/api/platforms/jd/orders", "{}")
	require.Empty(t, r.platform.requests)
	r.platform.err = errors.New(`no shop "x"`)
	what, _ := r.refuses(t, http.StatusBadRequest, http.MethodPost, path, `{"shop":"x"}`)
	require.Contains(t, what, "no shop")
	require.Empty(t, r.clock.Status().Busy, "virtual time is let go")
}

func TestACustomerCancels(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.store.put(1001, "27954")
	const path = "/api/platforms/meituan/orders/27954/cancel"
	for _, body := range []string{"", `{"reason":"迟到"}`} {
		status, answer := r.do(t, http.MethodPost, path, body)
		require.Equal(t, http.StatusOK, status, answer)
		require.JSONEq(t, `{"no":"27954","accepted":true}`, answer)
	}
	require.Equal(t, []string{"不想要了", "迟到"}, r.platform.reasons)
	r.platform.err = errors.New("cancelled already")
	r.refuses(t, http.StatusConflict, http.MethodPost, path, "")
	r.refuses(t, http.StatusNotFound, http.MethodPost, "/api/platforms/meituan/orders/27955/cancel", "")
}

func TestBooksRidersAndCities(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	_, body := r.do(t, http.MethodGet, "/api/carriers/uupt/books", "")
	require.Contains(t, body, `"balance_fen":99000`)
	require.Contains(t, body, `"charged_fen":1000`)
	_, body = r.do(t, http.MethodGet, "/api/riders", "")
	require.JSONEq(t, `{"riders":[{"carrier":"uupt","client_no":"1","state":"","lng":120.3,"lat":30.4},{"carrier":"uupt","client_no":"2","state":"","lng":120.1,"lat":30.2}]}`, body)
	cities, ok := r.get(t, "/api/cities")["cities"].([]any)
	require.True(t, ok)
	require.Len(t, cities, 2)
	require.Len(t, cities[0].(map[string]any)["shops"], 2, "of 杭州市")
}
