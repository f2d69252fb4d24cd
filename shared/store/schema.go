package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// goMigrations are those that look at what they find; the others are files.
var goMigrations = []struct {
	version int64
	name    string
	up      func(ctx context.Context, db *sql.DB) error
}{
	{2, "00002_partitions", partitionTables},
}

// wantVersion is the schema that this build was written for. Migrations only ever add what
// older builds may ignore, so a build works on its own schema and on every newer one.
const wantVersion = 4

const selectVersion = "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied"

// SchemaError says that the database's schema is older than this build needs.
type SchemaError struct {
	Database   string
	Have, Want int // versions; Have 0 = an empty database
}

// Error names the setting, both versions and what to do.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("%s: the schema of database %s is version %d, this build needs %d: %s", envDSN, e.Database, e.Have, e.Want, e.Remedy())
}

// Remedy is what to do.
func (e *SchemaError) Remedy() string {
	return "run `qianfan migrate` with the same " + envDSN + "; whatever waits for it then goes on by itself"
}

// SchemaVersion reads the version of the database's schema, 0 when there is none, and tells
// the one that this build wants. Only have < want keeps the build from serving.
func (s *Store) SchemaVersion(ctx context.Context) (have, want int, err error) {
	db, err := s.upkeep(migrateSetup)
	if err != nil {
		return 0, wantVersion, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	have, err = readVersion(ctx, db)
	return have, wantVersion, err
}

func readVersion(ctx context.Context, db *sql.DB) (int, error) {
	var have int
	err := db.QueryRowContext(ctx, selectVersion).Scan(&have)
	if number(err) == errNoSuchTable {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return have, nil
}

// migratePatience is how long one migration waits for another's end, in seconds.
const migratePatience = 600

// Migrate brings the schema to the version of this build; a newer one is left as it is. Of
// several at once, one works and the others wait for it. It may take as long as ctx allows.
func (s *Store) Migrate(ctx context.Context) (err error) {
	db, err := s.upkeep(migrateSetup)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx) // holds the lock, while others do the work
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	unlock, got, err := namedLock(ctx, conn, "migrate", migratePatience)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if !got {
		return errors.New("migrate: another migration of this database does not end")
	}
	defer func() { err = errors.Join(err, unlock()) }()
	have, err := readVersion(ctx, db)
	if err != nil || have >= wantVersion {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	var list []*goose.Migration
	for _, m := range goMigrations {
		list = append(list, goose.NewGoMigration(m.version, &goose.GoFunc{RunDB: m.up}, nil))
	}
	p, err := goose.NewProvider(goose.DialectMySQL, db, files, goose.WithGoMigrations(list...), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate from version %d: %w", have, err)
	}
	return nil
}

// namedLock takes a lock of the whole server, named after this database and a purpose, waiting
// that many seconds. It ends with unlock or with the connection.
func namedLock(ctx context.Context, conn *sql.Conn, purpose string, seconds int) (unlock func() error, got bool, err error) {
	const name = "CONCAT('qianfan.', LEFT(SHA2(DATABASE(), 256), 32), '.', ?)"
	var answer sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK("+name+", ?)", purpose, seconds).Scan(&answer); err != nil {
		return nil, false, fmt.Errorf("lock %s: %w", purpose, err)
	}
	return func() error {
		// Whatever became of ctx, the lock must go; at the latest it goes with the connection.
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK("+name+")", purpose)
		return err
	}, answer.Int64 == 1, nil
}

// SchemaKey names the schema of this build, and what its user may do, by their content, for caches of prepared databases.
func SchemaKey() string {
	sum := sha256.New()
	entries, _ := migrations.ReadDir("migrations") // embedded: it is there
	for _, e := range entries {
		raw, _ := migrations.ReadFile("migrations/" + e.Name())
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", e.Name(), len(raw), raw)
	}
	for _, statement := range append(partitionSteps(), grantSteps()...) {
		_, _ = fmt.Fprintln(sum, statement)
	}
	return fmt.Sprintf("%s-%x", goMigrations[len(goMigrations)-1].name, sum.Sum(nil)[:6])
}
