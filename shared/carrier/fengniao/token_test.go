package fengniao_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/fengniao"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

// office is a 蜂鸟 that gives out tokens and answers every business call made with the
// latest one with the balance.
type office struct {
	t     *testing.T
	url   string
	http  *http.Client
	mu    sync.Mutex
	now   time.Time
	calls []string // last part of the path, and what matters of the body
	valid string
	down  bool
	given int
	// refused is the answer to a refresh; empty = it is granted.
	refused string
}

func open(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, now: systemTime()}
	s := httptest.NewServer(o)
	t.Cleanup(s.Close)
	o.url, o.http = s.URL, s.Client()
	return o
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	raw, _ := io.ReadAll(r.Body)
	var body map[string]string
	if json.Unmarshal(raw, &body) != nil || body["signature"] != fengniao.Sign(secret, body) {
		_, _ = io.WriteString(w, fails("40002", "签名错误"))
		return
	}
	call := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	o.calls = append(o.calls, strings.TrimSpace(call+" "+body["code"]+body["refresh_token"]))
	switch {
	case o.down && call != "getAmount":
		_, _ = io.WriteString(w, fails("40000", "请求失败"))
	case call == "refreshToken" && o.refused != "":
		_, _ = io.WriteString(w, o.refused)
	case call != "getAmount":
		o.given++
		o.valid = fmt.Sprintf("access-%d", o.given)
		_, _ = io.WriteString(w, says(fmt.Sprintf(`{"app_id":"%s","merchant_id":"%s","access_token":"%s","refresh_token":"refresh-%d","expire_in":31536000,"re_expire_in":"32140800"}`,
			appID, merchant, o.valid, o.given)))
	case body["access_token"] != o.valid:
		_, _ = io.WriteString(w, fails("40004", "token错误"))
	default:
		_, _ = io.WriteString(w, says(`{"amount_cent":7}`))
	}
}

func (o *office) asked() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	calls := o.calls
	o.calls = nil
	return calls
}

func (o *office) later(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

func (o *office) time() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *office) set(change func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change()
}

func (o *office) instance(store fengniao.TokenStore, change func(*fengniao.Config)) *fengniao.Adapter {
	o.t.Helper()
	cfg := devConfig(o.url)
	cfg.AuthCode = "auth-code-0001"
	if change != nil {
		change(&cfg)
	}
	a, err := fengniao.New(cfg, settings.Deps{HTTP: o.http, System: o.time}, store)
	require.NoError(o.t, err)
	return a
}

func TestOneTokenForAllInstances(t *testing.T) {
	t.Parallel()
	o, store := open(t), fengniao.NewMemoryTokens()
	first, second := o.instance(store, nil), o.instance(store, nil)
	_, err := first.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"token auth-code-0001", "getAmount"}, o.asked())
	for range 2 {
		_, err = second.Balance(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"getAmount"}, o.asked(), "the stored token serves everybody")
	}

	o.later(year - 7*24*time.Hour - time.Second)
	_, err = second.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"getAmount"}, o.asked(), "not due yet")
	o.later(time.Second)
	_, err = second.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"refreshToken refresh-1", "getAmount"}, o.asked(), "a week ahead of its end")
	_, err = first.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"getAmount"}, o.asked(), "the other one finds it renewed")
	kept, err := store.Load(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, "refresh-2", kept.Refresh)
	require.Equal(t, o.time().Add(year), kept.ExpiresAt)
	require.Equal(t, o.time().Add(year+7*24*time.Hour), kept.RefreshBy)
}

func TestManyCallsGetOneToken(t *testing.T) {
	t.Parallel()
	o := open(t)
	a := o.instance(nil, nil)
	var work sync.WaitGroup
	faults := make(chan error, 16)
	for range 16 {
		work.Go(func() {
			_, err := a.Balance(context.Background())
			faults <- err
		})
	}
	work.Wait()
	for range 16 {
		require.NoError(t, <-faults)
	}
	require.Equal(t, 1, o.given)
	require.Len(t, o.asked(), 17)
}

func TestARejectedTokenIsReplaced(t *testing.T) {
	t.Parallel()
	o, store := open(t), fengniao.NewMemoryTokens()
	a, other := o.instance(store, nil), o.instance(store, nil)
	for _, x := range []*fengniao.Adapter{a, other} {
		_, err := x.Balance(t.Context())
		require.NoError(t, err)
	}
	o.asked()
	o.set(func() { o.valid = "revoked" })
	_, err := a.Balance(t.Context())
	require.Equal(t, carrier.KindRateLimited, carrier.KindOf(err), "decided and not processed; the caller comes again")
	require.Equal(t, []string{"getAmount"}, o.asked(), "a call is never repeated by itself")
	_, err = a.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"refreshToken refresh-1", "getAmount"}, o.asked())
	_, err = other.Balance(t.Context())
	require.Error(t, err, "it still holds the old one")
	_, err = other.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"getAmount", "getAmount"}, o.asked(), "and then takes the stored one")
}

