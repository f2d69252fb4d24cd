package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What the application's user may do with a table. Nothing is ever deleted by statement except
// what housekeeping purges; days leave as partitions, for which both servers want ALTER and DROP.
const (
	mayRead   = "SELECT"
	mayMove   = "SELECT, UPDATE"
	mayAppend = "SELECT, INSERT"
	mayWrite  = "SELECT, INSERT, UPDATE"
	mayPurge  = "SELECT, INSERT, UPDATE, DELETE"
	mayTurn   = "SELECT, INSERT, UPDATE, ALTER, DROP"
)

// grants has a line for every table: what functions, console and operators' verbs do with it.
// Whoever adds a table adds its line; what is written once and for all is mayAppend.
var grants = []struct{ table, may string }{
	{"ledger_entry", mayAppend}, {"ledger_seal", mayAppend}, {"ledger_balance", mayAppend}, {"ledger_period", mayAppend},
	{"audit", mayAppend}, {"rule_book", mayAppend}, {"statement_step", mayAppend},
	{"ledger_mark", mayMove}, {"ledger_key", mayWrite}, {"ledger_transfer", mayWrite}, {"prepaid_shard", mayWrite}, {"prepaid_watch", mayWrite},
	{"bill", mayWrite}, {"money_item", mayWrite}, {"statement", mayWrite},
	{"orders", mayTurn}, {"order_detail", mayTurn}, {"quote", mayTurn}, {"quote_outcome", mayTurn}, {"attempt", mayTurn},
	{"order_event", mayTurn}, {"order_command", mayTurn}, {"fact", mayTurn},
	{"order_key", mayPurge}, {"carrier_ref", mayPurge}, {"intake_batch", mayPurge}, {"parked_event", mayPurge}, {"dead_letter", mayPurge},
	{"shop", mayWrite}, {"strategy", mayWrite}, {"live_switch", mayWrite}, {"carrier_account", mayWrite}, {"token", mayWrite},
	{"housekeeping", mayWrite}, {"goose_db_version", mayRead},
}

// tablePrivileges are all that both servers can grant on a table.
var tablePrivileges = strings.Split("SELECT,INSERT,UPDATE,DELETE,CREATE,DROP,REFERENCES,INDEX,ALTER,CREATE VIEW,SHOW VIEW,TRIGGER", ",")

// GrantReport is what Grant did.
type GrantReport struct {
	User    string   // user@host
	Tables  int      // on which it has rights now
	Revoked []string // what it had too much of, as "UPDATE on qianfan.*"
	Seen    bool     // false: the owner may not look at others' rights, so more of them may be left
}

