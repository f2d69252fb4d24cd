package worldtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Letter is one request that an Inbox took.
type Letter struct {
	Path string
	Type string // Content-Type
	Body []byte
}

// Inbox is an HTTP server that keeps what it is sent.
type Inbox struct {
	URL string

	mu      sync.Mutex
	letters []Letter
	answer  func(Letter, int) (status int, body string)
}

// NewInbox serves until the test ends. answer is given each letter and how many came
// before it.
func NewInbox(t testing.TB, answer func(l Letter, before int) (status int, body string)) *Inbox {
	in := &Inbox{answer: answer}
	server := httptest.NewServer(in)
	t.Cleanup(server.Close)
	in.URL = server.URL
	return in
}

// Always answers every letter alike.
func Always(status int, body string) func(Letter, int) (int, string) {
	return func(Letter, int) (int, string) { return status, body }
}

// ServeHTTP takes a letter.
func (in *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l := Letter{Path: r.URL.Path, Type: r.Header.Get("Content-Type"), Body: body}
	in.mu.Lock()
	status, answer := in.answer(l, len(in.letters))
	in.letters = append(in.letters, l)
	in.mu.Unlock()
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

// Letters are all letters so far.
func (in *Inbox) Letters() []Letter {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.letters)
}
