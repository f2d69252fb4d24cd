package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Vault keeps the tokens that parties give us, sealed with the data key, for all instances.
// It costs statements only when a token is got or renewed: adapters keep it in the process.
type Vault struct {
	store  *Store
	owner  string
	system func() time.Time
}

// Vault makes the view of one instance; owner tells instances apart, system is system time.
func (s *Store) Vault(owner string, system func() time.Time) *Vault {
	return &Vault{store: s, owner: owner, system: system}
}

// kept is what a row's sealed column holds.
type kept struct {
	Issued time.Time       `json:"issued"`
	Secret json.RawMessage `json:"secret"`
}

// maxTokenName is the width of the name's column.
const maxTokenName = 64

// Load reads the secret kept under name; false: there is none. One that was sealed with
// another data key is ErrSealed.
func (v *Vault) Load(ctx context.Context, name string, into any) (bool, error) {
	k, err := v.read(ctx, v.store.db, "SELECT sealed FROM token WHERE name = ?", name)
	if err != nil || k == nil {
		return false, err
	}
	if err := json.Unmarshal(k.Secret, into); err != nil {
		return false, fmt.Errorf("token %s: %w", name, err)
	}
	return true, nil
}

// rower is a transaction or the pool.
type rower interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (v *Vault) read(ctx context.Context, from rower, query, name string) (*kept, error) {
	var sealed []byte
	err := from.QueryRowContext(ctx, query, name).Scan(&sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows) || (err == nil && sealed == nil):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read token %s: %w", name, err)
	}
	var k kept
	if err := v.store.sealer.Open(sealed, &k); err != nil {
		return nil, fmt.Errorf("token %s: %w", name, err)
	}
	return &k, nil
}

// Claim gives this instance the right to get the next token until the lease is over. The
// instance that has it may claim again, as after a call that failed.
func (v *Vault) Claim(ctx context.Context, name string, lease time.Duration) (bool, error) {
	if name == "" || len(name) > maxTokenName {
		return false, fmt.Errorf("claim token %q: want a name of 1 to %d bytes", name, maxTokenName)
	}
	mine := false
	err := v.store.tx(ctx, "claim token "+name, func(tx *sql.Tx) error {
		mine = false
		there := insert{table: "token", cols: []string{"name"}, keep: true}
		if err := there.exec(ctx, tx, [][]any{{name}}); err != nil {
			return err
		}
		var owner string
		var until int64
		if err := tx.QueryRowContext(ctx, "SELECT claim_owner, claim_until FROM token WHERE name = ? FOR UPDATE", name).Scan(&owner, &until); err != nil {
			return err
		}
		now := v.system()
		if owner != "" && owner != v.owner && now.UnixMilli() < until {
			return nil
		}
		mine = true
		_, err := tx.ExecContext(ctx, "UPDATE token SET claim_owner = ?, claim_until = ? WHERE name = ?", v.owner, now.Add(lease).UnixMilli(), name)
		return err
	})
	return mine && err == nil, err
}

// Save keeps a secret in place of the one before and ends this instance's claim. Without the
// claim it gives way to a secret that was issued later; whoever has the claim got the newest one,
// whatever the clocks of other instances said.
func (v *Vault) Save(ctx context.Context, name string, secret any, issued time.Time) error {
	if name == "" || len(name) > maxTokenName {
		return fmt.Errorf("save token %q: want a name of 1 to %d bytes", name, maxTokenName)
	}
	raw, err := json.Marshal(secret)
	if err != nil {
		return fmt.Errorf("save token %s: %w", name, err)
	}
	sealed, err := v.store.sealer.Seal(kept{Issued: issued, Secret: raw})
	if err != nil {
		return fmt.Errorf("save token %s: %w", name, err)
	}
	return v.store.tx(ctx, "save token "+name, func(tx *sql.Tx) error {
		before, err := v.read(ctx, tx, "SELECT sealed FROM token WHERE name = ? FOR UPDATE", name)
		if err != nil && !errors.Is(err, ErrSealed) { // what nobody can open is no loss
			return err
		}
		var mine bool
		err = tx.QueryRowContext(ctx, "SELECT claim_owner = ? FROM token WHERE name = ?", v.owner, name).Scan(&mine)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if mine || before == nil || !before.Issued.After(issued) {
			_, err := tx.ExecContext(ctx, "INSERT INTO token (name, sealed, version) VALUES (?, ?, 1) ON DUPLICATE KEY UPDATE sealed = VALUES(sealed), version = version + 1", name, sealed)
			if err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "UPDATE token SET claim_owner = '', claim_until = 0 WHERE name = ? AND claim_owner = ?", name, v.owner)
		return err
	})
}
