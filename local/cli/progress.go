package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
)

// now is the system time.
func (e *env) now() time.Time { return clock.System.Now() }

// progress is a line on stderr about long work, drawn anew a few times a second. On anything
// but a terminal it stays silent.
type progress struct {
	out   io.Writer
	what  string
	began time.Time
	drawn time.Time
	on    bool
}

// everyDraw is how often it is drawn.
const everyDraw = 200 * time.Millisecond

func (e *env) progress(what string) *progress {
	return &progress{out: e.errs, what: what, began: e.now(), on: terminal(e.errs)}
}

// terminal reports whether somebody looks at it.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// at draws how much is done of how much; of an unknown total (0) it draws the count.
func (p *progress) at(done, total int64) {
	now := clock.System.Now()
	if !p.on || now.Sub(p.drawn) < everyDraw {
		return
	}
	p.drawn = now
	rate := float64(done) / max(now.Sub(p.began).Seconds(), 0.001)
	if total > 0 {
		_, _ = fmt.Fprintf(p.out, "\r%3d%%  %d of %d %s, %.0f a second ", min(100, 100*done/total), done, total, p.what, rate)
		return
	}
	_, _ = fmt.Fprintf(p.out, "\r%d %s, %.0f a second ", done, p.what, rate)
}

// end clears the line.
func (p *progress) end() {
	if p.on && !p.drawn.IsZero() {
		_, _ = fmt.Fprintf(p.out, "\r%*s\r", 72, "")
	}
}
