package cli

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/store"
)

// examined runs the doctor with settings and gives its exit code, its findings by check, and what it complained of.
func examined(t *testing.T, file string, settings map[string]string) (code int, found map[string]finding, errs string) {
	t.Helper()
	r := newRig(t, nil)
	r.look = func(name string) (string, bool) { v, ok := settings[name]; return v, ok }
	code, out, errs := r.do(t, "doctor --json --file "+file)
	var list struct{ Checks []finding }
	require.NoError(t, json.Unmarshal([]byte(out), &list), out)
	found = map[string]finding{}
	for _, f := range list.Checks {
		require.Contains(t, []string{fine, note, problem}, f.State)
		require.NotEmpty(t, f.Detail, f.Check)
		require.Equal(t, f.State == fine, f.Remedy == "", "what is not fine has a remedy: %+v", f)
		found[f.Check] = f
	}
	return code, found, errs
}

func TestTheDoctorFindsAHealthyMachine(t *testing.T) {
	t.Parallel()
	code, found, errs := examined(t, "../../s.yaml", nil)
	require.Zero(t, code, "%s %+v", errs, found)
	for _, check := range []string{"go", "sql server", "s.yaml", "deployment", "build", "ports", "QIANFAN_MYSQL_DSN", "QIANFAN_REDIS_ADDR", "QIANFAN_ROCKETMQ_ENDPOINT"} {
		require.Contains(t, found, check)
	}
	require.Equal(t, "unset: embedded", found["QIANFAN_REDIS_ADDR"].Detail)
}

func TestTheDoctorTriesTheServicesThatAreSet(t *testing.T) {
	t.Parallel()
	cache := miniredis.RunT(t)
	broker := declaredBroker(t, nil)
	settings := map[string]string{"QIANFAN_MYSQL_DSN": migrated(t), "QIANFAN_REDIS_ADDR": cache.Addr(), "QIANFAN_ROCKETMQ_ENDPOINT": broker.Addr()}
	code, found, errs := examined(t, "../../s.yaml", settings)
	require.Zero(t, code, errs)
	for setting := range settings {
		require.Equal(t, fine, found[setting].State, "%+v", found[setting])
		require.Contains(t, found[setting].Detail, "answers")
	}
}

// migrated is a database with the schema of this build, as functions see it.
func migrated(t *testing.T) string {
	t.Helper()
	dsn := sqltest.Database(t)
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32)})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()))
	return asApplication(t, db, dsn)
}

// A database that answers may still lack what every order needs: the doctor says so, and what helps.
func TestTheDoctorKnowsWhatPeopleHaveNotSet(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	var at struct{ DSN string }
	require.NoError(t, json.Unmarshal([]byte(r.answers["GET /api/database"]), &at))
	examine := func() string {
		code, out, errs := r.do(t, "doctor --json --file ../../s.yaml")
		require.Zero(t, code, errs)
		var list struct{ Checks []finding }
		require.NoError(t, json.Unmarshal([]byte(out), &list))
		var said []string
		for _, f := range list.Checks {
			if slices.Contains([]string{"settings", "strategies", "shops", "accounts", "switches"}, f.Check) {
				require.Equal(t, f.Check == "settings", f.State == fine, "%+v", f)
				said = append(said, f.Check+": "+f.Detail)
			}
		}
		return strings.Join(said, "\n")
	}
	r.look = func(name string) (string, bool) { return at.DSN, name == "QIANFAN_MYSQL_DSN" }
	require.Equal(t, "strategies: there is none: every order is refused\nshops: there is none: every order is refused", examine())
	r.succeeds(t, r.line("strategy set @default.yaml"))
	r.succeeds(t, r.line("shop import @shops.csv"))
	require.Equal(t, "settings: 1 strategies, 2 prepaid accounts, nothing missing", examine())
	r.succeeds(t, "account alarm shansong main --below 90000")
	_, err := r.db.WatchPrepaids(t.Context(), clock.System.Now())
	require.NoError(t, err)
	require.Regexp(t, `^accounts: shansong/main needs money: .* is less than 90000.00元$`, examine())
	r.succeeds(t, "account alarm shansong main --below 0")
	_, err = r.db.WatchPrepaids(t.Context(), clock.System.Now())
	require.NoError(t, err)
	r.succeeds(t, "account route uupt second --city 330100")
	r.succeeds(t, "switch off carrier uupt --reason storm --by li")
	said := examine()
	require.Contains(t, said, "accounts: serve orders without any money left: uupt/second")
	require.Contains(t, said, "uupt/main has money but no rule")
	require.Contains(t, said, "switches: carrier uupt is off since ")
	require.Contains(t, said, "storm (by li)")
}

