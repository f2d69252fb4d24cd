package function

import (
	"net/http"
	"sync/atomic"
)

// LateHandler is an http.Handler that is known only once the function is built. Until then
// it answers 503.
type LateHandler struct{ handler atomic.Pointer[http.Handler] }

// Set makes h the handler.
func (l *LateHandler) Set(h http.Handler) { l.handler.Store(&h) }

// ServeHTTP serves by the handler that was set.
func (l *LateHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := l.handler.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	http.Error(w, "not initialised", http.StatusServiceUnavailable)
}
