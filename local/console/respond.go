package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/chuandao/qianfan/shared/operate"
)

// maxBody bounds what a request may send.
const maxBody = 64 << 10

// Problem is an error as the API answers it.
type Problem struct {
	Status   int              `json:"-"`
	What     string           `json:"error"`
	Hint     string           `json:"hint"`
	Mistakes operate.Mistakes `json:"mistakes,omitempty"` // one by one, of what was sent
}

func (p *Problem) Error() string { return p.What }

func bad(status int, hint, format string, args ...any) *Problem {
	return &Problem{Status: status, What: fmt.Sprintf(format, args...), Hint: hint}
}

// absent is the answer about a part that this system runs without.
func absent(what string) *Problem {
	return bad(http.StatusNotImplemented, "this emulator runs without it", "%s is not available here", what)
}

// created is a value to be answered with 201.
type created struct{ value any }

// accepted is a value to be answered with 202: it is stored, and what comes of it is read later.
type accepted struct{ value any }

// file is a value to be answered as it is, under a name.
type file struct {
	name, contentType string
	body              []byte
}

// handler answers with a JSON value, or with an error: a *Problem, or any other for 500.
type handler func(r *http.Request) (any, error)

func (h handler) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	v, err := h(r)
	if err != nil {
		fail(answer, err)
		return
	}
	status := http.StatusOK
	switch w := v.(type) {
	case created:
		status, v = http.StatusCreated, w.value
	case accepted:
		status, v = http.StatusAccepted, w.value
	case file:
		w.serve(answer)
		return
	case stream:
		w.serve(answer)
		return
	}
	reply(answer, status, v)
}

func (f file) serve(answer http.ResponseWriter) {
	h := answer.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Disposition", attachment(f.name))
	h.Set("Cache-Control", "no-store")
	_, _ = answer.Write(f.body) // a client that has left is no error of ours
}

// attachment makes a browser save the answer under a name.
func attachment(name string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}

func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status = http.StatusInternalServerError
		body, _ = json.Marshal(Problem{What: "encode the answer: " + err.Error(), Hint: "please report this"}) // two strings
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that has left is no error of ours
}

func fail(w http.ResponseWriter, err error) {
	var p *Problem
	switch {
	case errors.As(err, &p):
	case errors.Is(err, context.DeadlineExceeded):
		p = bad(http.StatusGatewayTimeout, "try again, or look at GET /api/clock for what is still open", "%v", err)
	default:
		p = bad(http.StatusInternalServerError, "look at what the emulator printed", "%v", err)
	}
	reply(w, p.Status, p)
}

// decode reads a JSON body strictly: known fields, one value, within maxBody. An empty body leaves into as it is and is reported.
func decode(r *http.Request, into any) (empty bool, err error) {
	raw, err := body(r)
	if err != nil {
		return false, err
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return true, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return false, bad(http.StatusBadRequest, "send one JSON object with known fields only", "the body: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return false, bad(http.StatusBadRequest, "send one JSON object", "the body: something follows the JSON value")
	}
	return false, nil
}

// body reads what a request sends, within maxBody.
func body(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, bad(http.StatusBadRequest, "send the body again", "read the body: %v", err)
	}
	if len(raw) > maxBody {
		return nil, bad(http.StatusRequestEntityTooLarge, "send less", "the body is over %d bytes", maxBody)
	}
	return raw, nil
}

// number reads an integer of the query from min to max, or def when it is not there.
func number(r *http.Request, name string, def, min, max int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < min || n > max {
		return 0, bad(http.StatusBadRequest, fmt.Sprintf("use a whole number from %d to %d", min, max), "%s=%q", name, text)
	}
	return n, nil
}

// boolean reads a yes or no of the query, no when it is not there.
func boolean(r *http.Request, name string) (bool, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return false, nil
	}
	yes, err := strconv.ParseBool(text)
	if err != nil {
		return false, bad(http.StatusBadRequest, "use true or false", "%s=%q", name, text)
	}
	return yes, nil
}
