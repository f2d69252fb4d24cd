package cli

import (
	"fmt"
	"strings"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/store"
)

// migrateCmd brings a real database to the schema of this build, and lets the functions' user work in it.
type migrateCmd struct {
	Up    migrateUpCmd    `cmd:"" default:"withargs" help:"Bring the schema to this build's version (the default)."`
	Grant migrateGrantCmd `cmd:"" help:"Let a user do what functions do, and nothing that could change the ledger."`
}

type migrateUpCmd struct {
	Status bool   `help:"Only say which version the database has; exit 1 when it is older than this build needs."`
	Create bool   `help:"Create the database first, if it is not there."`
	Grant  string `placeholder:"USER[@HOST]" help:"Let this user, who must exist, do what functions do."`
}

// Help is the example.
func (migrateUpCmd) Help() string {
	return `Examples:
  qianfan migrate --create
  qianfan migrate --grant qianfan_functions
  qianfan migrate --status

QIANFAN_MYSQL_DSN names the database, as the user who owns it. Run it before functions of a newer release are deployed: they refuse to serve on an older schema,
while those of the older release go on working on the newer one. Of several at once, one works and the others wait.

--grant, each time, gives the functions' user its rights on every table; ` + "`qianfan migrate grant`" + ` does that alone.`
}

// Run is the verb.
func (c migrateUpCmd) Run(e *env) error {
	if c.Status && c.Grant != "" {
		return usage("--status changes nothing: leave --grant out")
	}
	user, host, err := account(c.Grant)
	if err != nil {
		return err
	}
	db, err := ownersStore(e, c.Create && !c.Status)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	before, want, err := db.SchemaVersion(e.ctx)
	if err != nil {
		return err
	}
	after := before
	if !c.Status && before < want {
		e.tell("migrating from version %d to %d; orders may go on meanwhile", before, want)
		if err := db.Migrate(e.ctx); err != nil {
			return err
		}
		if after, _, err = db.SchemaVersion(e.ctx); err != nil {
			return err
		}
		if user == "" {
			e.tell("the functions' user has no right on new tables yet: `qianfan migrate grant USER[@HOST]`")
		}
	}
	shown := map[string]any{"before": before, "version": after, "want": want}
	var granted *store.GrantReport
	if user != "" {
		report, err := db.Grant(e.ctx, user, host)
		if err != nil {
			return err
		}
		granted = &report
		shown["grant"] = grantShown(report)
	}
	if err := e.show(shown, func() {
		e.say("version %d, this build wants %d", after, want)
		if granted != nil {
			sayGrant(e, *granted)
		}
	}); err != nil {
		return err
	}
	if after < want {
		return fmt.Errorf("the schema is older than this build needs: run `qianfan migrate`")
	}
	return nil
}

type migrateGrantCmd struct {
	User string `arg:"" name:"user[@host]" help:"The user; from any host when none is named."`
}

// Help is the example.
func (migrateGrantCmd) Help() string {
	return `Example:
  qianfan migrate grant qianfan_functions@10.0.%

QIANFAN_MYSQL_DSN names the database, as its owner: ALL PRIVILEGES on it, WITH GRANT OPTION. The user must exist (CREATE USER 'qianfan_functions'@'10.0.%'
IDENTIFIED BY '…'). It gets table by table what functions, console and verbs do; on the ledger's tables that is SELECT and INSERT. What it
had too much of on this database is revoked, without a pause for those at work. What it has beyond this database is an error that names it.`
}

// Run is the verb.
func (c migrateGrantCmd) Run(e *env) error {
	user, host, err := account(c.User)
	if err != nil {
		return err
	}
	db, err := ownersStore(e, false)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	report, err := db.Grant(e.ctx, user, host)
	if err != nil {
		return err
	}
	return e.show(grantShown(report), func() { sayGrant(e, report) })
}

// ownersStore opens the database of QIANFAN_MYSQL_DSN for what changes its schema or its users.
func ownersStore(e *env, create bool) (*store.Store, error) {
	dsn, _ := e.look(function.EnvMySQLDSN)
	if dsn == "" {
		return nil, usage("%s is not set: the embedded database needs no migration", function.EnvMySQLDSN)
	}
	if create {
		if err := store.CreateDatabase(e.ctx, dsn); err != nil {
			return nil, err
		}
	}
	return store.Open(store.Options{DSN: dsn, Key: make([]byte, 32), MaxConns: 1}) // the key seals nothing here
}

// account reads USER[@HOST]; both are empty when the text is.
func account(text string) (user, host string, err error) {
	if text == "" {
		return "", "", nil
	}
	user, host = text, "%"
	if at := strings.LastIndex(text, "@"); at >= 0 {
		user, host = text[:at], text[at+1:]
	}
	if user == "" || host == "" {
		return "", "", usage("%q: want USER or USER@HOST, as qianfan_functions@10.0.%%", text)
	}
	return user, host, nil
}

func grantShown(r store.GrantReport) map[string]any {
	revoked := r.Revoked
	if revoked == nil {
		revoked = []string{}
	}
	return map[string]any{"user": r.User, "tables": r.Tables, "revoked": revoked, "seen": r.Seen}
}

func sayGrant(e *env, r store.GrantReport) {
	e.say("%s has the rights of functions on %d tables", r.User, r.Tables)
	for _, x := range r.Revoked {
		e.say("revoked: %s", x)
	}
	if !r.Seen {
		e.say("whether it has more than that cannot be seen by this owner: run `qianfan doctor` with the functions' own %s", function.EnvMySQLDSN)
	}
}
