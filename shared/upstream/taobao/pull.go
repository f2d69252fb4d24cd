package taobao

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/chuandao/qianfan/shared/upstream"
)

// Pull fetches the core messages (10, 12, 14, 15, 17, 217, 218) that did not get through
// (eleme.msgNew.getPushFailMsg), of the whole application and therefore without a token.
func (a *Adapter) Pull(ctx context.Context) ([]upstream.Missed, error) {
	result, err := a.call(ctx, "eleme.msgNew.getPushFailMsg", "", map[string]any{"msgQueryRequest": a.cfg.PullQuery})
	if err != nil {
		return nil, err
	}
	list, err := a.listed(result)
	if err != nil {
		return nil, &upstream.Error{Reason: upstream.Unreachable, Message: "the list of messages cannot be read", Err: err}
	}
	missed := make([]upstream.Missed, len(list))
	for i, raw := range list {
		missed[i] = a.missed(raw)
	}
	return missed, nil
}

// listed finds the list of messages in a result: the result itself, or its field
// Config.PullList.
func (a *Adapter) listed(result json.RawMessage) ([]json.RawMessage, error) {
	if a.cfg.PullList != "" {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(result, &object); err != nil {
			return nil, err
		}
		if result = object[a.cfg.PullList]; result == nil {
			return nil, nil
		}
	}
	var list []json.RawMessage
	err := json.Unmarshal(result, &list)
	return list, err
}

// missed reads one message, which is the envelope of a push or that as text. Its age says
// nothing, because it was missed; its signature holds as in a push.
func (a *Adapter) missed(raw json.RawMessage) upstream.Missed {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && trimmed[0] == '"' {
		var inner string
		if json.Unmarshal(trimmed, &inner) == nil {
			raw = json.RawMessage(inner)
		}
	}
	var id struct {
		RequestID text `json:"requestId"`
	}
	_ = json.Unmarshal(raw, &id) // without an id it cannot be confirmed, and open says why
	m := upstream.Missed{ID: string(id.RequestID)}
	env, fault := a.open(raw)
	if fault == nil {
		m.Push, fault = a.read(env)
	}
	if fault != nil {
		m.Err = fault
	}
	return m
}

// Confirm tells 饿了么 which messages have arrived (eleme.msgNew.confirmPullMsg).
func (a *Adapter) Confirm(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := a.call(ctx, "eleme.msgNew.confirmPullMsg", "", map[string]any{
		"msgConfirmRequest": map[string]any{"appId": json.RawMessage(a.cfg.AppID), a.cfg.ConfirmIDs: ids},
	})
	return err
}
