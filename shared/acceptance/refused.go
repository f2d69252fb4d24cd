package acceptance

import (
	"context"
	"log/slog"

	"github.com/chuandao/qianfan/shared/upstream"
)

// Refused leaves the line by which an operator finds a refused request. It names no person.
func Refused(ctx context.Context, platform, no string, e *upstream.Error) {
	level := slog.LevelWarn
	if e.Reason == upstream.SendAgain || e.Reason == upstream.Conflict {
		level = slog.LevelError
	}
	slog.Log(ctx, level, "input refused", "party", "platform:"+platform, "no", no, "reason", e.Reason, "field", e.Field, "detail", e.Error())
}
