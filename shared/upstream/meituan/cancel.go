package meituan

import (
	"github.com/chuandao/qianfan/shared/upstream"
)

// dealers maps deal_op_type, who cancelled.
var dealers = map[string]string{
	"1": "customer",
	"2": "merchant",
	"3": "platform", // 客服
	"4": "platform", // BD
	"5": "platform", // 系统
	"6": "platform", // 开放平台
}

// readCancel reads a cancellation. Its key comes from the order, who cancelled and why,
// so that a repeat is the same command.
func readCancel(params map[string]string) (upstream.Push, *upstream.Error) {
	f := fields{values: params}
	no, by := f.orderNo(), "platform"
	dealer, code := f.text("deal_op_type"), f.text("reason_code")
	if dealer != "" {
		known, ok := dealers[dealer]
		if !ok {
			f.fail(upstream.BadField, "deal_op_type", "none of 1 to 6")
		}
		by = known
	}
	reason := f.text("reason")
	f.sound()
	if f.fault != nil {
		return upstream.Push{}, f.fault
	}
	return upstream.Push{
		Kind: upstream.KindCancel, No: no,
		Cancel: &upstream.Cancel{
			Key: upstream.HashOf([]any{upstream.KindCancel, no, by, code}),
			By:  by, Reason: reason,
		},
		Hash: upstream.HashOf([]any{upstream.KindCancel, no, dealer, code, reason}),
	}, nil
}