func TestARenewalThatFailsWaits(t *testing.T) {
	t.Parallel()
	o, store := open(t), fengniao.NewMemoryTokens()
	require.NoError(t, store.Save(t.Context(), key, yearly("access-0", "refresh-0", -year+24*time.Hour)))
	o.valid, o.down = "access-0", true
	a := o.instance(store, nil)
	for _, want := range [][]string{{"refreshToken refresh-0", "getAmount"}, {"getAmount"}} {
		_, err := a.Balance(t.Context())
		require.NoError(t, err, "the old token holds for a day")
		require.Equal(t, want, o.asked())
	}
	o.later(5 * time.Minute)
	o.set(func() { o.down = false })
	_, err := a.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"refreshToken refresh-0", "getAmount"}, o.asked())
}

// A merchant that took the authorisation back and gave it again leaves a refresh token that
// would live for a year, and a new code: the code counts. A refresh in doubt uses up no code.
func TestARevokedRefreshTokenGivesWayToTheCode(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer string
		code   string
		calls  []string
		works  bool
	}{
		"token code": {fails("40004", "token错误"), "new-code", []string{"refreshToken refresh-0", "token new-code", "getAmount"}, true},
		"refused":    {fails("49999", "授权已取消"), "new-code", []string{"refreshToken refresh-0", "token new-code", "getAmount"}, true},
		"no code":    {fails("40004", "token错误"), "", []string{"refreshToken refresh-0"}, false},
		"in doubt":   {fails("40000", "请求失败"), "new-code", []string{"refreshToken refresh-0"}, false},
		"not heard":  {fails("40002", "签名错误"), "new-code", []string{"refreshToken refresh-0"}, false},
	} {
		o, store := open(t), fengniao.NewMemoryTokens()
		o.refused = tc.answer
		require.NoError(t, store.Save(t.Context(), key, yearly("access-0", "refresh-0", -year)))
		_, err := o.instance(store, func(c *fengniao.Config) { c.AuthCode = tc.code }).Balance(t.Context())
		require.Equal(t, tc.works, err == nil, "%s: %v", name, err)
		require.Equal(t, tc.calls, o.asked(), name)
	}
}

func TestWithoutAToken(t *testing.T) {
	t.Parallel()
	o := open(t)
	for name, tc := range map[string]struct {
		change func(*fengniao.Config)
		stored fengniao.Token
		want   error
		calls  []string
	}{
		"no code":          {func(c *fengniao.Config) { c.AuthCode = "" }, fengniao.Token{}, fengniao.ErrUnauthorised, nil},
		"all has expired":  {func(c *fengniao.Config) { c.AuthCode = "" }, yearly("a", "b", -2*year), fengniao.ErrUnauthorised, nil},
		"the sandbox":      {func(c *fengniao.Config) { c.AuthCode, c.Sandbox = "", true }, fengniao.Token{}, nil, []string{"token", "getAmount"}},
		"the code again":   {nil, yearly("a", "b", -2*year), nil, []string{"token auth-code-0001", "getAmount"}},
		"refresh in time":  {nil, yearly("a", "b", -year), nil, []string{"refreshToken b", "getAmount"}},
		"a refresh is all": {nil, fengniao.Token{Refresh: "b", RefreshBy: systemTime().Add(time.Hour)}, nil, []string{"refreshToken b", "getAmount"}},
	} {
		store := fengniao.NewMemoryTokens()
		require.NoError(t, store.Save(t.Context(), key, tc.stored))
		_, err := o.instance(store, tc.change).Balance(t.Context())
		require.Equal(t, tc.calls, o.asked(), name)
		if tc.want == nil {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, tc.want, name)
		require.Equal(t, carrier.KindNotSent, carrier.KindOf(err), "nothing of the call has left")
	}
}

func TestAuthorise(t *testing.T) {
	t.Parallel()
	o, store := open(t), fengniao.NewMemoryTokens()
	a := o.instance(store, func(c *fengniao.Config) { c.AuthCode = "" })
	require.NoError(t, a.Authorise(t.Context(), "code-of-today"))
	_, err := a.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"token code-of-today", "getAmount"}, o.asked())
}

// clumsy is a store whose steps can fail or be somebody else's.
type clumsy struct {
	*fengniao.MemoryTokens
	load, claim, save error
	taken             bool
	onClaim           func()
}

func (c *clumsy) Load(ctx context.Context, k string) (fengniao.Token, error) {
	if c.load != nil {
		return fengniao.Token{}, c.load
	}
	return c.MemoryTokens.Load(ctx, k)
}

func (c *clumsy) Claim(context.Context, string, time.Duration) (bool, error) {
	if c.onClaim != nil {
		c.onClaim()
	}
	return !c.taken, c.claim
}

