package fc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Errors of the platform.
var (
	ErrNoFunction      = errors.New("no such function")
	ErrPayloadTooLarge = errors.New("payload is larger than 32 MB")
	ErrClosed          = errors.New("runtime is closed")
)

// Types of a FunctionError that the platform itself gives.
const (
	TypeTimeout = "FunctionTimedOut"
	TypeExited  = "ProcessExited"
	TypeFailed  = "HandledByStatus" // a custom runtime answered with x-fc-status 404
)

// FunctionError is a call that reached a function and failed there.
type FunctionError struct {
	Function  string
	RequestID string
	Type      string // the Go type of the handler's error, or one of the constants above
	Message   string
	Stack     json.RawMessage // after a panic on go1: the runtime's own frames
}

func (e *FunctionError) Error() string {
	return fmt.Sprintf("function %s: request %s: %s: %s", e.Function, e.RequestID, e.Type, e.Message)
}

// platformError answers an HTTP request in the platform's own name.
func platformError(w http.ResponseWriter, status int, requestID, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Fc-Request-Id", requestID)
	w.Header().Set("X-Fc-Error-Type", code)
	w.WriteHeader(status)
	body, _ := json.Marshal(map[string]string{"RequestId": requestID, "Code": code, "Message": message}) // three strings always marshal
	_, _ = w.Write(body)                                                                                 // the caller may be gone
}