func TestTheDoctorKnowsAnOlderSchema(t *testing.T) {
	t.Parallel()
	code, found, _ := examined(t, "../../s.yaml", map[string]string{"QIANFAN_MYSQL_DSN": sqltest.Database(t)})
	require.Equal(t, exitFailed, code)
	require.Contains(t, found["QIANFAN_MYSQL_DSN"].Detail, "the schema of database")
	require.Contains(t, found["QIANFAN_MYSQL_DSN"].Remedy, "qianfan migrate")
}

// declaredBroker is a broker with the topics and groups of s.yaml, changed by spoil.
func declaredBroker(t *testing.T, spoil func(*rocketmq.Options)) *rocketmq.Broker {
	t.Helper()
	file, err := template.Load("../../s.yaml", nil)
	require.NoError(t, err)
	var o rocketmq.Options
	for _, x := range file.Topics {
		o.Topics = append(o.Topics, rocketmq.Topic{Name: x.Name, Type: rocketmq.TopicType(x.Type)})
	}
	for _, g := range file.Groups {
		o.Groups = append(o.Groups, rocketmq.Group{Name: g})
	}
	if spoil != nil {
		spoil(&o)
	}
	b := rocketmq.New(o)
	require.NoError(t, b.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func TestTheDoctorKnowsWhatABrokerLacks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil          func(*rocketmq.Options)
		detail, remedy string
	}{
		"missing topic": {func(o *rocketmq.Options) {
			o.Topics = slices.DeleteFunc(o.Topics, func(x rocketmq.Topic) bool { return x.Name == "order-quoted" })
		}, "topic order-quoted", "qianfan topics"},
		"missing group": {func(o *rocketmq.Options) {
			o.Groups = slices.DeleteFunc(o.Groups, func(x rocketmq.Group) bool { return x.Name == "GID-settle-settlement" })
		}, "group GID-settle-settlement", "qianfan topics"},
		"wrong type": {func(o *rocketmq.Options) {
			for i := range o.Topics {
				if o.Topics[i].Name == "settlement" {
					o.Topics[i].Type = rocketmq.Normal
				}
			}
		}, "s.yaml declares FIFO", "delete the topic"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker := declaredBroker(t, c.spoil)
			code, found, _ := examined(t, "../../s.yaml", map[string]string{"QIANFAN_ROCKETMQ_ENDPOINT": broker.Addr()})
			require.Equal(t, exitFailed, code)
			require.Contains(t, found["QIANFAN_ROCKETMQ_ENDPOINT"].Detail, c.detail)
			require.Contains(t, found["QIANFAN_ROCKETMQ_ENDPOINT"].Remedy, c.remedy)
		})
	}
}

func TestTheDoctorNamesWhatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"QIANFAN_MYSQL_DSN": "root@tcp(127.0.0.1:1)/qianfan", "QIANFAN_REDIS_ADDR": "127.0.0.1:1", "QIANFAN_ROCKETMQ_ENDPOINT": "127.0.0.1:1"}
	code, found, errs := examined(t, "../../s.yaml", settings)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "each with its remedy")
	for setting := range settings {
		require.Equal(t, problem, found[setting].State, setting)
		require.NotEmpty(t, found[setting].Remedy, setting)
	}
}

func TestTheDoctorReadsTheDeploymentDescription(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "s.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("edition: 3.0.0\nresources: [\n"), 0o600))
	for _, file := range []string{broken, broken + ".not-there"} {
		code, found, _ := examined(t, file, nil)
		require.Equal(t, exitFailed, code)
		require.Equal(t, problem, found["s.yaml"].State)
		require.NotContains(t, found, "build", "unknown without the file")
	}
}

func TestATakenPortIsOnlyANote(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	address, ok := taken.Addr().(*net.TCPAddr)
	require.True(t, ok)
	f := checkPorts(t.Context(), []int{address.Port})
	require.Equal(t, note, f.State)
	require.Contains(t, f.Detail, "taken: ")
	require.Equal(t, fine, checkPorts(t.Context(), nil).State)
}
