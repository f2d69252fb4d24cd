package emulator

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// banner is the one thing printed when everything answers.
func (e *Emulator) banner(w io.Writer) {
	rows := [][2]string{
		{"console", e.URLs["console"]},
		{"gateway", e.URLs["gateway"]},
		{"rocketmq", e.on.endpoint + " (" + e.on.broker + ")"},
		{"store", e.on.store + ", durability " + string(e.on.durability)},
		{"cache", e.on.cache + " " + e.on.redis},
		{"clock", fmt.Sprintf("%s, at most ×%g", e.Clock.Now().In(shanghai).Format("2006-01-02 15:04:05"), e.opts.Speed)},
		{"seed", fmt.Sprint(e.opts.Seed)},
	}
	for name := range e.Platforms {
		rows = append(rows, [2]string{"platform " + name, e.URLs[name]})
	}
	for name := range e.Carriers {
		rows = append(rows, [2]string{"carrier " + name, e.URLs[name]})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  千帆 Qianfan · ready in %d ms\n\n", e.ReadyIn.Milliseconds())
	for _, r := range rows {
		fmt.Fprintf(&b, "  %-18s %s\n", r[0], r[1])
	}
	b.WriteString("\n  Ctrl-C ends everything. Orders follow as they come and as they are over:\n\n")
	_, _ = io.WriteString(w, b.String())
}

const followPoll = 500 * time.Millisecond // of system time

// follow prints a line for every order as it comes, and one as it is over.
func (e *Emulator) follow(ctx context.Context, w io.Writer) {
	var cursor store.ClosedCursor
	for {
		if sharedclock.System.Sleep(ctx, followPoll) != nil {
			return
		}
		came, closed, next, err := e.Store.Follow(ctx, cursor)
		if err != nil {
			continue // the store is closing, or away: the next poll tells
		}
		cursor = next
		for _, c := range came {
			_, _ = fmt.Fprintf(w, "  %s  %-8s %-20s came\n", c.At.In(shanghai).Format("15:04:05"), c.Platform, c.No)
		}
		for _, c := range closed {
			_, _ = fmt.Fprintln(w, orderLine(c))
		}
	}
}

// stateNames are the final states for people.
var stateNames = map[string]string{"delivered": "delivered 已送达", "cancelled": "cancelled 已取消", "failed": "failed 无人接单", "returned": "returned 已退回"}

func orderLine(c store.ClosedOrder) string {
	carrier := c.Carrier
	if carrier == "" {
		carrier = "-"
	}
	return fmt.Sprintf("  %s  %-8s %-20s → %-9s %-18s %5s  attempts %d  income %s  cost %s  margin %s",
		c.At.In(shanghai).Format("15:04:05"), c.Platform, c.No, carrier, stateNames[c.State], c.Took.Round(time.Minute/6).String(),
		c.Attempts, yuan(c.Income), yuan(c.Cost), yuan(c.Income-c.Cost))
}

func yuan(f money.Fen) string { return f.Yuan() }
