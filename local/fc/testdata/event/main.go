// A function on the real runtime SDK that does what its event says.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

type order struct {
	Do   string `json:"do"`
	Text string `json:"text"`
}

// Refused is an error with a name.
type Refused struct{ why string }

func (e *Refused) Error() string { return e.why }

var inFlight atomic.Int32

func main() {
	if os.Getenv("START") == "exit" {
		fmt.Println("no reason to go on")
		os.Exit(7)
	}
	fc.RegisterInitializerFunction(func(context.Context) {
		if os.Getenv("INIT") == "fail" {
			panic(errors.New("cannot initialise"))
		}
		fmt.Println("initialised")
	})
	fc.RegisterPreStopFunction(func(context.Context) {
		if path := os.Getenv("MARK"); path != "" {
			_ = os.WriteFile(path, []byte("stopped"), 0o600)
		}
	})
	fc.Start(handle)
}

func handle(ctx context.Context, o order) (any, error) {
	defer inFlight.Add(-1)
	if n := inFlight.Add(1); n > 1 {
		return nil, fmt.Errorf("%d calls at a time", n)
	}
	switch o.Do {
	case "echo":
		deadline, _ := ctx.Deadline()
		fcContext, _ := fccontext.FromContext(ctx)
		return map[string]any{
			"text": o.Text, "size": len(o.Text), "pid": os.Getpid(), "deadline": deadline.UnixMilli(), "request": fcContext.RequestID,
			"function": fcContext.Function.Name, "timeout": fcContext.Function.Timeout, "env": os.Getenv(o.Text), "cwd": workDir(),
		}, nil
	case "print":
		for range 3 {
			fmt.Println(o.Text)
		}
		fmt.Fprint(os.Stderr, "no end of line")
		return nil, nil
	case "fail":
		return nil, &Refused{o.Text}
	case "panic":
		panic(o.Text)
	case "exit":
		os.Exit(3)
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "hang":
		select {}
	case "http":
		return map[string]any{"statusCode": 200}, nil
	}
	return nil, errors.New("what?")
}

func workDir() string {
	dir, _ := os.Getwd()
	return dir[strings.LastIndexByte(dir, '/')+1:]
}
