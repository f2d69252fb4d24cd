package cache

import (
	"net"

	"github.com/chuandao/qianfan/shared/function"
)

// Names of the settings besides function.EnvRedisAddr.
const (
	EnvPassword = "QIANFAN_REDIS_PASSWORD"
	EnvTLS      = "QIANFAN_REDIS_TLS"
)

// FromEnv reads where Redis is. Without an address there is none, and instances tell each other nothing.
func FromEnv(env *function.Env) Options {
	o := Options{Addr: env.Optional(function.EnvRedisAddr, ""), Password: env.Optional(EnvPassword, ""), TLS: env.Bool(EnvTLS, false)}
	if _, port, err := net.SplitHostPort(o.Addr); o.Addr != "" && (err != nil || port == "") {
		env.Problem(function.EnvRedisAddr, "is not host:port")
	}
	return o
}