func (c *clumsy) Save(ctx context.Context, k string, t fengniao.Token) error {
	if c.save != nil {
		return c.save
	}
	return c.MemoryTokens.Save(ctx, k, t)
}

func TestTheStoreFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("no database")
	for name, tc := range map[string]struct {
		store clumsy
		says  string
	}{
		"load":  {clumsy{load: broken}, "load the token: no database"},
		"claim": {clumsy{claim: broken}, "claim the token: no database"},
		"save":  {clumsy{save: broken}, "save the token: no database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.store.MemoryTokens = fengniao.NewMemoryTokens()
			_, err := open(t).instance(&tc.store, nil).Balance(t.Context())
			require.ErrorContains(t, err, tc.says)
			require.Equal(t, carrier.KindNotSent, carrier.KindOf(err))
		})
	}
}

// A code works once: the token it gave must not be lost with the database.
func TestATokenThatCouldNotBeSavedIsSavedLater(t *testing.T) {
	t.Parallel()
	o := open(t)
	store := &clumsy{MemoryTokens: fengniao.NewMemoryTokens(), save: errors.New("no database")}
	a := o.instance(store, nil)
	for range 2 {
		_, err := a.Balance(t.Context())
		require.ErrorContains(t, err, "save the token: no database")
	}
	store.save = nil
	_, err := a.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"token auth-code-0001", "getAmount"}, o.asked())
	kept, err := store.MemoryTokens.Load(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, "access-1", kept.Access)
}

// Between the look and the claim another instance may have got the token.
func TestAnotherInstanceWasFaster(t *testing.T) {
	t.Parallel()
	o := open(t)
	store := &clumsy{MemoryTokens: fengniao.NewMemoryTokens()}
	store.onClaim = func() {
		o.set(func() { o.valid = "theirs" })
		require.NoError(t, store.Save(t.Context(), key, yearly("theirs", "r", 0)))
	}
	_, err := o.instance(store, nil).Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"getAmount"}, o.asked(), "the code was not used twice")
}

// While another instance gets the first token there is nothing to call with: a call waits
// for it, as long as it may take, and gets the token itself when the other one is gone.
func TestAnotherInstanceIsGettingIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		third func(o *office, store *clumsy, giveUp func()) // what has happened when it looks for the third time
		says  string
		calls []string
	}{
		"it comes": {third: func(o *office, store *clumsy, _ func()) {
			o.set(func() { o.valid = "theirs" })
			require.NoError(o.t, store.Save(o.t.Context(), key, yearly("theirs", "r", 0)))
		}, calls: []string{"getAmount"}},
		"it is gone": {third: func(_ *office, store *clumsy, _ func()) { store.taken = false },
			calls: []string{"token auth-code-0001", "getAmount"}},
		"its time is over": {third: func(_ *office, _ *clumsy, giveUp func()) { giveUp() }, says: "another instance is getting a token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			o, store, looks := open(t), &clumsy{MemoryTokens: fengniao.NewMemoryTokens(), taken: true}, 0
			store.onClaim = func() {
				if looks++; looks == 3 {
					tc.third(o, store, giveUp)
				}
			}
			_, err := o.instance(store, nil).Balance(ctx)
			require.Equal(t, tc.calls, o.asked())
			require.Equal(t, 3, looks)
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
			require.Equal(t, carrier.KindNotSent, carrier.KindOf(err))
		})
	}
}

func TestTokenAnswersThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		`{}`, `{"access_token":"a"}`, `{"access_token":"a","expire_in":0}`, `{"access_token":"a","expire_in":-5}`,
		`{"access_token":["a"],"expire_in":5}`, `{"access_token":"a","expire_in":5,"merchant_id":"2"}`,
	} {
		a, _ := party(t, nil, says(data))
		require.Error(t, a.Authorise(t.Context(), "c"), data)
	}
	a, asked := party(t, nil, fails("1", "code已失效"))
	require.ErrorContains(t, a.Authorise(t.Context(), "auth-code-0001"), "code已失效")
	require.Contains(t, *asked, `"signature":"8b8bae1c5746614ec95ead4534cf67f25122835cc7457afe597a20dc5ec0b9ac"`, "FN-1")
}

func TestACallGivesUpWaiting(t *testing.T) {
	t.Parallel()
	ctx, giveUp := context.WithCancel(t.Context())
	store := &clumsy{MemoryTokens: fengniao.NewMemoryTokens()}
	o := open(t)
	a := o.instance(store, nil)
	store.onClaim = func() { // while the first call is busy with the token
		giveUp()
		_, err := a.Balance(ctx)
		require.Equal(t, carrier.KindNotSent, carrier.KindOf(err))
		require.ErrorIs(t, err, context.Canceled)
	}
	_, err := a.Balance(t.Context())
	require.NoError(t, err)
}
