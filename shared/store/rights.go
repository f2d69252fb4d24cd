package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ledgerTables are those whose rows nobody who serves orders may change: what is proved to an
// accountant rests on them.
var ledgerTables = []string{"ledger_entry", "ledger_seal", "ledger_balance", "ledger_period", "audit"}

// Rights is what is wrong with what a user may do.
type Rights struct {
	User string // user@host, as the server knows it
	// Excess is what would let it change rows of the ledger, as "DELETE, UPDATE on qianfan.*".
	Excess []string
	// Missing is what functions do and it may not, as "INSERT on statement": tables of a newer
	// schema, mostly. It is not looked for where the user has roles.
	Missing []string
}

// Err is nil when nothing is wrong, or else an *ExcessError or a *MissingError.
func (r Rights) Err() error {
	switch {
	case len(r.Excess) > 0:
		return &ExcessError{User: r.User, Excess: r.Excess}
	case len(r.Missing) > 0:
		return &MissingError{User: r.User, Missing: r.Missing}
	}
	return nil
}

// ExcessError says that a user could change entries of the ledger.
type ExcessError struct {
	User   string
	Excess []string
}

// Error names the user, what it may and what to do.
func (e *ExcessError) Error() string {
	return fmt.Sprintf("the database user %s could change the ledger (%s): %s", e.User, strings.Join(e.Excess, "; "), e.Remedy())
}

// Remedy is what to do.
func (e *ExcessError) Remedy() string {
	return "give functions a user of their own (`qianfan migrate --grant USER@HOST` as the owner), and REVOKE from it what reaches beyond this database"
}

// MissingError says that a user may not do what functions do.
type MissingError struct {
	User    string
	Missing []string
}

// Error names the user, what it lacks and what to do.
func (e *MissingError) Error() string {
	return fmt.Sprintf("the database user %s lacks rights (%s): %s", e.User, strings.Join(e.Missing, "; "), e.Remedy())
}

// Remedy is what to do.
func (e *MissingError) Remedy() string {
	return "`qianfan migrate --grant " + e.User + "` as the owner"
}

// Privileges says what the store's user may do that nobody who serves orders should, and what it
// may not though functions need it.
func (s *Store) Privileges(ctx context.Context) (r Rights, err error) {
	db, err := s.upkeep(migrateSetup)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	err = conn.Raw(func(conn any) error {
		r, err = presentRights(ctx, conn.(driver.Conn), s.config.DBName)
		return err
	})
	return r, err
}

// presentRights judges the user of a bare connection.
func presentRights(ctx context.Context, conn driver.Conn, database string) (Rights, error) {
	who, err := texts(ctx, conn, "SELECT CURRENT_USER(), COALESCE(CURRENT_ROLE(), 'NONE')")
	if err != nil {
		return Rights{}, fmt.Errorf("ask who the database user is: %w", err)
	}
	r := Rights{User: who[0][0]}
	have, err := rightsOf(ctx, conn, r.User)
	if err != nil {
		return r, err
	}
	r.Excess = have.excess(database)
	if who[0][1] != "NONE" {
		r.Excess = append(r.Excess, byRole(ctx, conn)...)
		return r, nil
	}
	r.Missing = have.missing()
	return r, nil
}

// right is one privilege: everywhere when schema is empty, on a whole database when table is.
type right struct{ schema, table, privilege string }

type rights []right

// rightsOf reads what a user has been granted that matters to this database; whoever may see a user
// at all sees at least USAGE. Roles are not in it.
func rightsOf(ctx context.Context, conn driver.Conn, account string) (rights, error) {
	at := strings.LastIndex(account, "@")
	grantee := "'" + account[:at] + "'@'" + account[at+1:] + "'"
	rows, err := texts(ctx, conn, `SELECT '', '', privilege_type FROM information_schema.user_privileges WHERE grantee = ?
 UNION ALL SELECT table_schema, '', privilege_type FROM information_schema.schema_privileges WHERE grantee = ? AND (DATABASE() LIKE table_schema OR 'mysql' LIKE table_schema)
 UNION ALL SELECT table_schema, table_name, privilege_type FROM information_schema.table_privileges WHERE grantee = ? AND table_schema = DATABASE()
 UNION ALL SELECT table_schema, table_name, privilege_type FROM information_schema.column_privileges WHERE grantee = ? AND table_schema = DATABASE() AND privilege_type = 'UPDATE'`,
		grantee, grantee, grantee, grantee)
	if err != nil {
		return nil, fmt.Errorf("read the rights of %s: %w", account, err)
	}
	var all rights
	for _, row := range rows {
		all = append(all, right{row[0], row[1], row[2]})
	}
	return all, nil
}