// Grant lets a user that exists do with this database what functions do, table by table, and
// takes from it what is too much. It must be called as the owner, who has every right on the
// database with GRANT OPTION. Functions may be at work meanwhile. Rights that cannot be taken
// away here, since they are not about this database alone, are an *ExcessError.
func (s *Store) Grant(ctx context.Context, user, host string) (report GrantReport, err error) {
	report.User = user + "@" + host
	if user == "" || host == "" {
		return report, fmt.Errorf("grant to %q: want a user and the host it comes from, as qianfan_functions@%%", report.User)
	}
	db, err := s.upkeep(migrateSetup)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return report, fmt.Errorf("grant to %s: %w", report.User, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	g := granter{conn: conn, user: user, host: host, database: s.config.DBName}
	if err := g.check(ctx); err != nil {
		return report, err
	}
	before, err := g.rights(ctx)
	if err != nil {
		return report, err
	}
	if err := g.grant(ctx, before); err != nil {
		return report, g.explain(err)
	}
	after, err := g.rights(ctx)
	if err != nil {
		return report, err
	}
	report.Tables, report.Seen = len(grants), len(after) > 0
	left := after.excess(s.config.DBName)
	for _, x := range before.excess(s.config.DBName) {
		if !slices.Contains(left, x) {
			report.Revoked = append(report.Revoked, x)
		}
	}
	if len(left) > 0 {
		return report, &ExcessError{User: report.User, Excess: left}
	}
	return report, nil
}

// granter gives one user its rights.
type granter struct {
	conn                 *sql.Conn
	user, host, database string
}

// check refuses what would lock somebody out, or grant rights on tables that are not there.
func (g granter) check(ctx context.Context) error {
	var present string
	if err := g.conn.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&present); err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	if present == g.user+"@"+g.host {
		return fmt.Errorf("grant to %s: that is the owner itself, who migrates: give functions a user of their own, CREATE USER 'qianfan_functions'@'%%' IDENTIFIED BY '…'", present)
	}
	var have int
	err := g.conn.QueryRowContext(ctx, selectVersion).Scan(&have)
	if number(err) == errNoSuchTable {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if have < wantVersion {
		return &SchemaError{Database: g.database, Have: have, Want: wantVersion}
	}
	// MariaDB would make a user that is not there, without a password.
	if _, err := g.conn.ExecContext(ctx, "SET SESSION sql_mode = CONCAT(@@sql_mode /*M! , ',NO_AUTO_CREATE_USER' */)"); err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	return nil
}

// grant gives first and takes then, so that whoever works as that user notices nothing.
func (g granter) grant(ctx context.Context, before rights) error {
	for _, t := range grants {
		if err := g.exec(ctx, "GRANT "+t.may+" ON "+quoted(g.database)+"."+quoted(t.table)+" TO ?@?"); err != nil {
			return err
		}
		if err := g.cut(ctx, t.table, strings.Split(t.may, ", "), before); err != nil {
			return err
		}
	}
	return g.wide(ctx)
}

// cut takes other rights on a table: those that the user is seen to have, or else each that there
// is, one by one, for MySQL takes none of a list of which one is not there.
func (g granter) cut(ctx context.Context, table string, may []string, before rights) error {
	for _, p := range tablePrivileges {
		if slices.Contains(may, p) || len(before) > 0 && !slices.ContainsFunc(before, func(r right) bool { return r.table == table && r.privilege == p }) {
			continue
		}
		if err := g.exec(ctx, "REVOKE "+p+" ON "+quoted(g.database)+"."+quoted(table)+" FROM ?@?"); err != nil && number(err) != errNoSuchTableGrant {
			return err
		}
	}
	return nil
}

// wide leaves of what reaches over the whole database LOCK TABLES, which cannot be granted on a
// table and is worth nothing without a right on one. A name with underscores may have been granted
// as a pattern.
func (g granter) wide(ctx context.Context) error {
	names := []string{g.database}
	if pattern := strings.NewReplacer("_", `\_`, "%", `\%`).Replace(g.database); pattern != g.database {
		names = append(names, pattern)
	}
	for _, name := range names {
		for _, what := range []string{"ALL PRIVILEGES", "GRANT OPTION"} {
			if err := g.exec(ctx, "REVOKE "+what+" ON "+quoted(name)+".* FROM ?@?"); err != nil && number(err) != errNoSuchGrant {
				return err
			}
		}
	}
	return g.exec(ctx, "GRANT LOCK TABLES ON "+quoted(g.database)+".* TO ?@?")
}

// exec runs a statement with the user's name for its placeholders, which the driver fills in.
func (g granter) exec(ctx context.Context, statement string) error {
	if _, err := g.conn.ExecContext(ctx, statement, g.user, g.host); err != nil {
		return fmt.Errorf("%s: %w", strings.Replace(statement, "?@?", g.user+"@"+g.host, 1), err)
	}
	return nil
}

// rights are what the user has now, as far as the owner may see them.
func (g granter) rights(ctx context.Context) (have rights, err error) {
	err = g.conn.Raw(func(conn any) error {
		have, err = rightsOf(ctx, conn.(driver.Conn), g.user+"@"+g.host)
		return err
	})
	return have, err
}

// explain says what to do about a statement that failed.
func (g granter) explain(err error) error {
	switch number(err) {
	case errNoUser, errNoUserMySQL:
		return fmt.Errorf("grant to %s@%s: there is no such user: CREATE USER '%s'@'%s' IDENTIFIED BY '…' first: %w", g.user, g.host, g.user, g.host, err)
	case errDatabaseDenied, errAccessDenied, errTableDenied, errNeedsPrivilege:
		return fmt.Errorf("grant: the user of %s may not: it needs ALL PRIVILEGES ON %s.* WITH GRANT OPTION: %w", envDSN, quoted(g.database), err)
	}
	return fmt.Errorf("grant: %w", err)
}

// grantSteps name all that Grant gives, for caches of prepared databases.
func grantSteps() []string {
	var steps []string
	for _, t := range grants {
		steps = append(steps, t.may+" ON "+t.table)
	}
	return append(steps, "LOCK TABLES")
}
