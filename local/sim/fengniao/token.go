package fengniao

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	accessLife   = 365 * 24 * time.Hour
	refreshLife  = accessLife + 7*24*time.Hour
	repeatWindow = 10 * time.Minute // in which a refresh gives the same again; so long the old token holds, too (GAP)
)

// The tokens that the client holds when the books are opened, so that a client may start
// with them, or get them by the sandbox's empty code.
const (
	OpeningAccess  = "fn-access-token-0001"
	OpeningRefresh = "fn-refresh-0001"
)

// pair is an access token and the token that replaces both.
type pair struct {
	access, refresh string
	issued          time.Time
	ends            time.Time // of access
	next            *pair     // what a refresh gave
	replaced        time.Time // when it did
}

// grants are all tokens of the one merchant. Time is the system's.
type grants struct {
	mu    sync.Mutex
	codes []string // authorisation codes that are still good
	pairs []*pair  // oldest first
	mint  func() string
}

func newGrants(codes []string, mint func() string, now time.Time) *grants {
	g := &grants{codes: slices.Clone(codes), mint: mint}
	g.add(OpeningAccess, OpeningRefresh, now)
	return g
}

func (g *grants) add(access, refresh string, now time.Time) *pair {
	p := &pair{access: access, refresh: refresh, issued: now, ends: now.Add(accessLife)}
	g.pairs = append(g.pairs, p)
	return p
}

func (g *grants) issue(now time.Time) *pair { return g.add(g.mint(), g.mint(), now) }

var (
	errCode    = errors.New("code无效或已使用")
	errRefresh = errors.New("refresh_token无效或已过期")
)

// byCode gives tokens for an authorisation code, which works once. The empty code, which
// the sandbox takes, gives the present tokens.
func (g *grants) byCode(code string, now time.Time) (pair, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if code == "" {
		if last := g.pairs[len(g.pairs)-1]; now.Before(last.ends) {
			return *last, nil
		}
		return *g.issue(now), nil
	}
	i := slices.Index(g.codes, code)
	if i < 0 {
		return pair{}, errCode
	}
	g.codes = slices.Delete(g.codes, i, i+1)
	return *g.issue(now), nil
}

// byRefresh replaces tokens; the same refresh within the window gives the same again.
func (g *grants) byRefresh(refresh string, now time.Time) (pair, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.IndexFunc(g.pairs, func(p *pair) bool { return p.refresh == refresh })
	if i < 0 || !now.Before(g.pairs[i].issued.Add(refreshLife)) {
		return pair{}, errRefresh
	}
	p := g.pairs[i]
	switch {
	case p.next == nil:
		p.next, p.replaced = g.issue(now), now
		if end := now.Add(repeatWindow); end.Before(p.ends) {
			p.ends = end
		}
	case now.Sub(p.replaced) > repeatWindow:
		return pair{}, errRefresh
	}
	return *p.next, nil
}

// holds tells whether an access token is good now.
func (g *grants) holds(access string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.pairs, func(p *pair) bool { return p.access == access && now.Before(p.ends) })
}

// revoke ends every token, as a merchant does who withdraws the authorisation; refresh
// tokens stay good.
func (g *grants) revoke(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.pairs {
		p.ends = now
	}
}

type tokenAnswer struct {
	AppID        string `json:"app_id"`
	MerchantID   string `json:"merchant_id"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpireIn     int64  `json:"expire_in"` // s
	ReExpireIn   int64  `json:"re_expire_in"`
}

// grantTypes are the two token calls.
var grantTypes = map[string]struct {
	kind string
	do   func(*Service, fields, time.Time) (pair, error)
}{
	"token": {"authorization_code", func(s *Service, f fields, now time.Time) (pair, error) { return s.grants.byCode(f.text("code"), now) }},
	"refreshToken": {"refresh_token", func(s *Service, f fields, now time.Time) (pair, error) {
		return s.grants.byRefresh(f.text("refresh_token"), now)
	}},
}

func (s *Service) token(call string, f fields) (any, error) {
	g := grantTypes[call]
	if f.text("grant_type") != g.kind {
		return nil, fmt.Errorf("%w: grant_type须为%s", errFormat, g.kind)
	}
	now := s.options.System()
	p, err := g.do(s, f, now)
	if err != nil {
		return nil, err
	}
	return tokenAnswer{
		AppID: s.creds.AppID, MerchantID: s.creds.MerchantID, AccessToken: p.access, RefreshToken: p.refresh,
		ExpireIn: int64(p.ends.Sub(now) / time.Second), ReExpireIn: int64(p.issued.Add(refreshLife).Sub(now) / time.Second),
	}, nil
}

// mint makes a token that nobody can guess from another.
func (s *Service) mint() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", s.creds.Secret, s.fleet.Serial(1<<62)))
	return hex.EncodeToString(sum[:16])
}
