package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// accountBody is the body column of carrier_account: a rule without its key.
type accountBody struct {
	Match  carrier.AccountMatch `json:"match"`
	Weight int                  `json:"weight"`
	Active bool                 `json:"active"`
	Limit  int                  `json:"per_second,omitempty"`

	Floor        money.Fen `json:"floor_fen,omitempty"`
	AlarmBelow   money.Fen `json:"alarm_fen,omitempty"`
	AlarmMinutes int       `json:"alarm_minutes,omitempty"`
}

func bodyOf(r carrier.AccountRule) accountBody {
	return accountBody{Match: r.Match, Weight: r.Weight, Active: r.Active, Limit: r.PerSecond, Floor: r.Floor, AlarmBelow: r.AlarmBelow, AlarmMinutes: r.AlarmMinutes}
}

func (b accountBody) rule(name, account string) carrier.AccountRule {
	return carrier.AccountRule{Carrier: name, Account: account, Match: b.Match, Weight: b.Weight, Active: b.Active, PerSecond: b.Limit,
		Floor: b.Floor, AlarmBelow: b.AlarmBelow, AlarmMinutes: b.AlarmMinutes}
}

// Accounts reads which prepaid accounts serve which orders, by carrier and account.
func (s *Store) Accounts(ctx context.Context) ([]carrier.AccountRule, error) {
	var out []carrier.AccountRule
	rows, err := s.db.QueryContext(ctx, "SELECT carrier, account, body FROM carrier_account ORDER BY carrier, account")
	err = each(rows, err, "carrier accounts", func(r *sql.Rows) error {
		var name, account string
		var raw []byte
		var body accountBody
		if err := r.Scan(&name, &account, &raw); err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &body); err != nil {
			return fmt.Errorf("%s/%s: %w", name, account, err)
		}
		out = append(out, body.rule(name, account))
		return nil
	})
	return out, err
}

// SaveAccount sets the rule of one account and leaves an audit row in the same transaction;
// verb is what the person did ("account route"), now system time. A rule that is there already
// changes nothing and reports false; one with a mistake is refused. From the commit on nothing
// is held below its floor.
func (s *Store) SaveAccount(ctx context.Context, rule carrier.AccountRule, verb, by string, now time.Time) (changed bool, err error) {
	if err := rule.Check(); err != nil {
		return false, err
	}
	body, err := json.Marshal(bodyOf(rule))
	if err != nil {
		return false, fmt.Errorf("save account: %w", err)
	}
	err = s.tx(ctx, "save account", func(tx *sql.Tx) error {
		changed = false
		before, err := lockAccount(ctx, tx, rule.Carrier, rule.Account)
		if err != nil || (before != nil && reflect.DeepEqual(*before, rule)) {
			return err
		}
		save := insert{table: "carrier_account", cols: []string{"carrier", "account", "body"}, update: []string{"body"}}
		if err := save.exec(ctx, tx, [][]any{{rule.Carrier, rule.Account, string(body)}}); err != nil {
			return err
		}
		changed = true
		if err := audit(ctx, tx, Act{By: by, At: now}, verb, rule.Carrier+"/"+rule.Account, before, rule); err != nil {
			return err
		}
		return setFloor(ctx, tx, purse{rule.Carrier, rule.Account}, rule.Floor)
	})
	return changed && err == nil, err
}

// lockAccount reads the present rule under a lock; nil = there is none.
func lockAccount(ctx context.Context, tx *sql.Tx, name, account string) (*carrier.AccountRule, error) {
	var raw []byte
	var body accountBody
	err := tx.QueryRowContext(ctx, "SELECT body FROM carrier_account WHERE carrier = ? AND account = ? FOR UPDATE", name, account).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read carrier account: %w", err)
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, fmt.Errorf("carrier account %s/%s: %w", name, account, err)
	}
	rule := body.rule(name, account)
	return &rule, nil
}
