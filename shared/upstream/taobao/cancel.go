package taobao

import (
	"github.com/chuandao/qianfan/shared/upstream"
)

// roles maps role, who changed the order (the platform's page on the bodies of messages).
var roles = map[string]string{
	"1": "customer", // 下单用户
	"2": "platform", // 饿了么系统
	"3": "merchant", // 饿了么商户
	"4": "platform", // 客服
	"5": "platform", // 开放平台系统
	"8": "platform", // 风控系统
}

// wishers are those behind a cancel that names nobody: 取消单 and 退单 are the customer's.
var wishers = map[string]string{"14": "customer", "23": "customer", "25": "customer", "33": "customer", "35": "customer"}

// readCancel reads that an order has become invalid. Its key comes from the order and the
// type, so that a repeat is the same command and a later 强制无效 is another.
func (a *Adapter) readCancel(env envelope, f *fields) upstream.Push {
	kind, no, role := env["type"], f.orderNo(), f.text("role")
	by, ok := roles[role]
	if !ok {
		by = wishers[kind]
	}
	if by == "" {
		by = "platform"
	}
	reason := f.text("reason")
	if reason == "" {
		reason = f.text("remark")
	}
	return upstream.Push{
		Kind: upstream.KindCancel, No: no,
		Cancel: &upstream.Cancel{Key: upstream.HashOf([]any{upstream.KindCancel, no, kind}), By: by, Reason: reason},
		Hash:   upstream.HashOf([]any{upstream.KindCancel, no, kind, role, reason}),
	}
}

// fullRefund is the refundType of a refund of the whole order; one of a part leaves
// something to deliver.
const fullRefund = "normal"

// readRefund reads that a refund has been granted. One of everything withdraws the order.
func (a *Adapter) readRefund(env envelope, f *fields) upstream.Push {
	if f.text("refundType") != fullRefund {
		return notice(a, env, f)
	}
	return a.readCancel(env, f)
}
