package carrier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
)

// maxAnswer bounds what is read of an answer; the longest known one is a few kilobytes.
const maxAnswer = 1 << 20

// Call is one POST to a carrier. It is sent at most once: no redirect is followed and
// nothing is repeated, because the bytes may move money.
type Call struct {
	Carrier string
	Op      string // for errors: "place"
	URL     string
	Header  http.Header // Content-Type and what the carrier wants besides
	Body    []byte      // exactly the bytes that were signed
}

// Send posts the call and returns the body of a 200. Every error is an *Error:
// KindNotSent when no byte can have left, KindTemporary (doubt) for all the rest,
// which is a broken connection, a timeout, another HTTP status, a cut or endless body.
func (c Call) Send(ctx context.Context, client *http.Client) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, c.fail(KindNotSent, "", err)
	}
	var wire wireWatch
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, wire.hooks()),
		http.MethodPost, c.URL, bytes.NewReader(c.Body))
	if err != nil {
		return nil, c.fail(KindNotSent, "", bareCause(err))
	}
	req.Header = c.Header.Clone()
	once := *client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Do(req)
	if err != nil {
		return nil, c.fail(wire.kind(), "", bareCause(err))
	}
	defer func() { _ = resp.Body.Close() }()
	return c.read(resp)
}

func (c Call) read(resp *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if resp.StatusCode != http.StatusOK {
		return nil, c.fail(KindTemporary, "HTTP "+strconv.Itoa(resp.StatusCode), err)
	}
	if err != nil {
		return nil, c.fail(KindTemporary, "", fmt.Errorf("reading the answer: %w", err))
	}
	if len(body) > maxAnswer {
		return nil, c.fail(KindTemporary, "", fmt.Errorf("the answer is longer than %d bytes", maxAnswer))
	}
	return body, nil
}

func (c Call) fail(kind Kind, code string, err error) *Error {
	return &Error{Carrier: c.Carrier, Op: c.Op, Kind: kind, Code: code, Err: err}
}

// bareCause drops the URL that net/http writes into its errors: it may carry a signature.
func bareCause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// wireWatch knows whether a request ever had a connection to be written to. The
// transport itself repeats a request only when it wrote nothing of it, and asks for
// a connection anew when it does, so that only the last connection counts.
type wireWatch struct{ asked, got atomic.Bool }

func (w *wireWatch) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { w.asked.Store(true); w.got.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { w.got.Store(true) },
	}
}

// kind is KindNotSent only on positive proof: a connection was asked for and never came.
func (w *wireWatch) kind() Kind {
	if w.asked.Load() && !w.got.Load() {
		return KindNotSent
	}
	return KindTemporary
}
