package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

)

// journal reads what functions print: refused inputs are kept for the console, the rest is
// shown when asked for, or when it is an error.
type journal struct {
	verbose bool
	to      io.Writer

	mu      sync.Mutex
	refused []Refusal
	total   int
	errors  int
}

// keptRefusals bounds the memory of a flood.
const keptRefusals = 1000

type logLine struct {
	Time     time.Time `json:"time"`
	Level    string    `json:"level"`
	Msg      string    `json:"msg"`
	Function string    `json:"function"`
	Party    string    `json:"party"`
	No       string    `json:"no"`
	Reason   string    `json:"reason"`
	Field    string    `json:"field"`
	Detail   string    `json:"detail"`
}

func (j *journal) line(function, instance, text string) {
	if strings.HasPrefix(text, "FC ") {
		return
	}
	var l logLine
	isJSON := json.Unmarshal([]byte(text), &l) == nil
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case isJSON && l.Msg == "input refused":
		j.total++
		j.refused = append(j.refused, Refusal{At: l.Time, Function: function, Party: l.Party, No: l.No, Reason: l.Reason, Field: l.Field, Detail: l.Detail})
		if len(j.refused) > keptRefusals {
			j.refused = j.refused[len(j.refused)-keptRefusals:]
		}
	case isJSON && l.Level == "ERROR":
		j.errors++
	case isJSON:
	default:
		j.errors++ // a panic or a runtime's own words
	}
	if j.verbose || !isJSON {
		_, _ = fmt.Fprintf(j.to, "%s %s | %s\n", function, instance, text)
	}
}

// Refused gives the latest refusals, newest first.
func (j *journal) Refused(limit int) []Refusal {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := []Refusal{}
	for i := len(j.refused) - 1; i >= 0 && len(out) < limit; i-- {
		out = append(out, j.refused[i])
	}
	return out
}

type Refusal struct { At time.Time; Function, Party, No, Reason, Field, Detail string }
