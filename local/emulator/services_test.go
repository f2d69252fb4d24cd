package emulator_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/store"
)

// beside is a broker that somebody else runs, with the topics and groups of s.yaml.
func beside(t *testing.T) string {
	t.Helper()
	file, err := template.Load(root+"/s.yaml", nil)
	require.NoError(t, err)
	var o rocketmq.Options
	for _, x := range file.Topics {
		o.Topics = append(o.Topics, rocketmq.Topic{Name: x.Name, Type: rocketmq.TopicType(x.Type)})
	}
	for _, g := range file.Groups {
		o.Groups = append(o.Groups, rocketmq.Group{Name: g})
	}
	b := rocketmq.New(o)
	require.NoError(t, b.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b.Addr()
}

// Services that somebody else runs are used by their addresses; a database with orders of an
// earlier run is emptied only when that is asked for.
func TestServicesByAddress(t *testing.T) {
	t.Parallel()
	on := emulator.Services{MySQLDSN: sqltest.Database(t), RedisAddr: miniredis.RunT(t).Addr(), RocketMQ: beside(t)}
	t.Run("run", func(t *testing.T) {
		r := start(t, emulator.Options{Orders: 40, Rate: 2, Speed: emulator.MaxRealSpeed, Haste: 10, Services: on})
		require.Nil(t, r.Broker, "no embedded broker runs")
		s := r.run()
		require.Equal(t, 40, s.Orders.Delivered)
		require.Equal(t, "rocketmq "+on.RocketMQ, s.Broker)
		require.Positive(t, s.Messages.Sent)
	})
	again := emulator.Options{Root: root, NoBuild: true, Services: on}.Ephemeral()
	_, err := emulator.Start(t.Context(), again, io.Discard)
	require.ErrorIs(t, err, emulator.ErrUsedDatabase)
	require.ErrorContains(t, err, "--reset")
	t.Run("reset", func(t *testing.T) {
		r := start(t, emulator.Options{Services: on, Reset: true})
		counts, err := r.Store.StatusCounts(t.Context())
		require.NoError(t, err)
		require.Empty(t, counts.Orders)
	})
}

// An address that is left over from a deployment must cost nothing: neither its books nor its shops are touched, and
// --reset does not empty it.
func TestADatabaseOfADeploymentIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		fill  func(t *testing.T, db *store.Store)
		reset []bool
	}{
		{"provisioned", func(t *testing.T, db *store.Store) {
			require.NoError(t, db.Migrate(t.Context()))
			require.NoError(t, db.SaveShops(t.Context(), []store.Shop{{Platform: "meituan", Code: "1001", City: "330100", CityName: "杭州市"}}))
			_, err := db.Deposit(t.Context(), "first", "shansong", "20000000000000001", 100_00, 1, noon)
			require.NoError(t, err)
		}, []bool{false, true}},
		{"migrated", func(t *testing.T, db *store.Store) { require.NoError(t, db.Migrate(t.Context())) }, []bool{false}},
	} {
		for _, reset := range row.reset {
			t.Run(fmt.Sprint(row.name, " reset ", reset), func(t *testing.T) {
				t.Parallel()
				slot(t)
				on := emulator.Services{MySQLDSN: sqltest.Database(t)}
				db, err := store.Open(store.Options{DSN: on.MySQLDSN, Key: make([]byte, 32), MaxConns: 1})
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, db.Close()) })
				row.fill(t, db)
				before, err := store.Look(t.Context(), on.MySQLDSN, "")
				require.NoError(t, err)
				balances, err := db.Balances(t.Context())
				require.NoError(t, err)

				_, err = emulator.Start(t.Context(), emulator.Options{Root: root, NoBuild: true, Services: on, Reset: reset}.Ephemeral(), io.Discard)
				require.ErrorIs(t, err, emulator.ErrForeignDatabase)
				require.ErrorContains(t, err, "QIANFAN_MYSQL_DSN")
				after, err := store.Look(t.Context(), on.MySQLDSN, "")
				require.NoError(t, err)
				require.Equal(t, before, after)
				untouched, err := db.Balances(t.Context())
				require.NoError(t, err)
				require.Equal(t, balances, untouched)
			})
		}
	}
}

// A service that is needed and does not answer is named with its setting; nothing is left running.
func TestServicesThatAreAway(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		on   emulator.Services
		says []string
	}{
		{"sql", emulator.Services{MySQLDSN: "root:hunter2@tcp(127.0.0.1:1)/qianfan"}, []string{"QIANFAN_MYSQL_DSN", "127.0.0.1:1"}},
		{"no data source name", emulator.Services{MySQLDSN: "hunter2"}, []string{"QIANFAN_MYSQL_DSN", "user:password@tcp(host:3306)/qianfan"}},
		{"rocketmq", emulator.Services{RocketMQ: "127.0.0.1:1"}, []string{"QIANFAN_ROCKETMQ_ENDPOINT", "no RocketMQ 5 answers", "start that RocketMQ 5"}},
		{"no endpoint", emulator.Services{RocketMQ: "somewhere"}, []string{"QIANFAN_ROCKETMQ_ENDPOINT", "host:port"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			slot(t)
			_, err := emulator.Start(t.Context(), emulator.Options{Root: root, NoBuild: true, Services: row.on}.Ephemeral(), io.Discard)
			for _, text := range row.says {
				require.ErrorContains(t, err, text)
			}
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

// Redis holds only what may be lost: without it everything goes on.
func TestRedisThatIsAwayIsNotMissed(t *testing.T) {
	t.Parallel()
	r := start(t, emulator.Options{Orders: 20, Rate: 5, Speed: 60, Services: emulator.Services{RedisAddr: "127.0.0.1:1"}})
	s := r.run()
	require.Equal(t, 20, s.Orders.Delivered)
	require.Contains(t, s.Cache, "away")
}
