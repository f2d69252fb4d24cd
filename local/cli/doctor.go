package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chuandao/qianfan/deploy"
	"github.com/chuandao/qianfan/local/sqlserver"
	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/local/trigger"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/store"
)

// doctorCmd checks what a machine needs.
type doctorCmd struct {
	File string `default:"s.yaml" type:"path" help:"The deployment description."`
}

// Help is the example.
func (doctorCmd) Help() string {
	return "Example:\n  qianfan doctor\n\nA problem keeps `qianfan up` from running; a note does not. Settings of real services are tried when they are set; of a database\nit is also said what is missing before orders can be taken and carried."
}

// Outcomes of a check.
const (
	fine    = "ok"
	note    = "note"
	problem = "problem"
)

// finding is one line of the doctor.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"` // ok, note, problem
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// errSick says that a check found a problem.
var errSick = errors.New("something is missing: see the problems above, each with its remedy")

// reach bounds the try to reach a service.
const reach = 15 * time.Second

// Run is the verb.
func (c doctorCmd) Run(e *env) error {
	findings := []finding{checkGo(e.ctx), checkSQL(e.ctx)}
	file, template := checkTemplate(c.File)
	findings = append(findings, template)
	if file != nil {
		findings = append(findings, checkDescription(c.File), checkBuild(file))
	}
	findings = append(findings, checkPorts(e.ctx, defaultPorts))
	findings = append(findings, checkServices(e, file)...)
	err := e.show(map[string]any{"checks": findings}, func() {
		var lines [][]string
		for _, f := range findings {
			lines = append(lines, []string{f.State, f.Check, f.Detail})
			if f.Remedy != "" {
				lines = append(lines, []string{"", "", "→ " + f.Remedy})
			}
		}
		e.table([]string{"STATE", "CHECK", "DETAIL"}, lines)
	})
	for _, f := range findings {
		if f.State == problem {
			return errors.Join(err, errSick)
		}
	}
	return err
}

func checkGo(ctx context.Context) finding {
	f := finding{Check: "go", State: fine}
	out, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		f.State, f.Detail, f.Remedy = problem, fmt.Sprintf("the go command does not run: %v", err), "install Go 1.26 or later from https://go.dev/dl and put it on PATH"
		return f
	}
	f.Detail = strings.TrimSpace(string(out))
	return f
}

func checkSQL(ctx context.Context) finding {
	f := finding{Check: "sql server", State: fine}
	b, err := sqlserver.Find(ctx)
	if err != nil {
		f.State, f.Detail, f.Remedy = problem, err.Error(), "install mariadb-server (or mysql-server) with the system's package manager; it need not run"
		return f
	}
	f.Detail = fmt.Sprintf("%s (%s)", b, b.Path)
	return f
}

func checkTemplate(path string) (*template.File, finding) {
	f := finding{Check: "s.yaml", State: fine}
	file, err := template.Load(path, nil)
	if err != nil {
		f.State, f.Detail, f.Remedy = problem, err.Error(), "run qianfan where s.yaml is, and correct what it names"
		return nil, f
	}
	f.Detail = fmt.Sprintf("%d functions, %d topics, %d groups", len(file.Functions), len(file.Topics), len(file.Groups))
	return file, f
}

// checkDescription is `qianfan verify` in a line, for the file alone: this shell's settings are those of a development machine.
func checkDescription(path string) finding {
	f := finding{Check: "deployment", State: fine, Detail: "every rule of `qianfan verify` holds"}
	err := checkDeployment(path, func(string) (string, bool) { return "", false })
	if err == nil {
		return f
	}
	f.State, f.Detail, f.Remedy = problem, err.Error(), "`qianfan verify` lists each problem with its remedy"
	if all := deploy.AsProblems(err); len(all) > 0 {
		f.Detail = fmt.Sprintf("%d problems, the first at %s: %s", len(all), all[0].Path, all[0].Text)
	}
	return f
}

