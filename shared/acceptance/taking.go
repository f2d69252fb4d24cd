package acceptance

import (
	"context"
	"errors"

	"github.com/chuandao/qianfan/shared/upstream"
)

// Taking refuses new orders of a platform or city that people have switched off. What is
// empty is not asked for. The caller is not told why: the log line is.
func (d *Desk) Taking(ctx context.Context, platform, city string) error {
	switches, err := d.live.Switches(ctx)
	if err != nil {
		return err
	}
	reason, off := switches.Order(platform, city)
	if !off {
		return nil
	}
	field, message := "", "no orders are taken at present"
	if _, everywhere := switches.Order(platform, ""); !everywhere {
		field, message = "city", "no orders are taken in city "+city+" at present"
	}
	return &upstream.Error{Reason: upstream.SwitchedOff, Field: field, Message: message, Err: errors.New(reason)}
}
