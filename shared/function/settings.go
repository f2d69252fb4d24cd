package function

// RocketMQ is how to reach the broker. The keys are empty where the instance checks no access.
type RocketMQ struct {
	Endpoint  string // host:port of the gRPC endpoint
	AccessKey string
	SecretKey string
}

// Common holds the settings that every function has.
type Common struct {
	MySQLDSN  string // go-sql-driver/mysql form
	RedisAddr string // host:port
	RocketMQ  RocketMQ
	DataKey   []byte // 32 bytes
	ClockFile string // empty outside the emulator: business time is system time
	Dev       bool
}

// LoadCommon reads the common settings.
func LoadCommon(env *Env) Common {
	c := Common{
		MySQLDSN:  env.Require(EnvMySQLDSN),
		RedisAddr: env.Optional(EnvRedisAddr, ""),
		RocketMQ: RocketMQ{
			Endpoint:  env.Require(EnvRocketMQEndpoint),
			AccessKey: env.Optional(EnvRocketMQAccessKey, ""),
			SecretKey: env.Optional(EnvRocketMQSecretKey, ""),
		},
		DataKey:   env.Key(EnvDataKey, 32),
		ClockFile: env.Optional(EnvClockFile, ""),
		Dev:       env.Dev(),
	}
	if (c.RocketMQ.AccessKey == "") != (c.RocketMQ.SecretKey == "") {
		env.Problem(EnvRocketMQSecretKey, "and %s must be set together", EnvRocketMQAccessKey)
	}
	if c.ClockFile != "" && !c.Dev {
		env.Problem(EnvClockFile, "is for the emulator only: business time must not be moved in production")
	}
	return c
}
