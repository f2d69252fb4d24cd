package scenario

import (
	"fmt"
	"io"
)

// Report tells people what did not come out as written: what was wanted, what it was, and
// how it came to that.
func Report(w io.Writer, r Result) {
	if r.Passed {
		return
	}
	_, _ = fmt.Fprintf(w, "\n%s: %s\n", r.File, r.Name)
	for _, f := range r.Failures {
		_, _ = fmt.Fprintf(w, "\n  %s\n    - wanted  %s\n    + got     %s\n", f.Where, f.Wanted, f.Got)
	}
	if r.Error != "" {
		_, _ = fmt.Fprintf(w, "\n  could not go on: %s\n", r.Error)
	}
	if len(r.Timeline) > 0 {
		_, _ = fmt.Fprintln(w)
	}
	for _, line := range r.Timeline {
		_, _ = fmt.Fprintln(w, "  "+line)
	}
	_, _ = fmt.Fprintln(w)
}
