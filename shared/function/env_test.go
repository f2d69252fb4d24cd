package function

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func envOf(values map[string]string) *Env {
	return NewEnv(func(name string) (string, bool) { v, ok := values[name]; return v, ok })
}

func TestEnvNamesEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	env := envOf(map[string]string{"D": "soon", "N": "12", "B": "perhaps", "J": `{"base_ulr":"x"}`, "K": "c2hvcnQ=", "P": `{"s": oops-secret}`})
	var into struct {
		BaseURL string `json:"base_url"`
	}
	require.Empty(t, env.Require("MISSING"))
	require.Equal(t, time.Second, env.Duration("D", time.Second))
	require.Equal(t, 5, env.Int("N", 5, 1, 10))
	require.True(t, env.Bool("B", true))
	env.JSON("J", &into)
	env.JSON("P", &into)
	require.Nil(t, env.Key("K", 32))

	var settings *SettingsError
	require.ErrorAs(t, env.Err(), &settings)
	require.Len(t, settings.Problems, 7)
	for i, name := range []string{"MISSING", "D", "N", "B", "J", "P", "K"} {
		require.Contains(t, settings.Problems[i], name+" ")
	}
	require.Contains(t, env.Err().Error(), `unknown field "base_ulr"`)
	require.NotContains(t, env.Err().Error(), "oops", "values may be secrets")
}

func TestEnvReadsGoodSettings(t *testing.T) {
	t.Parallel()
	env := envOf(map[string]string{"S": " text ", "D": "1500ms", "N": "7", "F": "0.5", "B": "1", "EMPTY": "", "J": `{"app_key":"k"}`})
	var into struct {
		AppKey string `json:"app_key"`
	}
	env.JSON("J", &into)
	require.Equal(t, "text", env.Require("S"))
	require.Equal(t, 1500*time.Millisecond, env.Duration("D", time.Second))
	require.Equal(t, 7, env.Int("N", 1, 1, 10))
	require.InDelta(t, 0.5, env.Float("F", 1, 0, 1), 0)
	require.True(t, env.Bool("B", false))
	require.Equal(t, "default", env.Optional("EMPTY", "default"))
	require.Equal(t, "k", into.AppKey)
	require.NoError(t, env.Err())
}

func TestEnvRefusesDevelopmentSecretsOutsideTheEmulator(t *testing.T) {
	t.Parallel()
	values := map[string]string{EnvMeituan: `{"secret":"mt-test-secret-0001"}`}
	into := map[string]string{}

	production := envOf(values)
	production.JSON(EnvMeituan, &into)
	require.ErrorContains(t, production.Err(), EnvMeituan+" holds a published development secret")

	values[EnvDev] = "1"
	emulator := envOf(values)
	emulator.JSON(EnvMeituan, &into)
	require.NoError(t, emulator.Err())
	require.Equal(t, "mt-test-secret-0001", into["secret"])

	values[EnvDev] = "yes"
	require.ErrorContains(t, envOf(values).Err(), EnvDev)
}

func TestLoadCommon(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		EnvMySQLDSN: "dsn", EnvRedisAddr: "redis:6379", EnvRocketMQEndpoint: "mq:8081",
		EnvDataKey: base64.StdEncoding.EncodeToString(make([]byte, 32)),
	}
	env := envOf(values)
	common := LoadCommon(env)
	require.NoError(t, env.Err())
	require.Equal(t, Common{MySQLDSN: "dsn", RedisAddr: "redis:6379", RocketMQ: RocketMQ{Endpoint: "mq:8081"}, DataKey: make([]byte, 32)}, common)

	values[EnvClockFile], values[EnvRocketMQAccessKey] = "/tmp/clock", "key"
	env = envOf(values)
	LoadCommon(env)
	require.ErrorContains(t, env.Err(), EnvClockFile)
	require.ErrorContains(t, env.Err(), EnvRocketMQSecretKey)

	env = envOf(nil)
	LoadCommon(env)
	for _, name := range []string{EnvMySQLDSN, EnvRocketMQEndpoint, EnvDataKey} {
		require.ErrorContains(t, env.Err(), name+" is not set")
	}
}