// What lets its holder change rows that are there, or make itself a user who may.
var (
	changing   = []string{"UPDATE", "DELETE", "DROP", "ALTER", "TRIGGER"}
	escalating = []string{"CREATE USER", "SUPER"}
)

// excess is what would let its holder change the ledger, a line for each table, database or *.*.
func (all rights) excess(database string) []string {
	byScope := lines{}
	for _, r := range all {
		switch {
		case r.schema == "" && (slices.Contains(changing, r.privilege) || slices.Contains(escalating, r.privilege)):
			byScope.add("*.*", r.privilege)
		case r.schema == "mysql" && slices.Contains([]string{"INSERT", "UPDATE", "DELETE"}, r.privilege):
			byScope.add("mysql.*", r.privilege)
		case r.schema == "" || r.schema == "mysql" || !slices.Contains(changing, r.privilege):
		case r.table == "":
			byScope.add(strings.ReplaceAll(r.schema, `\`, "")+".*", r.privilege)
		case slices.Contains(ledgerTables, r.table):
			byScope.add(database+"."+r.table, r.privilege)
		}
	}
	return byScope.sorted()
}

// missing is what functions need and is not granted, a line for each table.
func (all rights) missing() []string {
	has := func(table, privilege string) bool {
		return slices.ContainsFunc(all, func(r right) bool {
			return r.privilege == privilege && r.schema != "mysql" && (r.table == "" || r.table == table)
		})
	}
	byTable := lines{}
	for _, t := range grants {
		for privilege := range strings.SplitSeq(t.may, ", ") {
			if !has(t.table, privilege) {
				byTable.add(t.table, privilege)
			}
		}
	}
	if !has("", "LOCK TABLES") {
		byTable.add("the database", "LOCK TABLES")
	}
	return byTable.sorted()
}

// lines are privileges by what they are about.
type lines map[string][]string

func (l lines) add(scope, privilege string) {
	if !slices.Contains(l[scope], privilege) {
		l[scope] = append(l[scope], privilege)
	}
}

func (l lines) sorted() []string {
	var out []string
	for scope, privileges := range l {
		slices.Sort(privileges)
		out = append(out, strings.Join(privileges, ", ")+" on "+scope)
	}
	slices.Sort(out)
	return out
}

// byRole asks the server itself, since what a role may is in no list that both have. Nothing
// is changed: EXPLAIN is refused just as the statement is.
func byRole(ctx context.Context, conn driver.Conn) []string {
	found := lines{}
	for _, probe := range []struct{ privilege, table, statement string }{
		{"UPDATE", "ledger_entry", "UPDATE ledger_entry SET tx = tx WHERE id = 0"},
		{"DELETE", "ledger_entry", "DELETE FROM ledger_entry WHERE id = 0"},
		{"UPDATE", "ledger_seal", "UPDATE ledger_seal SET hash = hash WHERE to_id = 0"},
		{"DELETE", "ledger_seal", "DELETE FROM ledger_seal WHERE to_id = 0"},
	} {
		if _, err := texts(ctx, conn, "EXPLAIN "+probe.statement); err == nil {
			found.add(probe.table+" by a role", probe.privilege)
		}
	}
	return found.sorted()
}

// texts runs a query on a bare connection and reads every column as text.
func texts(ctx context.Context, conn driver.Conn, query string, args ...string) (all [][]string, err error) {
	values := make([]driver.NamedValue, len(args))
	for i, a := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, query, values)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		row := make([]driver.Value, len(rows.Columns()))
		if err := rows.Next(row); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return all, err
		}
		line := make([]string, len(row))
		for i, v := range row {
			switch v := v.(type) {
			case []byte:
				line[i] = string(v)
			case nil:
			default:
				line[i] = fmt.Sprint(v)
			}
		}
		all = append(all, line)
	}
}
