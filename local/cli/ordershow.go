package cli

import (
	"encoding/json"
	"net/url"
)

type orderShow struct {
	Order string `arg:"" help:"Our id, or the platform's number."`
}

// Help is the example.
func (orderShow) Help() string { return "Example:\n  qianfan order show 20123456789012345" }

// Run is the verb.
func (c orderShow) Run(e *env) error {
	var raw json.RawMessage
	if err := e.api.get(e.ctx, "/api/orders/"+url.PathEscape(c.Order), nil, &raw); err != nil {
		return err
	}
	return e.show(raw, func() { e.say("%s", raw) })
}
