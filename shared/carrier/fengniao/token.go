package fengniao

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
)

// Token is a merchant's access as 蜂鸟 gave it. Both parts are secrets. Instants are of the
// system's time.
type Token struct {
	Access    string    `json:"access"`
	IssuedAt  time.Time `json:"issued_at"`
	ExpiresAt time.Time `json:"expires_at"` // of Access: about a year
	Refresh   string    `json:"refresh"`
	RefreshBy time.Time `json:"refresh_by"` // a week later
}

func (t Token) good(now time.Time) bool { return t.Access != "" && now.Before(t.ExpiresAt) }

// TokenStore keeps tokens where all instances find them. A refresh token lives for a year,
// so that it is sealed at rest. key names the app and the merchant.
type TokenStore interface {
	// Load gives the token kept under key, the zero Token when there is none.
	Load(ctx context.Context, key string) (Token, error)
	// Claim gives one caller among all instances the right to get the next token, for as
	// long as that may take; false: somebody else has it.
	Claim(ctx context.Context, key string, lease time.Duration) (bool, error)
	// Save keeps a token in place of the one before and ends the claim.
	Save(ctx context.Context, key string, t Token) error
}

// MemoryTokens keeps tokens in this process. Its zero value is not usable.
type MemoryTokens struct {
	mu     sync.Mutex
	tokens map[string]Token
}

// NewMemoryTokens makes an empty store.
func NewMemoryTokens() *MemoryTokens { return &MemoryTokens{tokens: map[string]Token{}} }

// Load gives the token kept under key.
func (m *MemoryTokens) Load(_ context.Context, key string) (Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tokens[key], nil
}

// Claim is always granted: an adapter gets one token at a time.
func (m *MemoryTokens) Claim(context.Context, string, time.Duration) (bool, error) { return true, nil }

// Save keeps a token.
func (m *MemoryTokens) Save(_ context.Context, key string, t Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens[key] = t
	return nil
}

const (
	claimLease = 10 * time.Second // longer than any call, shorter than 蜂鸟's window for a repeated refresh
	retryAfter = 5 * time.Minute  // between renewals that fail while the old token still holds
	lookAgain  = 50 * time.Millisecond
)

// ErrUnauthorised says that there is no token and no code to get one: the merchant must
// authorise the app, and the code belongs into auth_code.
var ErrUnauthorised = errors.New("the merchant has not authorised the app, or its tokens have expired")

// errElsewhere says that another instance is getting the token.
var errElsewhere = errors.New("another instance is getting a token")

// purse gives out the access token: from memory, else from the store, else from 蜂鸟.
type purse struct {
	adapter *Adapter
	store   TokenStore
	key     string
	turn    chan struct{} // one goroutine at a time looks beyond memory

	mu       sync.Mutex
	token    Token
	until    time.Time // the token is used without another look until then
	rejected string    // an access token that 蜂鸟 no longer takes
	unsaved  Token     // got, perhaps for a code that works once, but not kept yet
}

func newPurse(a *Adapter, store TokenStore) *purse {
	return &purse{adapter: a, store: store, key: a.cfg.AppID + ":" + a.cfg.MerchantID, turn: make(chan struct{}, 1)}
}

// access is a token to call with now. Whoever waits for another goroutine's renewal waits
// no longer than its own call may take.
func (p *purse) access(ctx context.Context) (string, error) {
	if access := p.held(); access != "" {
		return access, nil
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if access := p.held(); access != "" {
		return access, nil
	}
	return p.look(ctx)
}

func (p *purse) held() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.adapter.system().Before(p.until) {
		return p.token.Access
	}
	return ""
}

func (p *purse) hold(t Token, until time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.token, p.until = t, until
	return t.Access
}

// reject forgets a token that 蜂鸟 did not take: the next call looks for another.
func (p *purse) reject(access string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rejected = access
	if p.token.Access == access {
		p.until = time.Time{}
	}
}

func (p *purse) isRejected(access string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return access == p.rejected
}

// look takes the stored token, or the next one when that is due. A renewal that fails
// before the old token has ended costs nothing but another try later.
func (p *purse) look(ctx context.Context) (string, error) {
	now := p.adapter.system()
	if t := p.leftover(); t.good(now) && !p.isRejected(t.Access) {
		if err := p.keep(ctx, t); err != nil {
			return "", err
		}
		return p.hold(t, p.due(t)), nil
	}
	stored, err := p.store.Load(ctx, p.key)
	if err != nil {
		return "", fmt.Errorf("load the token: %w", err)
	}
	usable := stored.good(now) && !p.isRejected(stored.Access)
	if due := p.due(stored); usable && now.Before(due) {
		return p.hold(stored, due), nil
	}
	next, err := p.next(ctx, stored)
	switch {
	case err == nil:
		return p.hold(next, p.due(next)), nil
	case usable:
		return p.hold(stored, earliest(now.Add(retryAfter), stored.ExpiresAt)), nil
	case errors.Is(err, errElsewhere):
		return p.await(ctx, stored)
	}
	return "", err
}

// await looks again and again for the token that another instance is getting, as long as the
// call may take; when that instance is gone its claim ends, and this one gets the token.
func (p *purse) await(ctx context.Context, seen Token) (string, error) {
	for {
		if clock.System.Sleep(ctx, lookAgain) != nil {
			return "", errElsewhere
		}
		next, err := p.next(ctx, seen)
		if err == nil {
			return p.hold(next, p.due(next)), nil
		}
		if !errors.Is(err, errElsewhere) {
			return "", err
		}
	}
}

