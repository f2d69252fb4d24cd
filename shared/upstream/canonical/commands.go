package canonical

import (
	"encoding/json"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/upstream"
)

// maxTip bounds one tip; dispatch refuses more than that as well.
const maxTip money.Fen = 100_00

// keyOf is the key of a command within its order. The client's own tells a repeat from another
// wish of the same content; without one the content is the key: the same tip again is the same tip.
func (c *checker) keyOf(key *string, kind upstream.Kind, no, content string) string {
	if key == nil {
		return content
	}
	if !orderNo.MatchString(*key) {
		c.fail(upstream.Refuse(upstream.BadField, "key", "not 1 to 64 of A-Z a-z 0-9 . _ : -"))
	}
	return upstream.HashOf([]any{kind, no, "key", *key})
}

// readCancel reads {"reason"}. Its key comes from the order and the reason, so that a
// repeat is the same command.
func readCancel(_ *Adapter, no string, body []byte) (upstream.Push, *upstream.Error) {
	var in struct {
		Reason *string `json:"reason"`
		Key    *string `json:"key"`
	}
	if fault := decodeJSON(body, &in); fault != nil {
		return upstream.Push{}, fault
	}
	if in.Reason == nil {
		return upstream.Push{}, missing("reason")
	}
	c := &checker{}
	reason := c.text("reason", in.Reason)
	hash := upstream.HashOf([]any{upstream.KindCancel, no, reason})
	key := c.keyOf(in.Key, upstream.KindCancel, no, hash)
	if c.fault != nil {
		return upstream.Push{}, c.fault
	}
	return upstream.Push{
		Kind: upstream.KindCancel, No: no, Hash: hash,
		Cancel: &upstream.Cancel{Key: key, By: "platform", Reason: reason},
	}, nil
}

// readTip reads {"add_fen","key"}.
func readTip(_ *Adapter, no string, body []byte) (upstream.Push, *upstream.Error) {
	var in struct {
		AddFen json.RawMessage `json:"add_fen"`
		Key    *string         `json:"key"`
	}
	if fault := decodeJSON(body, &in); fault != nil {
		return upstream.Push{}, fault
	}
	c := &checker{}
	add := c.amount("add_fen", in.AddFen, maxTip)
	if add == 0 {
		c.fail(upstream.Refuse(upstream.BadMoney, "add_fen", "nothing is added"))
	}
	hash := upstream.HashOf([]any{upstream.KindTip, no, add})
	key := c.keyOf(in.Key, upstream.KindTip, no, hash)
	if c.fault != nil {
		return upstream.Push{}, c.fault
	}
	return upstream.Push{
		Kind: upstream.KindTip, No: no, Hash: hash,
		Tip: &upstream.Tip{Key: key, By: "platform", Add: add},
	}, nil
}

// readChange reads {"recipient":{…},"key"}: the fields that change. A place is changed as a
// whole, because an old address with a new point would send the rider somewhere else.
func readChange(_ *Adapter, no string, body []byte) (upstream.Push, *upstream.Error) {
	var in struct {
		Recipient *stop   `json:"recipient"`
		Key       *string `json:"key"`
	}
	if fault := decodeJSON(body, &in); fault != nil {
		return upstream.Push{}, fault
	}
	if in.Recipient == nil {
		return upstream.Push{}, missing("recipient")
	}
	c := &checker{}
	change := c.change(*in.Recipient)
	hash := upstream.HashOf([]any{upstream.KindChange, no, change})
	change.Key, change.By = c.keyOf(in.Key, upstream.KindChange, no, hash), "platform"
	if c.fault != nil {
		return upstream.Push{}, c.fault
	}
	return upstream.Push{Kind: upstream.KindChange, No: no, Hash: hash, Change: &change}, nil
}

func (c *checker) change(in stop) upstream.Change {
	var out upstream.Change
	if in.Name != nil {
		out.Name = c.need("recipient.name", in.Name)
	}
	if in.Phone != nil {
		out.Phone, out.Ext = c.phone("recipient.phone", in.Phone)
	}
	if in.Address != nil || in.Lng != nil || in.Lat != nil || in.Detail != nil {
		out.Place = &upstream.Place{
			Address: c.need("recipient.address", in.Address), Detail: c.text("recipient.detail", in.Detail),
			Point: c.point("recipient.", in),
		}
	}
	if (out == upstream.Change{}) {
		c.fail(missing("recipient.phone"))
	}
	return out
}
