package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// api speaks to the control API of a running emulator.
type api struct {
	base   string
	client *http.Client
}

// maxAnswer is far above any answer: a million ledger entries are some 200 MB.
const maxAnswer = 1 << 30

func (a *api) get(ctx context.Context, path string, query url.Values, into any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return a.call(ctx, http.MethodGet, path, nil, into)
}

// fetch gets an answer both as it came, for --json, and decoded.
func fetch(e *env, path string, q url.Values, raw *json.RawMessage, into any) error {
	if err := e.api.get(e.ctx, path, q, raw); err != nil {
		return err
	}
	if err := json.Unmarshal(*raw, into); err != nil {
		return fmt.Errorf("%s%s does not answer like a console of this version: %w", e.api.base, path, err)
	}
	return nil
}

func (a *api) post(ctx context.Context, path string, body, into any) error {
	return a.call(ctx, http.MethodPost, path, body, into)
}

// file gets an answer as it is.
func (a *api) file(ctx context.Context, path string, query url.Values) ([]byte, error) {
	return a.ask(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
}

// call sends body as JSON, unless it is nil, and decodes the answer into into. A refusal says what the API said.
func (a *api) call(ctx context.Context, method, path string, body, into any) error {
	raw, err := a.ask(ctx, method, path, body)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s%s does not answer like a console of this version: %w", a.base, path, err)
	}
	return nil
}

// ask sends body as JSON, unless it is nil, and gives the answer.
func (a *api) ask(ctx context.Context, method, path string, body any) ([]byte, error) {
	base, err := url.Parse(a.base)
	if err != nil || base.Scheme == "" || base.Host == "" {
		return nil, usage("--console %q: want an address such as http://127.0.0.1:9010", a.base)
	}
	var send io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
		send = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.base, "/")+path, send)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return nil, a.unreachable(err)
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s %s: %w", method, path, err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return nil, refusal(answer.StatusCode, raw)
	}
	return raw, nil
}

func (a *api) unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return &exitError{exitStopped, errors.New("stopped")}
	}
	return fmt.Errorf("no emulator answers at %s: start one with `make run`, or name its console with --console URL (%w)", a.base, err)
}

func refusal(status int, raw []byte) error {
	var p struct{ Error, Hint string }
	if err := json.Unmarshal(raw, &p); err != nil || p.Error == "" {
		return fmt.Errorf("the console answered %d: %s", status, strings.TrimSpace(string(raw[:min(len(raw), 200)])))
	}
	if p.Hint != "" {
		p.Error += "; " + p.Hint
	}
	return errors.New(p.Error)
}