// due is when a token is to be renewed: ahead of its end, but not before half its life.
func (p *purse) due(t Token) time.Time {
	return t.ExpiresAt.Add(-min(time.Duration(p.adapter.cfg.RenewAhead), t.ExpiresAt.Sub(t.IssuedAt)/2))
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// next gets a token from 蜂鸟 and keeps it, unless another instance does so or just did.
func (p *purse) next(ctx context.Context, seen Token) (Token, error) {
	mine, err := p.store.Claim(ctx, p.key, claimLease)
	if err != nil {
		return Token{}, fmt.Errorf("claim the token: %w", err)
	}
	stored, err := p.store.Load(ctx, p.key)
	fresh := stored.Access != seen.Access && stored.good(p.adapter.system())
	switch {
	case err != nil:
		return Token{}, fmt.Errorf("load the token: %w", err)
	case fresh && mine:
		return stored, p.keep(ctx, stored) // which ends the claim
	case fresh:
		return stored, nil
	case !mine:
		return Token{}, errElsewhere
	}
	next, err := p.adapter.obtain(ctx, stored)
	if err != nil {
		return Token{}, err
	}
	return next, p.keep(ctx, next)
}

// keep saves a token. One that could not be saved is remembered for the next try.
func (p *purse) keep(ctx context.Context, t Token) error {
	err := p.store.Save(ctx, p.key, t)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.unsaved = t
		return fmt.Errorf("save the token: %w", err)
	}
	p.unsaved = Token{}
	return nil
}

func (p *purse) leftover() Token {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unsaved
}

// Authorise gets the first token with the code of the merchant's authorisation and keeps it.
func (a *Adapter) Authorise(ctx context.Context, code string) error {
	t, err := a.fetch(ctx, "/openapi/token", grant{GrantType: "authorization_code", Code: code})
	if err != nil {
		return err
	}
	return a.tokens.keep(ctx, t)
}

// obtain refreshes a token while its refresh token lives, else uses the configured code. So it
// does when 蜂鸟 refuses the refresh token: whoever took the authorisation back and gave it again
// has put a new code into the settings.
func (a *Adapter) obtain(ctx context.Context, old Token) (Token, error) {
	coded := a.cfg.AuthCode != "" || a.cfg.Sandbox
	if old.Refresh != "" && a.system().Before(old.RefreshBy) {
		t, err := a.fetch(ctx, "/openapi/refreshToken", grant{GrantType: "refresh_token", RefreshToken: old.Refresh})
		if err == nil || !coded || !a.revoked(err) {
			return t, err
		}
		slog.WarnContext(ctx, "refresh token refused, the code is tried", "carrier", Name, "error", err)
	}
	if !coded {
		return Token{}, ErrUnauthorised
	}
	return a.fetch(ctx, "/openapi/token", grant{GrantType: "authorization_code", Code: a.cfg.AuthCode})
}

// revoked reports whether 蜂鸟 decidedly refused a refresh token.
func (a *Adapter) revoked(err error) bool {
	return a.isTokenFault(err) || carrier.KindOf(err) == carrier.KindRefused
}

// grant is a request for a token.
type grant struct {
	GrantType    string `json:"grant_type"`
	Code         string `json:"code,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	AppID        string `json:"app_id"`
	MerchantID   string `json:"merchant_id"`
	Timestamp    string `json:"timestamp"`
	Signature    string `json:"signature"`
}

func (a *Adapter) fetch(ctx context.Context, path string, g grant) (Token, error) {
	const op = "token"
	g.AppID, g.MerchantID, g.Timestamp = a.cfg.AppID, a.cfg.MerchantID, a.stamp()
	g.Signature = Sign(a.cfg.Secret, map[string]string{
		"grant_type": g.GrantType, "code": g.Code, "refresh_token": g.RefreshToken,
		"app_id": g.AppID, "merchant_id": g.MerchantID, "timestamp": g.Timestamp,
	})
	body, err := carrier.EncodeJSON(g)
	if err != nil {
		return Token{}, refused(op, err)
	}
	asked := a.system()
	answer, err := a.post(ctx, op, path, body)
	if err != nil {
		return Token{}, err
	}
	data, err := a.open(op, answer)
	if err != nil {
		return Token{}, err
	}
	return readToken(op, data, asked, a.cfg.MerchantID)
}

func readToken(op string, data *carrier.Object, asked time.Time, merchant string) (Token, error) {
	t := Token{Access: data.Need("access_token"), Refresh: data.Text("refresh_token")}
	life, refresh := seconds(data, "expire_in"), seconds(data, "re_expire_in")
	if err := data.Err(); err != nil {
		return Token{}, undecodable(op, err)
	}
	if life <= 0 {
		return Token{}, undecodable(op, errors.New("expire_in is missing"))
	}
	if other := data.Text("merchant_id"); other != "" && other != merchant {
		return Token{}, undecodable(op, errors.New("the token is another merchant's"))
	}
	t.IssuedAt, t.ExpiresAt, t.RefreshBy = asked, asked.Add(life), asked.Add(refresh)
	return t, nil
}

// maxLife bounds what a token may claim to live, well before durations overflow.
const maxLife = 100 * 365 * 24 * time.Hour

func seconds(data *carrier.Object, field string) time.Duration {
	n, err := strconv.ParseInt(data.Text(field), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, int64(maxLife/time.Second))) * time.Second
}
