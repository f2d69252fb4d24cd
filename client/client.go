package client

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client is one account with one 千帆. It is safe for concurrent use.
type Client struct {
	base    string // scheme and host
	key     string
	secret  []byte
	http    *http.Client
	clock   Clock
	random  func() float64 // 0 to 1
	timeout time.Duration
	tries   int
	pause   time.Duration
}

const (
	maxAnswer = 1 << 20 // bytes
	maxBody   = 1 << 20 // bytes that the API takes
	maxPause  = 10 * time.Second
	path      = "/upstream/v1"
)

// New makes a client of the 千帆 at baseURL ("https://api.example.com"). Without options a try
// takes at most 10 s, and what got no decided answer is tried three times in all.
func New(baseURL, keyID, secret string, options ...Option) (*Client, error) {
	u, err := url.Parse(baseURL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("qianfan client: base URL: %w", err)
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, fmt.Errorf("qianfan client: base URL %q is not like https://api.example.com", u.Redacted())
	case keyID == "" || secret == "":
		return nil, errors.New("qianfan client: key id or secret is empty")
	}
	c := &Client{
		base: strings.TrimSuffix(baseURL, "/"), key: keyID, secret: []byte(secret),
		http: &http.Client{CheckRedirect: stay}, clock: systemClock{}, random: random, timeout: 10 * time.Second, tries: 3, pause: 200 * time.Millisecond,
	}
	for _, o := range options {
		o(c)
	}
	return c, nil
}

// stay follows no redirect: a signature is good for one address.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// answer is the body of every answer.
type answer struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Field   string          `json:"field"`
	Data    json.RawMessage `json:"data"`
}

// call sends one request, again while nothing decided comes back, and decodes its data.
func (c *Client) call(ctx context.Context, method, target string, body, into any) error {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return fmt.Errorf("qianfan %s %s: %w", method, target, err)
		}
		if len(raw) > maxBody {
			return fmt.Errorf("qianfan %s %s: the body is over %d bytes", method, target, maxBody)
		}
	}
	pause := c.pause
	for try := 1; ; try++ {
		data, err := c.once(ctx, method, target, raw)
		if err == nil {
			if err := json.Unmarshal(data, into); err != nil {
				return fmt.Errorf("qianfan %s %s: read the answer: %w", method, target, err)
			}
			return nil
		}
		if !undecided(err) || try >= c.tries || ctx.Err() != nil {
			return fmt.Errorf("qianfan %s %s: %w", method, target, err)
		}
		// Half of it is fixed, half is chance: many who failed together do not come back together.
		if c.clock.Sleep(ctx, pause/2+time.Duration(c.random()*float64(pause/2))) != nil {
			return fmt.Errorf("qianfan %s %s: %w (last: %w)", method, target, ctx.Err(), err)
		}
		pause = min(2*pause, maxPause)
	}
}

// once is one try.
func (c *Client) once(ctx context.Context, method, target string, body []byte) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	c.sign(req, target, body)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &undecidedError{err}
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, &undecidedError{fmt.Errorf("read the answer: %w", err)}
	case len(raw) > maxAnswer:
		return nil, fmt.Errorf("the answer is over %d bytes", maxAnswer)
	}
	return decide(resp.StatusCode, raw)
}

// decide reads an answer. What is none of the API's own (a proxy's page) decides nothing when
// its status says that something is wrong on the way.
func decide(status int, raw []byte) (json.RawMessage, error) {
	var a answer
	err := json.Unmarshal(raw, &a)
	switch {
	case err == nil && a.Code != 0:
		return nil, &Error{Status: status, Code: a.Code, Message: a.Message, Field: a.Field}
	case status != http.StatusOK:
		return nil, &Error{Status: status, Message: http.StatusText(status)}
	case err != nil:
		return nil, fmt.Errorf("the answer is no JSON: %w", err)
	case len(a.Data) == 0:
		return nil, errors.New("the answer has no data")
	}
	return a.Data, nil
}

// sign adds the headers that prove who sends what, and when.
func (c *Client) sign(req *http.Request, target string, body []byte) {
	stamp := strconv.FormatInt(c.clock.Now().Unix(), 10)
	mac := hmac.New(sha256.New, c.secret)
	mac.Write([]byte(stamp + "\n" + req.Method + "\n" + target + "\n"))
	mac.Write(body)
	req.Header.Set("X-Qianfan-Key", c.key)
	req.Header.Set("X-Qianfan-Timestamp", stamp)
	req.Header.Set("X-Qianfan-Signature", hex.EncodeToString(mac.Sum(nil)))
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
}
