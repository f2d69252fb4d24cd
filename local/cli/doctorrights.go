package cli

import (
	"cmp"
	"context"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/store"
)

// checkRights looks at what the functions' database user may do: nothing that could change the
// ledger, and all that functions do. It is the user of QIANFAN_MYSQL_APP_DSN where an emulator's
// settings name one, or else that of QIANFAN_MYSQL_DSN. With QIANFAN_DEV=1 it is only a note.
func checkRights(e *env) finding {
	f := finding{Check: "database user", State: fine}
	dsn, _ := e.look(function.EnvMySQLDSN)
	app, _ := e.look(function.EnvMySQLAppDSN)
	ctx, cancel := context.WithTimeout(e.ctx, reach)
	defer cancel()
	r, err := readRights(ctx, cmp.Or(app, dsn))
	if err == nil {
		err = r.Err()
	}
	if err == nil {
		f.Detail = r.User + " can read the ledger and add to it, not change it"
		return f
	}
	f.State, f.Detail, f.Remedy = problem, err.Error(), remedyFor(err, "MySQL")
	if dev, _ := e.look(function.EnvDev); dev == "1" {
		f.State = note
	}
	return f
}

func readRights(ctx context.Context, dsn string) (store.Rights, error) {
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32), MaxConns: 1})
	if err != nil {
		return store.Rights{}, err
	}
	defer func() { _ = db.Close() }()
	return db.Privileges(ctx)
}
