package intake

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlatformOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/upstream/meituan/order/paid": "meituan", "/upstream/taobao": "taobao", "/upstream/v1/orders": "canonical", "/upstream/v1": "canonical", "/upstream/": "",
	} {
		require.Equal(t, want, platformOf(path), path)
	}
}

// The URL is what the caller signed: behind the gateway its scheme comes in a header.
func TestURLOf(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("POST", "http://api.example.com/upstream/v1/orders/a%2Fb/cancel?x=1", nil)
	require.Equal(t, "http://api.example.com/upstream/v1/orders/a%2Fb/cancel", urlOf(r))
	r.Header.Set("X-Forwarded-Proto", "https")
	require.Equal(t, "https://api.example.com/upstream/v1/orders/a%2Fb/cancel", urlOf(r))
	r.Header.Del("X-Forwarded-Proto")
	r.TLS = &tls.ConnectionState{}
	require.Equal(t, "https://api.example.com/upstream/v1/orders/a%2Fb/cancel", urlOf(r))
}
