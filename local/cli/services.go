package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/services"
	"github.com/chuandao/qianfan/local/sqlserver"
	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/function"
)

// servicesCmd runs real services for an emulator in another shell.
type servicesCmd struct {
	File string `default:"s.yaml" type:"path" help:"The deployment description, for topics and groups."`
}

// Help is the example.
func (servicesCmd) Help() string {
	return `Example:
  qianfan services

It prints four settings; with those, "qianfan up --haste 10" in another shell runs on these services. RocketMQ 5 is fetched with Maven once (100 MB); redis-server and a SQL server are those of the system. All of them are private: on free
ports of the loopback interface, in temporary directories, gone with Ctrl-C.`
}

// Run is the verb.
func (c servicesCmd) Run(e *env) error {
	file, err := template.Load(c.File, nil)
	if err != nil {
		return fmt.Errorf("%w; run it where s.yaml is, or name the file with --file", err)
	}
	e.tell("starting RocketMQ, Redis and a SQL server; the first time RocketMQ is fetched, which takes a minute")
	set, err := startServices(e.ctx, e, file)
	defer func() { set.close() }()
	if err != nil {
		return err
	}
	settings := map[string]string{
		function.EnvMySQLDSN: set.sql.TCPDSN("qianfan"), function.EnvMySQLAppDSN: set.sql.AppTCPDSN("qianfan"), function.EnvRedisAddr: set.redis.Addr(), function.EnvRocketMQEndpoint: set.mq.Endpoint(),
	}
	if err := e.show(map[string]any{"env": settings, "namesrv": set.mq.Namesrv()}, func() {
		for _, name := range []string{function.EnvMySQLDSN, function.EnvMySQLAppDSN, function.EnvRedisAddr, function.EnvRocketMQEndpoint} {
			e.say("export %s='%s'", name, settings[name])
		}
	}); err != nil {
		return err
	}
	e.tell("they run until Ctrl-C")
	return set.wait(e.ctx)
}

// serviceSet is what was started; nil fields were not.
type serviceSet struct {
	mq    *services.RocketMQ
	redis *services.Redis
	sql   *sqlserver.Server
}

func startServices(ctx context.Context, e *env, file *template.File) (*serviceSet, error) {
	var topics []rocketmq.Topic
	for _, t := range file.Topics {
		topics = append(topics, rocketmq.Topic{Name: t.Name, Type: rocketmq.TopicType(t.Type)})
	}
	var groups []rocketmq.Group
	for _, g := range file.Groups {
		groups = append(groups, rocketmq.Group{Name: g})
	}
	set := &serviceSet{}
	g, starting := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		set.mq, err = services.StartRocketMQ(starting, services.RocketMQOptions{Topics: topics, Groups: groups, CheckInterval: 5 * time.Second})
		return err
	})
	g.Go(func() (err error) {
		set.redis, err = services.StartRedis(starting, services.RedisOptions{})
		return err
	})
	g.Go(func() (err error) {
		set.sql, err = sqlserver.Start(starting, sqlserver.Options{Durability: sqlserver.Flush, TCP: true})
		return err
	})
	return set, g.Wait()
}

// wait returns when somebody wants the end, or a service has ended by itself.
func (s *serviceSet) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.mq.Exited():
		return errors.New("RocketMQ has ended by itself")
	case <-s.sql.Exited():
		return errors.New("the SQL server has ended by itself")
	}
}

func (s *serviceSet) close() {
	if s.mq != nil {
		_ = s.mq.Close() // its directory is temporary
	}
	if s.redis != nil {
		_ = s.redis.Close()
	}
	if s.sql != nil {
		s.sql.Close()
	}
}
