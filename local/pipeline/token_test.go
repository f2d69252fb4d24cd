package pipeline_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/fengniao"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/store"
)

// desk is a simulated 蜂鸟 that counts what is asked of it for tokens, and several instances
// of ours, each with its own connections to the one database.
type desk struct {
	sim       *fengniao.Service
	statement atomic.Int64 // of all instances
	mu        sync.Mutex
	asked     map[string]int // by the last part of the path
	instances []carrier.Adapter
	system    func() time.Time
}

func newDesk(t *testing.T, instances int) *desk {
	t.Helper()
	system := worldtest.NewClock(time.Date(2026, 11, 4, 4, 0, 0, 0, time.UTC))
	d := &desk{asked: map[string]int{}, system: system.Now}
	d.sim = fengniao.New(fengniao.Options{Clock: system, System: system.Now, Faults: world.None(), Seed: 1, InstantAnswer: true})
	t.Cleanup(d.sim.Close)
	answer := d.sim.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.asked[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]]++
		d.mu.Unlock()
		answer.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	dsn, key := sqltest.Database(t), bytes.Repeat([]byte{7}, 32)
	for i := range instances {
		db, err := store.Open(store.Options{DSN: dsn, Key: key, MaxConns: 4, Observe: func(string) { d.statement.Add(1) }})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		if i == 0 {
			require.NoError(t, db.Migrate(t.Context()))
		}
		env := map[string]string{"QIANFAN_DEV": "1", "QIANFAN_FENGNIAO": fmt.Sprintf(
			`{"base_url":%q,"app_id":"6000000000000000001","secret":"fn-test-secret-0001","merchant_id":"1000001","sandbox":true}`, server.URL)}
		all, err := carriers.FromEnv(func(name string) string { return env[name] },
			settings.Deps{HTTP: server.Client(), System: system.Now, Vault: db.Vault(fmt.Sprintf("quote-%d", i), system.Now)})
		require.NoError(t, err)
		d.instances = append(d.instances, all["fengniao"])
	}
	return d
}

// all lets every instance make calls at once.
func (d *desk) all(t *testing.T) {
	t.Helper()
	const each = 5
	var work sync.WaitGroup
	faults := make(chan error, each*len(d.instances))
	for _, a := range d.instances {
		for range each {
			work.Go(func() {
				_, err := a.Balance(t.Context())
				faults <- err
			})
		}
	}
	work.Wait()
	for range cap(faults) {
		require.NoError(t, <-faults)
	}
}

func (d *desk) count(what string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[what]
}

// Instances that need 蜂鸟's token in the same moment get one token together, and one
// refresh together when 蜂鸟 no longer takes it; in between nobody asks the database.
func TestInstancesShareOneToken(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 3)
	d.all(t)
	require.Equal(t, []int{1, 0, 15}, []int{d.count("token"), d.count("refreshToken"), d.count("getAmount")})

	before := d.statement.Load()
	d.all(t)
	require.Equal(t, before, d.statement.Load(), "a token at hand costs no statement")
	require.Equal(t, 1, d.count("token"))

	d.sim.RevokeTokens()
	for _, a := range d.instances { // finds out that its token is no longer taken
		_, err := a.Balance(t.Context())
		require.Error(t, err)
	}
	d.all(t)
	require.Equal(t, []int{1, 1}, []int{d.count("token"), d.count("refreshToken")}, "refreshed once for all")
}
