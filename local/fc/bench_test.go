package fc

import (
	"net/http/httptest"
	"testing"
)

func BenchmarkInvoke(b *testing.B) {
	r, err := New(only(eventFunction()))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	body := payload("echo", "")
	for b.Loop() {
		if _, err := r.Invoke(b.Context(), "event", body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPassThrough(b *testing.B) {
	r, err := New(only(webFunction()))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	handler := r.ServeFunction("web")
	for b.Loop() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/echo", nil))
		if w.Code != 202 {
			b.Fatal(w.Code, w.Body)
		}
	}
}
