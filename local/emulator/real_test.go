//go:build real

package emulator_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/services"
	"github.com/chuandao/qianfan/local/sqlserver"
	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/clock"
)

// reality is a set of real services, each a process of its own that a test may kill.
type reality struct {
	mq    *services.RocketMQ
	redis *services.Redis
	sql   *sqlserver.Server
}

// startReality starts RocketMQ with the topics of s.yaml, Redis and a SQL server.
func startReality(t *testing.T, o services.RocketMQOptions) *reality {
	t.Helper()
	file, err := template.Load(root+"/s.yaml", nil)
	require.NoError(t, err)
	for _, x := range file.Topics {
		o.Topics = append(o.Topics, rocketmq.Topic{Name: x.Name, Type: rocketmq.TopicType(x.Type)})
	}
	for _, g := range file.Groups {
		o.Groups = append(o.Groups, rocketmq.Group{Name: g})
	}
	w := &reality{}
	w.mq, err = services.StartRocketMQ(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.mq.Close()) })
	w.redis, err = services.StartRedis(t.Context(), services.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.redis.Close()) })
	w.sql, err = sqlserver.Start(t.Context(), sqlserver.Options{Durability: sqlserver.Flush})
	require.NoError(t, err)
	t.Cleanup(w.sql.Close)
	return w
}

// services are the addresses; each test has a database of its own.
func (w *reality) services(name string) emulator.Services {
	return emulator.Services{MySQLDSN: w.sql.DSN(name), AppDSN: w.sql.AppDSN(name), RedisAddr: w.redis.Addr(), RocketMQ: w.mq.Endpoint()}
}

// given are the services that the environment names, as those of docker-compose, or else
// services of this test's own.
func given(t *testing.T) emulator.Services {
	t.Helper()
	s := emulator.Services{
		MySQLDSN: os.Getenv("QIANFAN_MYSQL_DSN"), AppDSN: os.Getenv("QIANFAN_MYSQL_APP_DSN"), RedisAddr: os.Getenv("QIANFAN_REDIS_ADDR"), RocketMQ: os.Getenv("QIANFAN_ROCKETMQ_ENDPOINT"),
	}
	if s.MySQLDSN != "" && s.RedisAddr != "" && s.RocketMQ != "" {
		return s
	}
	return startReality(t, services.RocketMQOptions{}).services("qianfan")
}

// The same binaries, run on real services, do what they do on the embedded ones.
func TestRealServicesDeliverEverything(t *testing.T) {
	on := given(t)
	for _, row := range []struct {
		name   string
		o      emulator.Options
		enough func(*testing.T, emulator.Summary)
	}{
		{"without faults", emulator.Options{Orders: 200, Rate: 2}, func(t *testing.T, s emulator.Summary) {
			require.Equal(t, 200, s.Orders.Delivered)
		}},
		{"with standard faults, frozen between calls", emulator.Options{Orders: 150, Rate: 1, Faults: "standard", Seed: 11, Freeze: true}, func(t *testing.T, s emulator.Summary) {
			require.GreaterOrEqual(t, s.Orders.Delivered*10, (s.Orders.Accepted-s.Faults["platform_cancel"])*9)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := startReal(t, on, row.o)
			s := r.run()
			t.Logf("%s, %s, %s: orders %+v messages %+v, %.0f s", s.Store, s.Broker, s.Cache, s.Orders, s.Messages, s.WallS)
			row.enough(t, s)
			require.Empty(t, r.Meituan().Books().Violations)
		})
	}
}

// startReal runs an emulator on real services: ten times as fast, with riders in haste, because the clock cannot jump there.
func startReal(t *testing.T, on emulator.Services, o emulator.Options) *rig {
	t.Helper()
	o.Services, o.Reset, o.Haste = on, true, 10
	if o.Speed == 0 {
		o.Speed = emulator.MaxRealSpeed
	}
	return start(t, o)
}

// Each service is killed (kill -9) in the middle of a run and comes back: every acknowledged
// order comes to its end.
func TestRealServicesKilledUnderLoad(t *testing.T) {
	w := startReality(t, services.RocketMQOptions{})
	for _, row := range []struct {
		name string
		kill func()
		back func(ctx context.Context) error
	}{
		{"rocketmq", w.mq.Kill, w.mq.Restart},
		{"sql", w.sql.Kill, w.sql.Restart},
		{"redis", w.redis.Kill, w.redis.Restart},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := startReal(t, w.services("kill_"+row.name), emulator.Options{Orders: 150, Rate: 0.6})
			var outage sync.WaitGroup
			outage.Go(func() {
				r.awaitPlaced(30)
				row.kill()
				_ = clock.System.Sleep(t.Context(), 5*time.Second)
				require.NoError(t, row.back(t.Context()))
			})
			s := r.run()
			outage.Wait()
			t.Logf("orders %+v attempts %+v messages %+v, %.0f s", s.Orders, s.Attempts, s.Messages, s.WallS)
			for _, stream := range r.Streams() {
				t.Logf("%s: %d messages, %d of them again, %d failures", stream.Topic, stream.Messages, stream.Redelivered, stream.Failures)
			}
			require.Equal(t, 150, s.Orders.Pushed)
			require.GreaterOrEqual(t, s.Orders.Delivered*100, s.Orders.Accepted*95, "an outage delays orders")
		})
	}
}

// awaitPlaced waits until carriers have taken n orders.
func (r *rig) awaitPlaced(n int) {
	for {
		placed := 0
		for _, c := range r.Carriers {
			placed += c.Totals().Placed
		}
		if placed >= n || clock.System.Sleep(r.t.Context(), 10*time.Millisecond) != nil {
			return
		}
	}
}

// away is how long the broker stays away in system time: a minute, or what QIANFAN_AWAY says.
func away(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("QIANFAN_AWAY")
	if text == "" {
		return time.Minute
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, "QIANFAN_AWAY")
	return d
}

// awayVirtual is how long that is in virtual time, by the clock's speed: less than the quarter
// of an hour after which an order that nobody carries is given up.
const awayVirtual = 10 * time.Minute

// Without a broker orders are still acknowledged, and the callbacks of those under way are
// refused in the carriers' own protocol; when it comes back, everything is made up for.
func TestRealBrokerStaysAway(t *testing.T) {
	w := startReality(t, services.RocketMQOptions{})
	d := away(t)
	speed := min(float64(awayVirtual)/float64(d), emulator.MaxRealSpeed)
	r := startReal(t, w.services("away"), emulator.Options{Orders: 150, Rate: 5 / speed, Speed: speed, Patience: d + 5*time.Minute})
	var outage sync.WaitGroup
	outage.Go(func() {
		r.awaitPlaced(30)
		w.mq.Kill()
		_ = clock.System.Sleep(t.Context(), d)
		require.NoError(t, w.mq.Restart(t.Context()))
	})
	s := r.runFor(d + 10*time.Minute)
	outage.Wait()
	t.Logf("away for %s: orders %+v attempts %+v messages %+v, %.0f s", d, s.Orders, s.Attempts, s.Messages, s.WallS)
	require.Equal(t, 150, s.Orders.Accepted)
	require.GreaterOrEqual(t, s.Orders.Delivered, 140, "an outage delays orders")
}