func checkBuild(file *template.File) finding {
	f := finding{Check: "build", State: fine, Detail: "every function has its binary"}
	var missing []string
	for _, fn := range file.Functions {
		if _, err := os.Stat(filepath.Join(fn.CodeDir, "bootstrap")); err != nil {
			missing = append(missing, fn.Resource)
		}
	}
	if len(missing) > 0 {
		f.State, f.Detail, f.Remedy = note, "not built: "+strings.Join(missing, ", "), "`qianfan up` builds them itself, as does `make build`"
	}
	return f
}

// defaultPorts are the default addresses, which an emulator leaves when they are taken.
var defaultPorts = []int{9000, 9010, 9081, 9101, 9102, 9103, 9201, 9202, 9203, 9204}

func checkPorts(ctx context.Context, ports []int) finding {
	f := finding{Check: "ports", State: fine, Detail: "the default ports are free"}
	var taken []string
	for _, port := range ports {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			taken = append(taken, strconv.Itoa(port))
			continue
		}
		_ = l.Close() // nothing was accepted
	}
	if len(taken) > 0 {
		f.State, f.Detail, f.Remedy = note, "taken: "+strings.Join(taken, ", "), "`qianfan up` moves to the next free ones and says so; perhaps an emulator runs already"
	}
	return f
}

// checkServices tries the real services that are set.
func checkServices(e *env, file *template.File) []finding {
	var all []finding
	for _, s := range []struct {
		setting, what string
		try           func(ctx context.Context, value string) []error
	}{
		{function.EnvMySQLDSN, "MySQL", tryMySQL},
		{function.EnvRedisAddr, "Redis", tryRedis},
		{function.EnvRocketMQEndpoint, "RocketMQ", func(ctx context.Context, endpoint string) []error { return tryRocketMQ(ctx, endpoint, file) }},
	} {
		value, ok := e.look(s.setting)
		if !ok || value == "" {
			all = append(all, finding{Check: s.setting, State: fine, Detail: "unset: embedded"})
			continue
		}
		ctx, cancel := context.WithTimeout(e.ctx, reach)
		problems := s.try(ctx, value)
		cancel()
		if len(problems) == 0 {
			all = append(all, finding{Check: s.setting, State: fine, Detail: s.what + " answers"})
		}
		if len(problems) == 0 && s.setting == function.EnvMySQLDSN {
			all = append(all, checkRights(e))
			all = append(all, checkSettings(e)...)
		}
		for _, err := range problems {
			all = append(all, finding{Check: s.setting, State: problem, Detail: err.Error(), Remedy: remedyFor(err, s.what)})
		}
	}
	return all
}

// remedyFor is what the error itself advises, or else the general advice about a service.
func remedyFor(err error, what string) string {
	var remedied interface{ Remedy() string }
	if errors.As(err, &remedied) {
		return remedied.Remedy()
	}
	return fmt.Sprintf("start that %s, correct the setting, or unset it to use the embedded one", what)
}

func tryMySQL(ctx context.Context, dsn string) []error {
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32), MaxConns: 1})
	if err != nil {
		return []error{err}
	}
	defer func() { _ = db.Close() }()
	if err := db.Ping(ctx); err != nil {
		return []error{err}
	}
	return nil
}

func tryRedis(ctx context.Context, addr string) []error {
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	if err := client.Ping(ctx).Err(); err != nil {
		return []error{fmt.Errorf("redis %s: %w", addr, err)}
	}
	return nil
}

// tryRocketMQ asks for every topic and group of s.yaml; without that file, only whether somebody answers.
func tryRocketMQ(ctx context.Context, endpoint string, file *template.File) []error {
	if file != nil {
		return trigger.Inspect(ctx, endpoint, file)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return []error{fmt.Errorf("rocketmq: %w", err)}
	}
	_ = conn.Close()
	return nil
}
