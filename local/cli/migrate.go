package cli

import (
	"fmt"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/store"
)

// migrateCmd brings a real database to the schema of this build.
type migrateCmd struct {
	Status bool `help:"Only say which version the database has; exit 1 when it is older than this build needs."`
	Create bool `help:"Create the database first, if it is not there."`
}

// Help is the example.
func (migrateCmd) Help() string {
	return `Examples:
  qianfan migrate --create
  qianfan migrate --status

QIANFAN_MYSQL_DSN names the database. Run it before functions of a newer release are deployed: they refuse to serve on an older schema,
while those of the older release go on working on the newer one. Of several at once, one works and the others wait.`
}

// Run is the verb.
func (c migrateCmd) Run(e *env) error {
	dsn, _ := e.look(function.EnvMySQLDSN)
	if dsn == "" {
		return usage("%s is not set: the embedded database needs no migration", function.EnvMySQLDSN)
	}
	if c.Create && !c.Status {
		if err := store.CreateDatabase(e.ctx, dsn); err != nil {
			return err
		}
	}
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32), MaxConns: 1}) // the key seals nothing here
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
	}
	if err := e.show(map[string]int{"before": before, "version": after, "want": want}, func() {
		e.say("version %d, this build wants %d", after, want)
	}); err != nil {
		return err
	}
	if after < want {
		return fmt.Errorf("the schema is older than this build needs: run `qianfan migrate`")
	}
	return nil
}
