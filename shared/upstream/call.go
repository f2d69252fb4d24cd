package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// maxAnswer bounds what is read of a platform's answer.
const maxAnswer = 1 << 20

// Post sends one call to a platform and returns the body of a 200. Every other outcome
// is an *Error of Unreachable: a report may be repeated, so no finer word is needed. No
// redirect is followed, because the address is part of the signature.
func Post(ctx context.Context, client *http.Client, address, contentType string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, unreachable(err)
	}
	req.Header.Set("Content-Type", contentType)
	once := *client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, unreachable(fmt.Errorf("HTTP %d", resp.StatusCode))
	case err != nil:
		return nil, unreachable(fmt.Errorf("reading the answer: %w", err))
	case len(answer) > maxAnswer:
		return nil, unreachable(fmt.Errorf("the answer is longer than %d bytes", maxAnswer))
	}
	return answer, nil
}

// unreachable drops the URL that net/http writes into its errors: it may carry a signature.
func unreachable(err error) *Error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &Error{Reason: Unreachable, Message: "the platform cannot be reached", Err: err}
}
