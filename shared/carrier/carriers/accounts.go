package carriers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/settings"
)

// FromEnv makes the adapters whose variable is set: a JSON object for one prepaid account, or
// an array of such objects, each with credentials and an "account" name of its own, the first
// one serving whatever no rule gives to another. QIANFAN_DEV=1 lets the development
// credentials pass. All faulty settings are reported at once, each with its variable's name.
func FromEnv(getenv func(string) string, deps settings.Deps) (carrier.Set, error) {
	all := carrier.Set{}
	var faults []error
	for _, m := range known {
		raw := getenv(m.Variable)
		if raw == "" {
			continue
		}
		if err := addAccounts(all, m, []byte(raw), getenv("QIANFAN_DEV") == "1", deps); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", m.Variable, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return all, nil
}

func addAccounts(all carrier.Set, m settings.Maker[carrier.Adapter], raw []byte, dev bool, deps settings.Deps) error {
	accounts, err := split(raw)
	if err != nil {
		return err
	}
	var faults []error
	for i, settings := range accounts {
		adapter, err := m.Make(settings, dev, deps)
		if err == nil {
			err = add(all, m.Name, adapter)
		}
		if err != nil && len(accounts) > 1 {
			err = fmt.Errorf("account %d: %w", i+1, err)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// split gives the settings of each account.
func split(raw []byte) ([]json.RawMessage, error) {
	if text := bytes.TrimSpace(raw); len(text) == 0 || text[0] != '[' {
		return []json.RawMessage{raw}, nil
	}
	var accounts []json.RawMessage
	if err := json.Unmarshal(raw, &accounts); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	if len(accounts) == 0 {
		return nil, errors.New("settings: the list of accounts is empty")
	}
	return accounts, nil
}

func add(all carrier.Set, name string, adapter carrier.Adapter) error {
	account := adapter.Facts().Account
	if err := (carrier.AccountRule{Carrier: name, Account: account, Weight: 1}).Check(); err != nil {
		return err
	}
	if _, there := all.Adapter(name, account); there {
		return fmt.Errorf("account %q is configured twice", account)
	}
	if _, there := all[name]; there {
		name = carrier.Key(name, account)
	}
	all[name] = adapter
	return nil
}
