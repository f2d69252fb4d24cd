package fengniao_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/fengniao"
	"github.com/chuandao/qianfan/local/sim/world"
)

// vector is one of the reference's signatures with the call that carries it. The
// signature is taken from there, so that the service itself must agree with it.
type vector struct {
	path, code string
	fields     map[string]string
}

var vectors = map[string]vector{
	"FN-1": {"openapi/token", "200", map[string]string{"grant_type": "authorization_code", "code": "auth-code-0001",
		"signature": "8b8bae1c5746614ec95ead4534cf67f25122835cc7457afe597a20dc5ec0b9ac"}},
	"FN-2": {"openapi/refreshToken", "200", map[string]string{"grant_type": "refresh_token", "refresh_token": "fn-refresh-0001",
		"signature": "b7c236543d2a35dee7fb1969d774da35b22ada721d3e36109fdfe554d684b8c2"}},
	"FN-3": {"v3/invoke/getOrderDetail", "50037", map[string]string{"access_token": "fn-access-token-0001", "version": "1.0", "business_data": `{"order_id":100000000000000001}`,
		"signature": "5c3fb76ac0aad4a15b47d569854adf6ad8fb0314a6015615621e42cb42ed2e67"}},
	"FN-4": {"v3/invoke/preCreateOrder", "50010", map[string]string{"access_token": "fn-access-token-0001", "version": "1.0", "business_data": `{"receiver_address":"上海市普陀区近铁城市广场"}`,
		"signature": "8893989997ebff5eecf769a6f750431e4174ff49696c50609e845508c99d0d7c"}},
}

var vectorTime = time.UnixMilli(1700000000000)

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	for name, v := range vectors {
		p := start(t, func(o *fengniao.Options) {
			o.System = func() time.Time { return vectorTime }
			o.AuthCodes = []string{"auth-code-0001"}
		})
		p.now = vectorTime
		r, err := p.send(v.path, world.JSON(p.signed(v.fields)))
		require.NoError(t, err)
		require.Equal(t, v.code, r.Code, "%s: %s", name, r.Msg)
		v.fields["signature"] = strings.ToUpper(v.fields["signature"])
		r, err = p.send(v.path, world.JSON(p.signed(v.fields)))
		require.NoError(t, err)
		require.Equal(t, "40002", r.Code, "%s: the case counts", name)
	}
	require.Equal(t, "5a5a30a0e08e872dc8267a6410696c077b4163c77416134f64406b5d2066de4c", fengniao.Sign("fn-test-secret-0001", map[string]string{
		"app_id": "6000000000000000001", "timestamp": "1700000060000", "signature": "not of itself", "merchant_id": "",
		"business_data": `{"callback_business_type":"authNotify","param":{"merchant_id":"1000001"}}`,
	}), "FN-5")
}

func (p *party) tokens(call string, fields map[string]string) (reply, m) {
	p.t.Helper()
	r, err := p.send("openapi/"+call, world.JSON(p.signed(fields)))
	require.NoError(p.t, err)
	if r.Code != "200" {
		return r, nil
	}
	return r, r.data(p.t)
}

func byCode(code string) map[string]string {
	return map[string]string{"grant_type": "authorization_code", "code": code}
}

func byRefresh(token any) map[string]string {
	return map[string]string{"grant_type": "refresh_token", "refresh_token": token.(string)}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *fengniao.Options) { o.AuthCodes = []string{"c1"} })
	_, opening := p.tokens("token", byCode(""))
	require.Equal(t, fengniao.OpeningAccess, opening["access_token"], "the sandbox takes no code")
	require.Equal(t, json.Number("31536000"), opening["expire_in"])
	require.Equal(t, json.Number("32140800"), opening["re_expire_in"])
	_, first := p.tokens("token", byCode("c1"))
	require.NotEqual(t, opening["access_token"], first["access_token"])
	r, _ := p.tokens("token", byCode("c1"))
	require.Equal(t, "40004", r.Code, "a code works once")
	r, _ = p.tokens("refreshToken", byRefresh("unknown"))
	require.Equal(t, "40004", r.Code)
	r, _ = p.tokens("refreshToken", byCode(""))
	require.Equal(t, "50010", r.Code)
	r, _ = p.tokens("nothing", byCode(""))
	require.Equal(t, "40000", r.Code)

	p.access = first["access_token"].(string)
	p.ok("getAmount", m{})
	_, second := p.tokens("refreshToken", byRefresh(first["refresh_token"]))
	p.now = p.now.Add(10 * time.Minute)
	_, again := p.tokens("refreshToken", byRefresh(first["refresh_token"]))
	require.Equal(t, second["access_token"], again["access_token"], "within ten minutes the same again")
	require.Equal(t, "40004", p.call("getAmount", m{}).Code, "the old token has ended")
	p.now = p.now.Add(time.Second)
	r, _ = p.tokens("refreshToken", byRefresh(first["refresh_token"]))
	require.Equal(t, "40004", r.Code)
	p.access = second["access_token"].(string)
	p.ok("getAmount", m{})

	p.sim.RevokeTokens()
	require.Equal(t, "40004", p.call("getAmount", m{}).Code)
	p.now = p.now.Add(366 * 24 * time.Hour)
	_, third := p.tokens("refreshToken", byRefresh(second["refresh_token"]))
	require.NotNil(t, third, "a refresh token lives a week longer")
	p.now = p.now.Add(373 * 24 * time.Hour)
	r, _ = p.tokens("refreshToken", byRefresh(third["refresh_token"]))
	require.Equal(t, "40004", r.Code)
	_, fresh := p.tokens("token", byCode(""))
	require.NotEqual(t, third["access_token"], fresh["access_token"])
	p.access = fresh["access_token"].(string)
	p.ok("getAmount", m{})
}
